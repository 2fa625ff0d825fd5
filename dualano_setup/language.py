"""The language of every message a person reads: English as written in the source, or Traditional Chinese.

English costs nothing: a message is its own text. Another language is a gettext catalogue in `locale/`, opened by
`speak`. Rule ids, JSON keys, commands, paths and what other programs printed are never translated.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

DEFAULT = "en"
LANGUAGES = ("en", "zh-TW")
DOMAIN = "dualano_setup"

_translate: Callable[[str], str] | None = None
_spoken = DEFAULT


def _(message: str, /, **values: object) -> str:
    """`message` in the language spoken, its `{names}` filled with `values`.

    Without values the text is taken as it stands, braces included.
    """
    if _translate is not None:
        message = _translate(message)
    return message.format(**values) if values else message


def N_(message: str) -> str:  # noqa: N802 - the name that extraction tools know
    """Marks a text that stands in a table: collected for translation here, translated with `_` where it is shown."""
    return message


def spoken() -> str:
    """The language that `_` speaks now, one of LANGUAGES."""
    return _spoken


def speak(language: str) -> None:
    """Sets the language of every message from here on. Raises ValueError for one that is not in LANGUAGES."""
    global _spoken, _translate
    if language not in LANGUAGES:
        raise ValueError(f"no language {language!r}; known: {', '.join(LANGUAGES)}")
    _spoken = language
    _translate = None if language == DEFAULT else _catalogue(language)


def preferred(environ: Mapping[str, str]) -> str:
    """The language that the environment asks for, by gettext's order: LANGUAGE, LC_ALL, LC_MESSAGES, LANG.

    Chinese in any of its spellings (zh_TW, zh_HK, zh-Hant, zh_CN) is zh-TW: it is nearer to the reader than English.
    """
    for variable in ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        wanted = environ.get(variable, "").split(":")[0]
        if wanted:
            return "zh-TW" if wanted.lower().startswith("zh") else DEFAULT
    return DEFAULT


def _catalogue(language: str) -> Callable[[str], str]:
    """The catalogue's lookup; a text that it lacks stays English."""
    from gettext import GNUTranslations

    name = language.replace("-", "_")
    file = Path(__file__).parent / "locale" / name / "LC_MESSAGES" / f"{DOMAIN}.mo"
    with file.open("rb") as stream:
        return GNUTranslations(stream).gettext
