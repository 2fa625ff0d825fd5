"""The catalogue of messages: collects them from the sources, merges them into the .po file and compiles the .mo file.

    python tools/messages.py            # after a message was added or changed; then translate what is new
    python tools/messages.py --missing  # lists the messages that have no translation yet

Needs Babel (the extra `test`). Messages are the literals given to `_` and `N_`, in modules and templates, and the
texts for people in the data files that DATA_TEXTS names; those are shown with `_(row.text)`.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from datetime import datetime, timezone
from io import BytesIO
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "dualano_setup"
CONTENT = ROOT / "trainer" / "content"
FOLDER = PACKAGE / "locale" / "zh_TW" / "LC_MESSAGES"
PO, MO = FOLDER / "dualano_setup.po", FOLDER / "dualano_setup.mo"
CREATED = datetime(2026, 11, 23, tzinfo=timezone.utc)  # not today's: two branches would always differ in it
# Glob below the checkout -> the keys whose texts people read.
DATA_TEXTS = {
    "patches/*.toml": ("title",),
    "dualano_setup/knowledge/profiles/*.toml": ("title", "summary", "risks", "tried_on"),
    "dualano_setup/knowledge/requirements/pins.toml": ("is", "because"),
}


def messages() -> Iterator[tuple[str, str, int]]:
    """(message, file, line) of everything that is translated; line 0 for data."""
    method = [("**.py", "python"), ("pages/templates/**.html", "jinja2")]
    options = {"pages/templates/**.html": {"silent": "false"}}
    rows = extract_from_dir(PACKAGE, method, options, keywords={"_": None, "N_": None})
    for name, line, message, _comments, _context in rows:
        assert isinstance(message, str)
        if message:
            yield message, f"dualano_setup/{name}", line
    # The trainer speaks English; what the doctor says of the same files in the same words is translated here.
    for name, _line, message, _comments, _context in extract_from_dir(CONTENT, method, keywords={"N_": None}):
        if message:
            yield str(message), f"trainer/content/{name}", 0
    for pattern, keys in DATA_TEXTS.items():
        for file in sorted(ROOT.glob(pattern)):
            for text in _texts(_load(file), keys):
                yield text, file.relative_to(ROOT).as_posix(), 0


def _load(file: Path) -> Any:
    if file.suffix == ".json":
        return json.loads(file.read_text(encoding="utf-8"))
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    return tomllib.loads(file.read_text(encoding="utf-8"))


def _texts(data: Any, keys: tuple[str, ...]) -> Iterator[str]:
    """Every text below one of the keys, or in a list there."""
    for key, value in data.items() if isinstance(data, dict) else ():
        found = value if isinstance(value, list) else [value]
        for item in found:
            if isinstance(item, dict):
                yield from _texts(item, keys)
            elif key in keys and isinstance(item, str) and item:
                yield item


def collected() -> Catalog:
    """A catalogue of all messages, without translations."""
    catalog = Catalog(charset="utf-8")
    for text, file, _line in messages():
        # No line numbers: they would change with every edit of the sources.
        catalog.add(text, locations=[(file, 0)])
    return catalog


def stored() -> Catalog:
    """The catalogue as it is in the .po file."""
    return read_po(BytesIO(PO.read_bytes()), locale="zh_TW", abort_invalid=True)


def compiled(catalog: Catalog) -> bytes:
    """The bytes of the .mo file."""
    out = BytesIO()
    write_mo(out, catalog)
    return out.getvalue()


def update() -> Catalog:
    """Merges new messages in, drops those that are gone, never guesses a translation; writes both files."""
    catalog = stored()
    catalog.update(collected(), no_fuzzy_matching=True)
    catalog.obsolete.clear()
    catalog.creation_date = CREATED
    out = BytesIO()
    write_po(out, catalog, width=120, sort_output=True, include_lineno=False, ignore_obsolete=True)
    PO.write_bytes(out.getvalue())
    MO.write_bytes(compiled(catalog))
    return catalog


def main() -> int:
    """Updates the catalogue and says what is left to translate."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--missing", action="store_true", help="list the messages without a translation")
    wanted = parser.parse_args()
    catalog = update()
    missing = [message.id for message in catalog if message.id and not message.string]
    if wanted.missing:
        sys.stdout.write(json.dumps(missing, ensure_ascii=False, indent=0) + "\n")
    sys.stderr.write(f"{len(catalog)} messages, {len(missing)} without a translation\n")
    return 1 if missing else 0


if __name__ == "__main__":
    raise SystemExit(main())
