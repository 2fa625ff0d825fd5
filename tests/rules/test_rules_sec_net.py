from dataclasses import replace

import pytest

from dualano_setup.facts.fact import Absent, Unknown
from dualano_setup.facts.sheet import Answer, BaseModel, BinaryBuild, Network
from tests.rules.hand_made import environment, rows, sheet, statuses

PICKLED = BaseModel("/model", exists=True, pickled=("unet/diffusion_pytorch_model.bin",))
CPU_PAGE = "https://download.pytorch.org/whl/cpu/torch/"
HUB = Answer("https://hub.example/api", False, "dns")


def test_pickles_under_an_unsafe_torch_block():
    (row,) = rows("SEC001", sheet(model=PICKLED))
    assert (row.status, row.repairable) == ("fail", True)
    assert "CVE-2025-32434" in row.detail
    assert "unet/diffusion_pytorch_model.bin" in row.title


def test_pickles_are_fine_from_torch_2_6_on_and_safetensors_always():
    assert statuses("SEC001", sheet(model=replace(PICKLED, pickled=()))) == ["ok"]
    for version, status in (("2.5.1+cu118", "fail"), ("2.6.0+cu118", "ok"), ("2.13.0+cpu", "ok")):
        seen = replace(environment(), torch=BinaryBuild(version, "11.8"))
        assert statuses("SEC001", sheet(model=PICKLED, environment=seen)) == [status]


def test_without_an_environment_the_profiles_torch_counts():
    facts = sheet(model=PICKLED, environment=Absent("none yet"))
    assert statuses("SEC001", facts) == ["fail"]
    assert statuses("SEC001", facts, profile="modern") == ["ok"]


def test_without_a_model_there_is_nothing_to_say():
    assert statuses("SEC001", sheet(model=Absent("no --model"))) == ["skip"]
    assert statuses("SEC001", sheet(model=Unknown("unreadable"))) == ["unknown"]


def network(*indexes, hub=None):
    return sheet(network=Network(indexes=indexes, hub=hub), model=BaseModel("/model", exists=True))


def test_not_asked_is_skipped():
    assert statuses("NET001") == ["skip"]
    assert statuses("NET002") == ["skip"]


def test_answers_are_silent():
    facts = network(Answer("https://index.example/simple", True), hub=Answer("https://hub.example", True))
    assert statuses("NET001", facts) == ["ok"]
    assert statuses("NET002", facts) == ["ok"]


@pytest.mark.parametrize(
    ("failure", "word"),
    [
        ("dns", "resolved"),
        ("proxy", "HTTPS_PROXY"),
        ("certificate", "SSL_CERT_FILE"),
        ("timeout", "firewall"),
        ("http 403", "http 403"),
    ],
)
def test_failures_are_told_apart_and_credentials_kept_out(failure, word):
    (row,) = rows("NET001", network(Answer("https://me:secret@index.example/simple", False, failure)))
    assert row.status == "fail"
    assert word in row.cure
    assert "index.example" in row.title
    assert "secret" not in row.title + row.detail + row.cure


def test_an_index_that_another_can_stand_in_for_only_warns():
    facts = network(Answer(CPU_PAGE, False, "timeout"))
    assert statuses("NET001", facts, profile="cpu") == ["warn"]
    assert statuses("NET001", facts, profile="guide-cu118") == ["fail"]


def test_a_silent_hub_matters_only_without_the_model():
    assert statuses("NET002", network(hub=HUB)) == ["ok"]
    gone = sheet(network=Network(hub=HUB), model=BaseModel("/model", exists=False))
    (row,) = rows("NET002", gone)
    assert row.status == "fail"
    assert "HF_ENDPOINT" in row.cure
