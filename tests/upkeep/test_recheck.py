"""The re-check against an index of our own, where every kind of drift is laid out."""

from __future__ import annotations

import json

import pytest

from dualano_setup.facts.sheet import IndexConfig
from dualano_setup.installers.uv import Source
from dualano_setup.upkeep import recheck as module
from dualano_setup.upkeep.hashes import line
from dualano_setup.upkeep.index_pages import Page, default_index, page, pages, read
from dualano_setup.upkeep.recheck import DRIFTED, NEWER, SAME, UNSEEN, Row, report, tags_of
from tests.stub_index import StubWheel, serve, write_index

LINUX = "manylinux_2_28_x86_64"


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    folder = tmp_path_factory.mktemp("index")
    wheels = [
        StubWheel("torch", "2.14.1", tags=f"cp311-cp311-{LINUX}"),
        StubWheel("torch", "2.14.1", tags=f"cp313-cp313t-{LINUX}"),
        StubWheel("torch", "99.0.0", tags=f"cp311-cp311-{LINUX}"),
        StubWheel("torchvision", "0.29.2", requires=("torch>=2.14.0",)),
        StubWheel("pandas", "2.2.2", requires=("numpy>=1.26",)),
        StubWheel("pandas", "2.2.1", requires=("numpy>=1.26,<2",)),
        StubWheel("numpy", "2.0.2"),
    ]
    write_index(folder, wheels)
    with serve(folder) as address:
        yield f"{address}simple/"


def test_tags_are_read_as_the_tables_write_them(url):
    files = page(f"{url}torch/", IndexConfig()).release("2.14.1")
    assert tags_of(files, "x86_64") == {"cp311", "cp313t"}
    assert tags_of(files, "aarch64") == set()
    assert len(files[0].sha256) == 64


def test_rows_that_drifted_are_told_from_rows_that_hold(url):
    seen = page(f"{url}torch/", IndexConfig())
    compare = module._compare
    assert compare("t", "torch", "2.14.1", seen, {"cp311", "cp313t"}, "x86_64", {}).verdict == SAME
    lost = compare("t", "torch", "2.14.1", seen, {"cp310", "cp311", "cp313t"}, "x86_64", {})
    assert (lost.verdict, "cp310" in lost.detail) == (DRIFTED, True)
    assert "no longer" in compare("t", "torch", "2.2.0", seen, {"cp311"}, "x86_64", {}).detail
    python = compare("t", "torch", "2.14.1", seen, {"cp311", "cp313t"}, "x86_64", {"requires_python": ">=3.10"})
    assert python.verdict == DRIFTED
    unseen = compare("t", "torch", "2.14.1", Page((), "dns"), {"cp311"}, "x86_64", {})
    assert (unseen.verdict, unseen.detail) == (UNSEEN, "dns")


@pytest.mark.parametrize("as_json", [True, False])
def test_a_yanked_release_is_drift_in_both_forms_of_the_api(as_json):
    name = f"torch-2.14.1-cp311-cp311-{LINUX}.whl"
    if as_json:
        text, kind = (
            json.dumps({"files": [{"filename": name, "yanked": "broken"}]}),
            "application/vnd.pypi.simple.v1+json",
        )
    else:
        text, kind = (
            f'<a href="../../{name}#sha256=ab" data-yanked="" data-requires-python="&gt;=3.10">x</a>',
            "text/html",
        )
    files = read(text, kind)
    assert files[0].yanked
    row = module._compare("t", "torch", "2.14.1", Page(files), {"cp311"}, "x86_64", {})
    assert (row.verdict, "yanked" in row.detail) == (DRIFTED, True)


def test_the_resolver_is_asked_who_goes_with_whom(url, tmp_path, monkeypatch):
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    source = Source(variables={"UV_DEFAULT_INDEX": url})
    ask = module._Ask(pages(url, ("torch", "torchvision", "pandas", "numpy"), IndexConfig()), source)
    answers = [
        module._answer(ask, "t", {"torch": "2.14.1", "torchvision": "0.29.2"}, "3.11", True),
        module._answer(ask, "t", {"torch": "2.14.1", "torchvision": "0.17.0"}, "3.11", True),
        module._answer(ask, "t", {"pandas": "2.2.1", "numpy": "2.0.2"}, "3.11", False),
        module._answer(ask, "t", {"pandas": "2.2.2", "numpy": "2.0.2"}, "3.11", False),
    ]
    assert [row.verdict for row in answers] == [SAME, DRIFTED, SAME, DRIFTED]
    assert [row.row for row in module._news(ask) if row.verdict == NEWER] == ["torch 99.0.0"]


def test_an_index_that_does_not_answer_is_no_drift(capsys):
    unseen = page("http://127.0.0.1:9/simple/torch/", IndexConfig())
    assert unseen.failure
    rows = module._pytorch_index(lambda _url: unseen)
    assert rows
    assert {row.verdict for row in rows} == {UNSEEN}
    assert report(rows, as_json=False) == 0
    assert "could not look" in capsys.readouterr().out
    assert report([*rows, Row("t", "torch 1", DRIFTED, "gone")], as_json=True) == 1
    assert json.loads(capsys.readouterr().out)["rows"][-1]["verdict"] == DRIFTED


def test_the_configured_index_is_asked_and_without_one_uv_s_own():
    assert default_index(IndexConfig(index_url="https://mirror.example/simple"), Source()) == (
        "https://mirror.example/simple"
    )
    assert default_index(IndexConfig(), Source()).startswith("https://")


def test_a_lock_s_line_holds_the_hashes_of_the_wheels_of_its_python(url):
    seen = page(f"{url}torch/", IndexConfig())
    digest = next(file.sha256 for file in seen.files if "cp311-cp311" in file.name and file.version == "2.14.1")
    assert line("torch==2.14.1", seen, "3.11") == f"torch==2.14.1 --hash=sha256:{digest}"
    assert line("torch==2.14.1+cu126", seen, "3.11") == "torch==2.14.1+cu126"
