"""The architecture of a GPU by the name people call it: "RTX 3090", "NVIDIA GeForce GTX 1080 Ti", "A100". Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .tables import rows

_SAYS_NOTHING = re.compile(
    r"\b(nvidia|geforce|tesla|ti|super|laptop|mobile|max-q|gpu|generation|\d+\s*gb|pcie|sxm\d?)\b"
)


def architecture_of(name: str) -> str:
    """ "sm_86" for "RTX 3090"; empty for a name that the table does not hold."""
    wanted = _plain(name)
    for row in rows("gpus"):
        for pattern in _patterns(row["examples"]):
            if re.fullmatch(pattern, wanted):
                return str(row["architecture"])
    return ""


def _plain(name: str) -> str:
    words = _SAYS_NOTHING.sub(" ", re.sub(r"(?<=\d)(ti|super)\b", " ", name.lower().replace("-", " ")))
    return " ".join(re.sub(r"\b(rtx|gtx)(?=\d)", r"\1 ", words).split())


def _patterns(examples: str) -> Iterator[str]:
    """One expression for each GPU of a row: "GTX 10xx", "RTX 3090..3050", "RTX 5090/5080", "H100/H200"."""
    for example in re.sub(r"\(.*?\)", "", examples.lower()).split(","):
        head, _space, last = example.strip().rpartition(" ")
        if last == "ada" or last == "blackwell":
            suffix = rf" ?{last}" if last == "ada" else ""
            start, _space, last = head.rpartition(" ")
            yield from (f"{_start(start)}{re.escape(one)}{suffix}" for one in last.split("/"))
        elif ".." in last:
            high, _dots, low = last.partition("..")
            numbers = "|".join(str(number) for number in range(int(low), int(high) + 1, 10))
            yield f"{_start(head)}(?:{numbers})"
        else:
            yield from (_start(head) + re.escape(one).replace("xx", r"\d\d") for one in last.split("/"))


def _start(words: str) -> str:
    """What stands before the number; people leave it out where the number says it all."""
    return f"(?:{re.escape(words)} )?" if words.startswith(("rtx a", "gv")) else f"{re.escape(words)} " if words else ""
