from __future__ import annotations

from dataclasses import replace

import pytest
import tomlkit

from dualano_setup.facts.fact import Known
from dualano_setup.facts.sheet import FactSheet, Gpu, Gpus
from dualano_setup.knowledge.catalogue import load
from dualano_setup.repairs.planners.train_settings import plan
from dualano_setup.rules.finding import Finding
from dualano_setup.rules.gpu.memory import least
from dualano_setup.rules.rule import Context
from dualano_setup.settings.resolve import resolve

FINDING = Finding("GPU003", "fail", "too little memory", repairable=True)


@pytest.fixture
def context(tmp_path):
    (tmp_path / "dualano.toml").write_text("# mine\n[train]\nsteps = 10 # short\n")
    settings = resolve({}, {}, tmp_path)
    small = Gpu(0, "a small one", int(least(settings) * 0.8), 0, (8, 6))
    gpus = Gpus("535.183.01", "12.2", (small,), None, "nvml")
    return Context(FactSheet(gpus=Known(gpus)), settings, load("guide-cu118"))


def test_settings_that_fit_are_written_beside_the_user_s(context, tmp_path):
    (action,) = plan(context, (FINDING,)).actions
    text = action.content.decode()
    assert text.startswith("# mine\n[train]\nsteps = 10 # short\n")
    after = tomlkit.parse(text)["train"]
    assert len(after) > 1
    (tmp_path / "dualano.toml").write_bytes(action.content)
    assert least(resolve({}, {}, tmp_path)) < least(context.settings)


def test_a_flag_that_beats_the_file_is_named(context):
    (key, *_) = tomlkit.parse(plan(context, (FINDING,)).actions[0].content.decode())["train"].keys() - {"steps"}
    louder = replace(context.settings, said_by={key: "DUALANO_SOMETHING"})
    assert "DUALANO_SOMETHING" in plan(replace(context, settings=louder), (FINDING,)).notes[0]


def test_without_a_settings_file_one_is_made(context, tmp_path):
    (tmp_path / "dualano.toml").unlink()
    (action,) = plan(context, (FINDING,)).actions
    assert action.before_sha256 == ""
    assert "train" in tomlkit.parse(action.content.decode())
