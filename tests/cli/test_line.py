"""A command line as people type it."""

from __future__ import annotations

import pytest

from dualano_setup.cli.line import near, refuse_unknown, split_arguments, with_command
from dualano_setup.cli.main import COMMANDS
from dualano_setup.errors import UsageError


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("", "check"),
        ("--json", "check --json"),
        ("--lang zh-TW init", "init --lang zh-TW"),
        ("--lang=zh-TW -q init x", "init --lang=zh-TW -q x"),
        ("-vv status run", "status -vv run"),
        ("--env runs status", "status --env runs"),
        ("--offline", "check --offline"),
        ("--data d --category c", "check --data d --category c"),
        ("train -- --rank 4", "train -- --rank 4"),
        ("--offline train -- status", "train --offline -- status"),
        ("help", "--help"),
        ("version", "--version"),
        ("--lang zh-TW", "check --lang zh-TW"),
        ("--json --only py,ACC001 --skip PY001", "check --json --only py,ACC001 --skip PY001"),
        ("--plan fix", "fix --plan"),
        ("--only PKG fix", "fix --only PKG"),
        ("-h", "-h"),
    ],
)
def test_the_command_comes_first(typed, meant):
    assert with_command(typed.split(), COMMANDS) == meant.split()


def test_a_word_that_is_no_command_is_asked_about():
    with pytest.raises(UsageError, match=r"'trian' \(did you mean `train`\?\)"):
        with_command(["trian"], COMMANDS)
    with pytest.raises(UsageError, match="no command 'zzz'; "):
        with_command(["zzz", "status"], COMMANDS)


def test_what_stands_behind_the_dashes():
    assert split_arguments(["train", "a", "--", "b", "--", "c"]) == (["train", "a"], ["b", "--", "c"])
    assert split_arguments(["train"]) == (["train"], [])


def test_unknown_options():
    with pytest.raises(UsageError, match="go after `--`: dualano-doctor train -- --rank_of 5"):
        refuse_unknown("train", ["--rank_of", "5"], takes_arguments=True, flags=["--rank"])
    with pytest.raises(UsageError, match="did you mean `--detach`"):
        refuse_unknown("train", ["--detatch"], takes_arguments=True, flags=["--detach"])
    with pytest.raises(UsageError, match="`runs` does not know --rank_of 5"):
        refuse_unknown("runs", ["--rank_of", "5"], takes_arguments=False, flags=["--json"])
    assert near("x", []) == ""
