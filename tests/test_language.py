"""Which language is spoken, and that only what people read changes with it."""

import json
import os
import subprocess
import sys

import pytest

from dualano_setup.cli.asked_language import asked_language
from dualano_setup.cli.main import COMMANDS
from dualano_setup.language import preferred
from dualano_setup.settings.stored import read_stored
from tests.places import ROOT

CHINESE = {"LANG": "zh_TW.UTF-8"}


def doctor(*arguments, cwd, **variables):
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("DUALANO_", "VIRTUAL_ENV", "LC_", "LANG"))}
    environment |= {"PYTHONPATH": str(ROOT), "HF_HOME": str(cwd / "hf"), "COLUMNS": "80", **variables}
    call = [sys.executable, "-m", "dualano_setup", *arguments]
    return subprocess.run(call, cwd=cwd, env=environment, capture_output=True, text=True, check=False)


def has_chinese(text):
    return any("\u4e00" <= char <= "\u9fff" for char in text)


def test_flag_beats_variable_beats_file_beats_locale(tmp_path):
    (tmp_path / "dualano.toml").write_text('lang = "en"\n')
    below = tmp_path / "below"
    below.mkdir()
    assert asked_language(["check"], CHINESE, read_stored(below)) == "en"
    assert asked_language(["check"], {"DUALANO_LANG": "zh-TW"}, read_stored(below)) == "zh-TW"
    assert asked_language(["check", "--lang=en"], {"DUALANO_LANG": "zh-TW"}, read_stored(below)) == "en"
    assert asked_language(["check", "--lang", "zh-TW"], {}, read_stored(below)) == "zh-TW"
    (tmp_path / "dualano.toml").unlink()
    assert asked_language(["check"], CHINESE, read_stored(below)) == "zh-TW"
    assert asked_language(["check"], {}, read_stored(below)) == "en"


def test_what_follows_two_dashes_is_the_trainers(tmp_path):
    assert asked_language(["train", "--", "--lang", "zh-TW"], {}, read_stored(tmp_path)) == "en"


@pytest.mark.parametrize("text", ['[train]\nlang = "zh-TW"\n', '# lang = "zh-TW"\n', "\x00\xff", 'lang = "fr"\n'])
def test_other_lines_of_the_file_are_no_language(tmp_path, text):
    (tmp_path / "dualano.toml").write_bytes(text.encode("latin-1"))
    assert asked_language(["check"], {}, read_stored(tmp_path)) == "en"


def test_a_broken_file_is_complained_about_in_its_own_language(tmp_path):
    (tmp_path / "dualano.toml").write_text('# mine\nlang = "zh-TW"\nmodel = \n[train]\nlang = "en"\n')
    assert asked_language(["check"], {}, read_stored(tmp_path)) == "zh-TW"
    (tmp_path / "dualano.toml").write_text('model = \n[train]\nlang = "zh-TW"\n')
    assert asked_language(["check"], {}, read_stored(tmp_path)) == "en"


def test_the_locale_in_gettexts_order():
    assert preferred({"LANG": "zh_TW.UTF-8", "LC_ALL": "C"}) == "en"
    assert preferred({"LANG": "C", "LANGUAGE": "zh_TW:en"}) == "zh-TW"
    assert preferred({"LC_MESSAGES": "zh_Hant", "LANG": "en_US"}) == "zh-TW"


def test_json_has_the_same_keys_and_ids_in_both(tmp_path):
    english, chinese = (
        json.loads(doctor("check", "--json", "--offline", "--lang", name, cwd=tmp_path).stdout)
        for name in ("en", "zh-TW")
    )
    assert list(english) == list(chinese)
    kept = ("rule", "status", "repairable", "caused_by", "subject", "docs")
    assert [[row[key] for key in kept] for row in english["findings"]] == [
        [row[key] for key in kept] for row in chinese["findings"]
    ]
    assert not any(has_chinese(row["title"]) for row in english["findings"])
    assert all(has_chinese(row["title"]) for row in chinese["findings"])


def test_the_exit_status_is_the_same(tmp_path):
    assert doctor("--offline", cwd=tmp_path).returncode == doctor("--offline", cwd=tmp_path, **CHINESE).returncode == 1


@pytest.mark.parametrize("command", [*COMMANDS, ""])
def test_help_is_translated(tmp_path, command):
    shown = doctor(*filter(None, [command]), "--help", cwd=tmp_path, **CHINESE).stdout
    assert shown.startswith("用法：")
    assert has_chinese(shown)
    assert "options:" not in shown
    assert not has_chinese(doctor(*filter(None, [command]), "--help", cwd=tmp_path).stdout)


def test_wrong_usage_is_told_in_the_language(tmp_path):
    done = doctor("check", "--bogus", cwd=tmp_path, **CHINESE)
    assert done.returncode == 2
    assert "`check` 不認得 --bogus" in done.stderr
    wrong = doctor("check", cwd=tmp_path, DUALANO_LANG="fr")
    assert wrong.returncode == 2
    assert "DUALANO_LANG: `lang` is 'fr', expected en or zh-TW" in wrong.stderr


def test_english_loads_no_catalogue(tmp_path):
    probe = (
        "import sys; from dualano_setup.cli.main import run; run(['check', '--offline', '--lang', sys.argv[1]]);"
        "print('argparse_words' in str(sorted(sys.modules)))"
    )
    for name, loaded in (("en", "False"), ("zh-TW", "True")):
        call = [sys.executable, "-c", probe, name]
        done = subprocess.run(
            call, cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False
        )
        assert done.stdout.splitlines()[-1] == loaded
