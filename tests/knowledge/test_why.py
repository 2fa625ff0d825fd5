"""Why a version: each verdict, the number of facts, and that every fact has its source."""

from __future__ import annotations

import json

import pytest

from dualano_setup.cli.main import run
from dualano_setup.knowledge.why import Beside, why


@pytest.mark.parametrize(
    ("pin", "beside", "verdict", "words"),
    [
        ("torchvision==0.17.0", {"torch": "2.2.0+cu118"}, "forced", "torch 2.2.0 goes with torchvision 0.17.0"),
        ("torchvision==0.18.0", {"torch": "2.2.0"}, "forbidden", "torch 2.2.0 goes with torchvision"),
        ("xformers==0.0.24", {"torch": "2.2.0"}, "forced", "xformers 0.0.24"),
        ("xformers==0.0.23", {"torch": "2.2.0"}, "forbidden", "asks for torch==2.1.1"),
        ("numpy==2.1.0", {"torch": "2.2.0"}, "forbidden", "built for NumPy 1"),
        ("numpy==1.26.4", {"torch": "2.2.0"}, "free", ""),
        ("numpy==2.1.0", {"torch": "2.13.0"}, "free", ""),
        ("torch==2.2.0", {"numpy": "2.1.0"}, "forbidden", "2.3 is the first torch"),
        ("torch==2.2.0", {"xformers": "0.0.24"}, "forced", "asks for torch==2.2.0"),
        ("huggingface-hub==0.30", {"diffusers": "0.25.0"}, "forbidden", "cached_download"),
        ("diffusers==0.25.0", {"huggingface-hub": "0.30"}, "forbidden", "cached_download"),
        ("python==3.13", {"torch": "2.2.0"}, "forbidden", "wheels for Python 3.8"),
        ("einops==0.8.2", {"torch": "2.2.0"}, "free", ""),
    ],
)
def test_a_verdict_and_its_facts(pin, beside, verdict, words):
    name, _, version = pin.partition("==")
    answer = why(name, version, Beside(beside))
    assert answer.verdict == verdict
    if words:
        assert len(answer.facts) == 1  # one is enough for each of these
        (fact,) = answer.facts
        assert words in fact.fact
        assert fact.source
        assert fact.checked.startswith("20")
        assert fact.leaves(version) == (verdict == "forced")


def test_a_machine_forbids_too():
    assert why("torch", "2.2.0", Beside({}, gpu="sm_120")).verdict == "forbidden"
    assert why("torch", "2.13.0", Beside({}, gpu="sm_120")).verdict == "free"
    old = why("torch", "2.14.1", Beside({}, driver="450.80.02"))
    assert (old.verdict, "newer driver" in old.facts[0].fact) == ("forbidden", True)


def test_the_command(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run(["profile", "why", "numpy==2.1.0", "--profile", "guide-cu118", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["verdict"], document["pin"], document["profile"]) == ("forbidden", "numpy==2.1.0", "guide-cu118")
    assert all(set(row) == {"fact", "source", "level", "checked"} for row in document["facts"])
    assert run(["profile", "why", "torch", "--profile", "guide-cu118", "--for", "RTX 5090"]) == 0
    assert "no build of torch 2.2.0 has code for sm_120" in capsys.readouterr().out
    assert run(["profile", "why"]) == 2
    assert run(["profile", "why", "nonsense", "--profile", "cpu"]) == 2
    assert run(["profile", "cpu", "torch"]) == 2


@pytest.mark.parametrize(("day", "said"), [("2026-11-28", False), ("2027-02-20", False), ("2027-03-01", True)])
def test_tables_older_than_90_days_say_so(capsys, monkeypatch, day, said):
    monkeypatch.setenv("DUALANO_TODAY", day)
    assert run(["profile", "cpu", "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["name"] == "cpu"
    assert ("nobody has looked at for more than 90 days" in err) == said
