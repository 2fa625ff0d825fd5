"""SEC001's repair: one conversion a pickled file, named as the libraries look for it."""

from pathlib import Path

from dualano_setup.facts.fact import Absent, Known
from dualano_setup.facts.sheet import BaseModel, FactSheet
from dualano_setup.knowledge.catalogue import load
from dualano_setup.repairs.planners.weights import plan
from dualano_setup.rules.finding import Finding
from dualano_setup.rules.rule import Context
from dualano_setup.settings.options import Settings

FINDING = Finding("SEC001", "fail", "pickled", repairable=True)


def context(model):
    return Context(FactSheet(model=model), Settings(project=Path("/p")), load("cpu"))


def test_both_libraries_names():
    model = BaseModel("/m", True, pickled=("unet/diffusion_pytorch_model.bin", "text_encoder/pytorch_model.bin"))
    planned = plan(context(Known(model)), [FINDING])
    assert [action.outputs for action in planned.actions] == [
        (Path("/m/unet/diffusion_pytorch_model.safetensors"),),
        (Path("/m/text_encoder/model.safetensors"),),
    ]
    assert all(action.module == "trainer.convert" and action.rules == ("SEC001",) for action in planned.actions)


def test_what_cannot_be_converted_is_said():
    planned = plan(context(Known(BaseModel("/m", True, pickled=("v1-5.ckpt",)))), [FINDING])
    assert planned.actions == ()
    assert "v1-5.ckpt" in planned.notes[0]


def test_nothing_without_a_model_or_a_finding():
    model = Known(BaseModel("/m", True, pickled=("unet/a.bin",)))
    assert plan(context(Absent("none")), [FINDING]).actions == ()
    assert plan(context(model), []).actions == ()
