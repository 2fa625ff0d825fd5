"""Flag beats variable beats file beats default; wrong input is named."""

from pathlib import Path

import pytest

from dualano_setup.errors import UsageError
from dualano_setup.settings.resolve import resolve


def write(folder: Path, text: str) -> Path:
    (folder / "dualano.toml").write_text(text, encoding="utf-8")
    return folder


def test_flag_beats_variable_beats_file_beats_default(tmp_path):
    write(tmp_path, 'category = "file"\nanomaly = "file"\nmodel = "models/sd"\n[train]\nresolution = 64\n')
    variables = {"DUALANO_CATEGORY": "variable", "DUALANO_ANOMALY": "variable"}
    settings = resolve({"category": "flag"}, variables, tmp_path)
    assert (settings.category, settings.anomaly) == ("flag", "variable")
    assert settings.model == tmp_path / "models/sd"
    assert (settings.resolution, settings.batch_size) == (64, 2)
    assert settings.said_by["category"] == "--category"
    assert settings.said_by["anomaly"] == "DUALANO_ANOMALY"
    assert settings.said_by["model"] == str(tmp_path / "dualano.toml")
    assert "batch_size" not in settings.said_by


def test_the_file_is_found_upwards_and_names_the_project(tmp_path):
    write(tmp_path, 'category = "x"\n')
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    settings = resolve({}, {}, below)
    assert settings.project == tmp_path
    assert settings.state == tmp_path / ".dualano"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("category = [", "cannot be read"),
        ("colour = 1", "unknown key `colour`"),
        ("[train]\nresolutoin = 64", "unknown key `train.resolutoin`"),
        ("[train]\nresolution = -1", "expected a whole number above 0"),
        ("[train]\nresolution = true", "expected a whole number above 0"),
        ('[train]\nmixed_precision = "fp8"', "expected no or fp16 or bf16"),
        ("offline = 'perhaps'", "expected true or false"),
        ("model = 3", "expected a path"),
    ],
)
def test_wrong_settings_are_named(tmp_path, text, says):
    write(tmp_path, text)
    with pytest.raises(UsageError, match=r"dualano\.toml") as caught:
        resolve({}, {}, tmp_path)
    assert says in str(caught.value)


def test_a_variable_of_the_wrong_kind_names_itself(tmp_path):
    with pytest.raises(UsageError, match="DUALANO_OFFLINE"):
        resolve({}, {"DUALANO_OFFLINE": "maybe"}, tmp_path)


def test_not_utf8(tmp_path):
    (tmp_path / "dualano.toml").write_bytes(b"category = '\xff'")
    with pytest.raises(UsageError, match="cannot be read"):
        resolve({}, {}, tmp_path)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b'data = "C:\\Users\\somebody\\mvtec"\n', "line 1: in double quotes a backslash begins an escape"),
        (b'# here\ndata = "D:\\mvtec"\n', r"line 2.*single quotes \('D:\\mvtec'\).*\"D:/mvtec\""),
        (b'data = "C:\\new"\n', r"single quotes \('C:\\new'\)"),  # a line's end to the parser
        (b"\xef\xbb\xbfdata = 'x'\n", "byte order mark"),
        ("data = 'x'\n".encode("utf-16"), "byte order mark"),
    ],
)
def test_what_windows_leaves_is_said_in_words(tmp_path, data, says):
    (tmp_path / "dualano.toml").write_bytes(data)
    with pytest.raises(UsageError, match=says):
        resolve({}, {}, tmp_path)


@pytest.mark.parametrize("data", [b"data = 'C:\\new'\n", b'data = "C:\\\\new"\n', b'data = "C:/new"\n'])
def test_windows_paths_that_are_written_well_are_read(tmp_path, data):
    (tmp_path / "dualano.toml").write_bytes(data)
    assert "new" in str(resolve({}, {}, tmp_path).data)
