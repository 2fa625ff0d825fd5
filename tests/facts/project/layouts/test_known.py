"""Layouts are told apart by names, and a folder of something else is none of them."""

import pytest

from dualano_setup.facts.project.layouts.known import BY_NAME, other_layout, recognise
from tests.facts.project.layouts.published import ALL, flat, mvtec_ad, visa

ALIKE = {"mpdd": "mvtec"}


@pytest.mark.parametrize("name", ALL)
def test_each_published_layout_is_recognised_from_its_root(name, tmp_path):
    made = ALL[name](tmp_path / "source")
    found = recognise(made.source)
    assert found is not None
    assert found.layout.name == ALIKE.get(name, name)
    if found.layout.marks:
        assert [category for category, _ in found.categories] == [made.category]


@pytest.mark.parametrize("name", [name for name, layout in BY_NAME.items() if layout.marks])
def test_and_from_the_folder_of_one_category(name, tmp_path):
    made = ALL[name](tmp_path / "source")
    found = recognise(made.source / made.category)
    assert found is not None
    assert found.categories == ((made.category, str(made.source / made.category)),)


def test_an_archive_unpacked_one_folder_too_deep(tmp_path):
    visa(tmp_path / "downloads" / "VisA_20220922")
    found = recognise(tmp_path / "downloads")
    assert found is not None
    assert found.layout.name == "visa"


@pytest.mark.parametrize("files", [(), ("notes.json",), ("settings.yaml", "a/b.txt"), ("a.png", "b.png")])
def test_other_folders_have_no_layout(tmp_path, files):
    for name in files:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("{}")
    assert recognise(tmp_path) is None


def test_trainings_own_layout_is_no_other(tmp_path):
    mvtec_ad(tmp_path / "a")
    assert other_layout(str(tmp_path / "a"), "bottle") == ("", "")
    flat(tmp_path / "b" / "part")
    assert other_layout(str(tmp_path / "b"), "part") == ("flat folders", str(tmp_path / "b" / "part"))
    assert other_layout(str(tmp_path / "absent"), None) == ("", "")
