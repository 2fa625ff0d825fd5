"""Lines are as wide as they are shown, and break where Chinese may be broken."""

import pytest

from dualano_setup.text.width import width, wrap

TEXT = (
    "環境的 Python 是 3.13；設定組合 guide-cu118 的套件適用於 >=3.10,<3.12（Python 3.12 移除了 "
    "pkgutil.ImpImporter，而指南所固定的 setuptools 版本需要它：AttributeError），"
    "請執行 `uv venv --python 3.11 /data/project/.dualano/env`。"
)


def test_wide_characters_take_two_columns():
    assert (width("abc"), width("環境"), width("GPU 記憶體"), width("e\u0301")) == (3, 4, 10, 1)
    assert width("\x1b[31;1m環境\x1b[0m") == 4


@pytest.mark.parametrize("columns", [80, 60, 40])
def test_lines_fit_and_lose_nothing(columns):
    lines = wrap(TEXT, columns)
    assert len(lines) > 1
    assert all(width(line) <= columns + 2 for line in lines)  # a mark that may not begin a line may hang over
    assert "".join(lines).replace(" ", "") == TEXT.replace(" ", "")


@pytest.mark.parametrize("columns", [80, 60, 41, 40, 33])
def test_no_line_begins_with_a_mark_that_closes(columns):
    lines = wrap(TEXT, columns)
    assert not any(line[0] in "，。；：）」、" for line in lines)
    assert not any(line[-1] in "（「" for line in lines)


def test_words_stay_whole_for_copying():
    lines = wrap(TEXT, 40)
    assert any("/data/project/.dualano/env" in line for line in lines)
    assert any("pkgutil.ImpImporter" in line for line in lines)


def test_ascii_is_wrapped_as_before():
    import textwrap

    text = "one finding blocks the training: `dualano-doctor fix` repairs what it can; --force starts all the same " * 3
    assert wrap(text, 60) == textwrap.wrap(text, 60, break_long_words=False, break_on_hyphens=False)


def test_coloured_text_is_measured_without_its_colour():
    painted = "\x1b[2mfix repairs this. By hand: \x1b[0m" + "word " * 12
    assert all(width(line) <= 40 for line in wrap(painted, 40))
