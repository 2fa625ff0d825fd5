"""Which images train, and that none of them is tested on."""

import shutil

import pytest

from trainer.data.split import check_leakage, find_leaks, make_split, select_training, training_count
from trainer.errors import TrainerError


@pytest.fixture
def folder(tmp_path):
    def make(count):
        for number in range(count):
            (tmp_path / f"{number:03d}.png").write_bytes(b"image %d" % number)
        return tmp_path

    return make


@pytest.mark.parametrize(
    ("n", "sorted_", "bcm", "dual"), [(9, 3, 3, 3), (4, 2, 2, 2), (12, 4, 4, 5), (10, 4, 4, 3), (1, 1, 1, 0)]
)
def test_counts_follow_the_stated_rules(n, sorted_, bcm, dual):
    assert training_count(n, "sorted", "dual") == sorted_
    assert training_count(n, "paper", "bcm") == bcm
    assert training_count(n, "paper", "dual") == dual
    assert training_count(n, "all", "bcm") == n


def test_strict_parts_are_disjoint_and_complete(folder):
    files = folder(10)
    split = make_split(files, "strict")
    assert [path.name for path in split.train] == ["000.png", "001.png", "002.png", "003.png"]
    assert not set(split.train) & set(split.test)
    assert len(split.train) + len(split.test) == 10
    check_leakage(split.train, split.test)


def test_the_papers_protocol_tests_on_a_training_image(folder):
    # Four of ten train and only three are left out of the test, so one leaks in whatever order they come.
    split = make_split(folder(10), "paper", "bcm")
    assert (len(split.train), len(split.test)) == (4, 7)
    with pytest.raises(TrainerError, match="Leakage"):
        check_leakage(split.train, split.test)


def test_the_plain_papers_protocol_leaks_for_twelve_images(folder):
    split = make_split(folder(12), "paper", "dual")
    leaks = find_leaks(split.train, split.test)
    assert [tested.name for _, tested in leaks] == ["004.png"]


def test_a_copy_under_another_name_is_found(folder):
    split = make_split(folder(9), "strict")
    shutil.copy(split.train[0], split.test[-1])
    with pytest.raises(TrainerError, match=r"008\.png = .*000\.png"):
        check_leakage(split.train, split.test)


def test_too_few_images_for_a_rule_or_a_test_set(folder):
    files = folder(1)
    with pytest.raises(TrainerError, match="takes none"):
        select_training(files, "paper", "dual")
    with pytest.raises(TrainerError, match="nothing is left"):
        make_split(files, "strict")
