"""dualano.toml as written is dualano.toml as read."""

from __future__ import annotations

import pytest

from dualano_setup.errors import UsageError
from dualano_setup.light_dataclasses import fields
from dualano_setup.settings.options import OPTIONS, Settings
from dualano_setup.settings.project_file import look_around, settings_text, write_settings
from dualano_setup.settings.resolve import resolve


def test_every_option_is_explained_and_has_its_place_in_the_record():
    assert all(option.comment for option in OPTIONS)
    beside = {"project", "suppress", "campaign", "said_by", "anomalies"}
    assert {option.key for option in OPTIONS} == {*fields(Settings)} - beside


def test_what_is_written_is_read(tmp_path):
    values = {("", "model"): "sd", ("", "category"): 'a "b"', ("train", "steps"): 7, ("", "offline"): True}
    write_settings(tmp_path, settings_text(values))
    settings = resolve({}, {}, project=tmp_path)
    assert (settings.model, settings.category, settings.steps, settings.offline) == (tmp_path / "sd", 'a "b"', 7, True)


def test_every_default_stands_there_as_a_comment_that_would_be_read(tmp_path):
    text = settings_text({})
    lines = [line[2:] if line[2:].split(" = ")[0] in {o.key for o in OPTIONS} else line for line in text.splitlines()]
    (tmp_path / "dualano.toml").write_text("\n".join(lines))
    read = resolve({}, {}, project=tmp_path)
    assert all(getattr(read, o.key) == o.default for o in OPTIONS if o.default is not None)


def test_one_that_is_there_is_kept(tmp_path):
    write_settings(tmp_path, "# mine\n")
    with pytest.raises(UsageError, match="--force"):
        write_settings(tmp_path, settings_text({}))
    write_settings(tmp_path, settings_text({}), replace=True)
    assert (tmp_path / "dualano.toml.old").read_text() == "# mine\n"


def test_only_what_is_unambiguous_is_found(tmp_path):
    for name in ("mvtec/nut/train/good", "mvtec/nut/test/good", "mvtec/nut/test/bent", "sd"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "sd" / "model_index.json").write_text("{}")
    assert look_around(tmp_path) == {"model": "sd", "data": "mvtec", "category": "nut", "anomaly": "bent"}
    (tmp_path / "sd2").mkdir()
    (tmp_path / "sd2" / "model_index.json").write_text("{}")
    (tmp_path / "mvtec/nut/test/split").mkdir()
    assert look_around(tmp_path) == {"data": "mvtec", "category": "nut"}
