"""The table of known files is a shortcut: with it, without it and with a wrong one, the answer is the same."""

from __future__ import annotations

import json

from dualano_setup.patching import inspect, load_patches, plan
from dualano_setup.patching.known import build, main
from dualano_setup.patching.parameters import fingerprint
from tests.patching.conftest import write

GIVEN = {"data": "/tmp/somewhere"}


def plain(patches):
    return tuple(patch._replace(known={}) for patch in patches)


def seen(reports):
    return [(report.id, report.state, [(file.path, file.state) for file in report.files]) for report in reports]


def test_same_answer_with_and_without_the_table(checkout, patches, tmp_path):
    main([str(tmp_path / "patches"), str(checkout)])
    known = load_patches(tmp_path / "patches")
    assert any(patch.known for patch in known)
    for _ in range(2):
        for given in (GIVEN, {}):
            assert seen(inspect(checkout, known, given)) == seen(inspect(checkout, plain(known), given))
        assert plan(checkout, known, GIVEN) == plan(checkout, plain(known), GIVEN)
        write(plan(checkout, known, GIVEN))


def test_the_table_spares_parsing(checkout, patches, tmp_path, monkeypatch):
    main([str(tmp_path / "patches"), str(checkout)])
    known = load_patches(tmp_path / "patches")[:2]
    (checkout / "shop/open.py").write_bytes((checkout / "shop/open.py").read_bytes().replace(b"\n", b"\r\n"))

    def no_parsing(text):
        raise AssertionError("parsed")

    monkeypatch.setattr("dualano_setup.patching.source.parse", no_parsing)
    assert [report.state for report in inspect(checkout, known, GIVEN)] == ["before", "before"]


def test_an_entry_for_another_wording_of_the_patch_does_not_count(checkout, patches, tmp_path):
    table = build(tmp_path / "patches", [checkout])
    lie = {name: ["after"] * 2 for name in table["b"]["files"]}
    for digest, state in ((table["b"]["patch"], "after"), ("0" * 16, "before")):
        (tmp_path / "patches/known.json").write_text(json.dumps({"b": {"patch": digest, "files": lie}}))
        assert inspect(checkout, load_patches(tmp_path / "patches"), GIVEN)[1].state == state


def test_a_table_that_is_no_table_is_ignored(checkout, patches, tmp_path):
    for text in ("", "[]", '{"b": 3}', "\0"):
        (tmp_path / "patches/known.json").write_text(text)
        assert inspect(checkout, load_patches(tmp_path / "patches"), GIVEN)[1].state == "before"


def test_fingerprint_forgets_line_endings_and_paths_but_nothing_else():
    one = fingerprint("a = '/d/x/fg'\nb = '/d'\n", {"data": "/d", "masks": "/d/x/fg"})
    assert one == fingerprint("a = '/m/y'\r\nb = '/e/e'\r\n", {"data": "/e/e", "masks": "/m/y"})
    assert one != fingerprint("a = '/m/y'\nb = '/e/f'\n", {"data": "/e/e", "masks": "/m/y"})
    assert fingerprint("a = '\0data\0'", {}) == ""
