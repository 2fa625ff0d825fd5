"""Which language a command line is answered in, settled before the parser with its help texts is built."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress

from ..language import LANGUAGES, preferred
from ..settings.stored import Stored
from ..system import toml

_MOST = 1 << 16  # characters; a settings file has a few thousand


def asked_language(line: Sequence[str], variables: Mapping[str, str], stored: Stored) -> str:
    """`--lang`, else DUALANO_LANG, else `lang` in the nearest dualano.toml, else what the locale asks for.

    A name that is no language is passed over here: the parser and the settings complain about it, in a known one.
    """
    asked = (_flag(line), variables.get("DUALANO_LANG", ""), _key(stored))
    return next((name for name in asked if name in LANGUAGES), None) or preferred(variables)


def _flag(line: Sequence[str]) -> str:
    words = list(line[: line.index("--")] if "--" in line else line)
    last = ""
    for number, word in enumerate(words):
        name, equals, value = word.partition("=")
        if name == "--lang":
            last = value if equals else next(iter(words[number + 1 :]), "")
    return last


def _key(stored: Stored) -> object:
    """The file's `lang`. One that is broken elsewhere is complained about in the language that its own line names."""
    if stored.document is not None or stored.file is None:
        return (stored.document or {}).get("lang")
    with suppress(OSError, UnicodeDecodeError), stored.file.open(encoding="utf-8") as stream:
        for line in stream.read(_MOST).splitlines():
            with suppress(ValueError, RecursionError):
                if line.lstrip().startswith("["):
                    return None
                if line.lstrip().startswith("lang") and "lang" in (row := toml.parse(line.encode())):
                    return row["lang"]
    return None
