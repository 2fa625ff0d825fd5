"""The patches that ship: well-formed, answerable to rules, and free of passages from anybody's source."""

from __future__ import annotations

import re

import pytest

from dualano_setup.patching import PatchError, load_patches
from dualano_setup.patching.parameters import fill_python, unfilled
from dualano_setup.patching.pattern import compile_pattern
from tests.places import ROOT

FOLDER = ROOT / "patches"
PATCHES = load_patches(FOLDER)
TREES = ("bcm-dual-interrelated_diff/", "dual-interrelated_diff/")


@pytest.mark.parametrize("patch", PATCHES, ids=lambda patch: patch.id)
def test_each_says_what_it_is(patch):
    assert patch.title
    assert len(patch.why) > 40
    assert patch.rules
    assert all(re.fullmatch(r"SRC00[1-7]", rule) for rule in patch.rules)
    assert patch.alters_results.startswith(("no", "yes: "))
    assert isinstance(patch.default, bool)
    assert all(path.startswith(TREES) for edit in patch.edits for path in edit.files)


@pytest.mark.parametrize("patch", PATCHES, ids=lambda patch: patch.id)
def test_patterns_parse_and_parameters_are_declared(patch):
    example = {"checkout": "/x", **dict.fromkeys(patch.parameters, "/x")}
    for edit in patch.edits:
        assert set(unfilled(edit, {})) <= {"checkout", *patch.parameters}
        if edit.operation == "line":
            assert "value" in re.compile(edit.find).groupindex
        elif edit.operation != "dedent":
            for text in (edit.find, fill_python(edit.put, example), *edit.also, edit.needed_by):
                compile_pattern(text)


@pytest.mark.parametrize("patch", PATCHES, ids=lambda patch: patch.id)
def test_what_alters_results_is_not_on_by_default(patch):
    assert not (patch.default and patch.alters_results.startswith("yes"))


@pytest.mark.parametrize("patch", PATCHES, ids=lambda patch: patch.id)
def test_the_table_of_known_files_is_for_this_wording(patch):
    assert patch.known, "make it anew: python -m dualano_setup.patching.known patches CLONE_OF_THE_AUTHORS..."


def test_patterns_stay_fragments():
    for patch in PATCHES:
        for edit in patch.edits:
            assert len(edit.find.strip().splitlines()) <= 7


HEAD = "title=''\nwhy=''\nrules=[]\nalters_results=''\ndefault=true\n"
EDIT = "[[edit]]\nfiles=[]\n"
BAD = {
    "syntax": "title = ",
    "no edit": f"{HEAD}edit=[]",
    "unknown key": f"{HEAD}run='rm'\n{EDIT}op='dedent'",
    "unknown operation": f"{HEAD}{EDIT}op='run'",
    "nothing to find": f"{HEAD}{EDIT}op='replace'",
    "missing title": f"why=''\n{EDIT}op='dedent'",
    "parameter": f"{HEAD}parameters.x.kind='code'\n{EDIT}op='dedent'",
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_patch_file_is_named(tmp_path, name):
    (tmp_path / "broken.toml").write_text(BAD[name])
    with pytest.raises(PatchError, match=r"broken\.toml"):
        load_patches(tmp_path)
