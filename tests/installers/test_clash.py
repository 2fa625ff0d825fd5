"""uv's failures in words: made by the real uv on a stub index, so that a change of its wording shows here."""

from __future__ import annotations

import pytest

from dualano_setup.installers.clash import in_words
from dualano_setup.installers.uv import ResolutionError, Source, resolve
from tests.stub_index import StubWheel, serve, write_index

WHEELS = [
    StubWheel("torch", "2.2.0"),
    StubWheel("torch", "2.3.1"),
    StubWheel("xformers", "0.0.24", requires=("torch==2.2.0",)),
    StubWheel("diffusers", "0.42.1", requires=("huggingface-hub>=1.32.0,<3.0",)),
    StubWheel("huggingface-hub", "0.19.4"),
    StubWheel("huggingface-hub", "1.33.0"),
    StubWheel("numpy", "2.4.6", requires_python=">=3.11"),
    StubWheel("tokenizers", "0.13.3", tags="cp38-cp38-manylinux2014_x86_64"),
]


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    folder = tmp_path_factory.mktemp("index")
    write_index(folder, WHEELS)
    with serve(folder) as address:
        yield f"{address}simple/"


@pytest.mark.parametrize(
    ("pins", "said"),
    [
        (("xformers==0.0.24", "torch==2.3.1"), "xformers 0.0.24 needs torch==2.2.0, but the profile pins torch 2.3.1"),
        (
            ("diffusers==0.42.1", "huggingface-hub==0.19.4"),
            "diffusers 0.42.1 needs huggingface-hub>=1.32.0,<3.0, but the profile pins huggingface-hub 0.19.4",
        ),
        (("torch==2.2.0+cu118",), "no index at hand has torch 2.2.0+cu118"),
        (("einops==0.8.2",), "no index at hand knows a package named einops"),
        (("numpy==2.4.6",), "numpy 2.4.6 needs Python >=3.11"),
        (
            ("tokenizers==0.13.3",),
            "tokenizers 0.13.3 has no wheel for this Python or platform (it has wheels for cp38)",
        ),
    ],
)
def test_a_plan_that_cannot_work_names_what_clashes(url, tmp_path, monkeypatch, pins, said):
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    named = dict(pin.split("==") for pin in pins)
    with pytest.raises(ResolutionError) as caught:
        resolve(named, "stub", "3.10", Source(variables={"UV_DEFAULT_INDEX": url}))
    message = str(caught.value)
    assert said in message
    assert "Because" not in message
    assert len(message.splitlines()) <= 2


def test_an_index_that_does_not_answer_is_one_message_without_its_password(tmp_path, monkeypatch):
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    source = Source(variables={"UV_DEFAULT_INDEX": "http://me:secret@127.0.0.1:9/simple"})
    with pytest.raises(ResolutionError) as caught:
        resolve({"torch": "2.2.0"}, "stub", "3.10", source)
    message = str(caught.value)
    assert "http://127.0.0.1:9/simple/torch/ refuses the connection" in message
    assert "secret" not in message
    assert "cause:" not in message


def test_what_is_not_understood_is_left_to_uv_s_own_words():
    assert in_words("error: the moon is in the wrong phase") is None
