"""Which language a command line is answered in, settled before the parser with its help texts is built."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..language import LANGUAGES, preferred
from ..settings.options import SETTINGS_FILE

_MOST = 1 << 16  # characters; a settings file has a few thousand
_KEY = r"""^\s*lang\s*=\s*["']([\w-]+)["']"""


def asked_language(line: Sequence[str], variables: Mapping[str, str], folder: Path) -> str:
    """`--lang`, else DUALANO_LANG, else `lang` in the nearest dualano.toml, else what the locale asks for.

    A name that is no language is passed over here: the parser and the settings complain about it, in a known one.
    """
    asked = (_flag(line), variables.get("DUALANO_LANG", ""), _key(folder))
    return next((name for name in asked if name in LANGUAGES), None) or preferred(variables)


def _flag(line: Sequence[str]) -> str:
    words = list(line[: line.index("--")] if "--" in line else line)
    last = ""
    for number, word in enumerate(words):
        name, equals, value = word.partition("=")
        if name == "--lang":
            last = value if equals else next(iter(words[number + 1 :]), "")
    return last


def _key(folder: Path) -> str:
    """The top level's `lang`, found without a TOML parser, which only the settings need; "" where there is none."""
    file = next((f / SETTINGS_FILE for f in (folder, *folder.parents) if (f / SETTINGS_FILE).is_file()), None)
    if file is None:
        return ""
    try:
        with file.open(encoding="utf-8") as stream:
            text = stream.read(_MOST)
    except (OSError, UnicodeDecodeError):
        return ""  # the settings say so in words
    found = re.search(_KEY, re.split(r"^\s*\[", text, maxsplit=1, flags=re.MULTILINE)[0], re.MULTILINE)
    return found[1] if found else ""
