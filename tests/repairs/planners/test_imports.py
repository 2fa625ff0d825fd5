"""Where pictures go: names free of each other, good images held back for tests, thousands in no time."""

import time

from dualano_setup.facts.project.layouts.picture import Picture
from dualano_setup.repairs.planners import imports
from dualano_setup.repairs.planners.imports import HELD_BACK, training_number
from trainer.data.split import training_count


def test_a_third_trains_as_the_trainer_has_it():
    for number in range(1, 60):
        assert training_number(number) == training_count(number, "sorted", "bcm")


def test_ten_thousand_pictures_take_no_time():
    pictures = [Picture(f"/x/{number:05d}.png", "part") for number in range(10_000)]
    pictures += [Picture(f"/x/{number}/same.png", "part", "dent") for number in range(1_000)]
    began = time.process_time()
    rows = imports._rows(pictures)
    assert time.process_time() - began < 5
    assert len({row["to"].casefold() for row in rows}) == len(rows)
    assert sum(row["to"].startswith("test/good/") for row in rows) == 10_000 // HELD_BACK


def test_the_split_that_came_with_the_data_is_kept():
    parts = {"a": "train", "b": "test", "c": "train"}
    rows = imports._rows([Picture(f"/x/{name}.png", "part", part=part) for name, part in parts.items()])
    assert [row["to"].split("/")[0] for row in rows] == ["train", "test", "train"]
