"""JSON as it is printed: for programs, and safe on a terminal all the same."""

from __future__ import annotations

import json
import re

# Control characters beyond ASCII, what ends a line or turns the direction of writing, and surrogates.
_UNSAFE = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def json_text(document: object) -> str:
    """Indented JSON in which people's own languages stay readable, and nothing steers a terminal or is no UTF-8.

    json.dumps escapes the control characters of ASCII; the others, and surrogates (bytes of a file's name that are
    not UTF-8), are escaped here.
    """
    return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(document, indent=2, ensure_ascii=False))
