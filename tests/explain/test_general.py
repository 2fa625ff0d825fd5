"""The general kinds of failure: each in its sample, not in a near miss, and only where a log ends with it."""

from __future__ import annotations

import re

import pytest

from dualano_setup import language
from dualano_setup.explain import general, signatures
from dualano_setup.explain.read import explain_bytes
from tests.explain.sample_file import samples

SAMPLES = samples("general_samples.txt")
KINDS = {kind.signature.id: kind for kind in general.load().rows}
UNCAUGHT = "Traceback (most recent call last):\n  File \"t.py\", line 3, in <module>\n    main()\nKeyError: 'lr'\n"


def root(text):
    found = explain_bytes(text.encode()).root
    return found.seen.signature.id if found else None


def test_every_kind_has_one_sample_and_no_name_of_a_known_failure():
    assert sorted(sample.id for sample in SAMPLES) == sorted(KINDS)
    assert not KINDS.keys() & {signature.id for signature in signatures.load().signatures}


@pytest.mark.parametrize("sample", SAMPLES, ids=[sample.id for sample in SAMPLES])
def test_the_sample_names_its_kind_and_shows_its_words(sample):
    explanation = explain_bytes(sample.log)
    assert explanation.root.seen.signature.id == sample.id
    assert explanation.root.seen.signature.general
    assert explanation.exit_status == 1  # as for an error that is not known: it is not among the known problems
    assert explanation.unknown


@pytest.mark.parametrize("sample", SAMPLES, ids=[sample.id for sample in SAMPLES])
def test_the_near_miss_names_nothing(sample):
    explanation = explain_bytes(sample.near + b"\n")
    assert (explanation.problems, explanation.notices, explanation.unknown) == ((), (), ())


@pytest.mark.parametrize("sample", SAMPLES, ids=[sample.id for sample in SAMPLES])
def test_it_is_not_named_where_the_program_went_on_and_ended_well(sample):
    well = b"\n".join(b"epoch %d accuracy 0.%d" % (n, n) for n in range(12)) + b"\nTraining finished in 12 s\n"
    explanation = explain_bytes(sample.log + well)
    assert (explanation.problems, explanation.unknown, explanation.exit_status) == ((), (), 0)


@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
def test_both_languages_say_what_to_do(kind):
    signature = kind.signature
    assert set(signature.cause) == set(signature.cure) == set(language.LANGUAGES)
    assert re.search("[\u4e00-\u9fff]", signature.cause["zh-TW"])
    assert not re.search("[\u4e00-\u9fff]", signature.cause["en"] + "".join(signature.cure["en"]))
    assert len(signature.cure["en"]) == len(signature.cure["zh-TW"])


def test_a_damaged_row_is_named(tmp_path):
    file = tmp_path / "general.toml"
    file.write_text(general.FILE.read_text(encoding="utf-8").replace('tier = "nature"', 'tier = "much"', 1))
    with pytest.raises(ValueError, match="time-limit"):
        general.load(file)


@pytest.mark.parametrize(
    ("log", "kind"),
    [
        (UNCAUGHT, "key-missing"),
        (UNCAUGHT + "srun: error: node1: task 0: Exited with exit code 1\n", "key-missing"),
        (UNCAUGHT + "make: *** [Makefile:3: train] Error 1\n", "key-missing"),
        (UNCAUGHT + "\nDuring handling of the above exception, another exception occurred:\n\n" + UNCAUGHT.replace(
            "KeyError: 'lr'", "ZeroDivisionError: division by zero"), "division-by-zero"),
        ("[rank1]: " + UNCAUGHT.strip().replace("\n", "\n[rank1]: ") + "\n", "key-missing"),
        ("KeyError: 'lr'\n", "key-missing"),
        ("package.errors.QuotaReached: used up\n", "uncaught-exception"),
        (UNCAUGHT + "slurmstepd: error: *** JOB 7 ON n1 CANCELLED AT 2026-03-01T10:00:00 DUE TO TIME LIMIT ***\n",
         "time-limit"),
        ("12:00:01 ERROR trainer - no such file or directory: /data/a\n", "file-not-found"),
        (UNCAUGHT + "one\ntwo\nthree\nfour\n", None),
        ("INFO could not connect, retrying\nINFO connected\n", None),
        ("3 of 3 done, 0 failed\n", None),
        ("WARNING: Permission denied for one of 12 files\n", None),
    ],
)  # fmt: skip
def test_what_is_named_at_an_end(log, kind):
    assert root(log) == kind


def test_a_known_failure_stands_above_every_general_kind():
    known = "ValueError: Attempting to unscale FP16 gradients.\n"
    explanation = explain_bytes((UNCAUGHT + known + "Segmentation fault (core dumped)\n").encode())
    assert [named.seen.signature.id for named in explanation.problems] == ["unscale-fp16"]
    assert (explanation.exit_status, explanation.unknown) == (0, ())


CAPTURED = """\
  × Getting requirements to build wheel did not run successfully.
  ╰─> [4 lines of output]
      Traceback (most recent call last):
        File "<string>", line 23, in <module>
      ModuleNotFoundError: No module named 'torch'
      [end of output]
ERROR: Failed to build 'xformers' when getting requirements to build wheel
"""


def test_an_error_in_an_installers_captured_output_is_not_the_environments():
    assert root(CAPTURED) == "build-needs-torch"
    assert root("ModuleNotFoundError: No module named 'torch'\n") == "missing-training-package"
    assert root(CAPTURED.replace("'torch'", "'einops'")) == "build-failed"


def test_a_called_process_is_a_launchers_only_when_it_launches():
    lament = "Traceback (most recent call last):\nsubprocess.CalledProcessError: Command '{}' returned non-zero exit "
    lament += "status 1.\n"
    assert root(lament.format("['/env/bin/python', '-m', 'pip', 'install', 'x']")) == "command-failed"
    launched = explain_bytes(lament.format("['/env/bin/python', 'train.py']").encode())
    assert launched.root.seen.signature.id == "launched-process-failed"
    assert [seen.signature.id for seen in launched.root.followed_by] == ["torchrun-wrapper"]
    assert launched.exit_status == 1


def test_the_last_error_is_shown_below_a_kind_that_was_named_from_another_line():
    from dualano_setup.report.explain import render_explanation
    from dualano_setup.report.terminal import Style

    text = render_explanation(explain_bytes((UNCAUGHT + "FooError: because of it\n").encode()), Style(False))
    assert "key-missing" in text
    assert "FooError: because of it" in text
    assert "not among the known" not in text
