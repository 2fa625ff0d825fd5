"""What kind of failure ended a step, by what `explain` names in its log, and by how its command ended. Pure."""

from __future__ import annotations

import re
import signal
from typing import TYPE_CHECKING

from ..language import _
from ..light_dataclasses import dataclass

if TYPE_CHECKING:
    from ..explain.order import Explanation

# Each says what is done about it; retries.py does it.
MEMORY, DISK, NODE, DATA, SETTINGS, UNKNOWN = "memory", "disk", "node", "data", "settings", "unknown"

_BY_RULE = {
    "GPU003": MEMORY,
    "SYS003": DISK,
    "SYS002": NODE,
    "SYS004": NODE,
    "GPU001": NODE,
    "GPU002": NODE,
    "GPU005": NODE,
}
_BY_FAMILY = {
    "DATA": DATA, "MODEL": SETTINGS, "PKG": SETTINGS, "PY": SETTINGS, "REQ": SETTINGS, "SRC": SETTINGS,
    "ACC": SETTINGS, "SEC": SETTINGS, "GPU": SETTINGS, "NET": NODE,
}  # fmt: skip
_BY_ID = {
    "cuda-error-802": NODE, "cudnn-lib-mix": NODE, "cudnn-no-engine": NODE, "cudnn-status": NODE,
    "illegal-memory-access": NODE, "device-side-assert": UNKNOWN, "nccl-error": NODE, "loss-nan": SETTINGS,
    "port-in-use": NODE, "eaddrinuse": NODE,
}  # fmt: skip
# What the trainer and the doctor say themselves, where no known problem of other programs is behind it.
_OWN_WORDS = (
    (re.compile(r"pairs are accepted after|pairs was accepted"), SETTINGS),  # the same again would give no others
    (re.compile(r"memory is full|out of memory", re.IGNORECASE), MEMORY),
    (re.compile(r"No space left on device|Disk quota exceeded|Free space"), DISK),
    (re.compile(r"\bXid\b|\bECC error|has fallen off the bus|Stale file handle|Input/output error|CUDA error"), NODE),
)
_BLOCKED = re.compile(r"^\W*\s?(?P<rule>(?:SYS|PY|GPU|PKG|REQ|ACC|DATA|MODEL|SRC|SEC|NET)\d{3})\b", re.MULTILINE)
_LAST = 4000


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a step failed: a kind, the name that `explain` (or a rule) has for it, and a sentence."""

    kind: str
    name: str
    words: str


def judge_failure(status: int, explanation: Explanation | None, log: str) -> Failure:
    """The failure behind an exit status (negative: a signal), an explanation of the log, and the log's end."""
    number = -status if status < 0 else status - 128 if status > 128 else 0
    root = explanation.root.seen if explanation and explanation.root else None
    if root is not None and not root.signature.says_little:
        kind = _kind_of(root.signature.id, root.signature.rule)
        if kind != UNKNOWN:
            return Failure(kind, root.signature.id, root.text[:300])
    if blocked := _BLOCKED.findall(log[-_LAST:]):
        return Failure(_kind_of("", blocked[0]), blocked[0], _line_with(log, blocked[0]))
    last = _last_line(log)
    for pattern, kind in _OWN_WORDS:
        if pattern.search(log[-_LAST:]):
            return Failure(kind, kind, last)
    if number == signal.SIGKILL:
        return Failure(NODE, "killed", _("killed by SIGKILL: out of host memory, or by somebody"))
    if status == 2:
        return Failure(SETTINGS, "usage", last or _("the command line was refused"))
    words = root.text[:300] if root else last
    name = root.signature.id if root else "unknown"
    return Failure(UNKNOWN, name, words or _("exit status {status}", status=status))


def _kind_of(name: str, rule: str) -> str:
    if found := _BY_ID.get(name) or _BY_RULE.get(rule):
        return found
    return _BY_FAMILY.get(rule.rstrip("0123456789"), UNKNOWN)


def _line_with(log: str, word: str) -> str:
    found = next((line.strip() for line in log.splitlines() if word in line), "")
    return found[:300]


def _last_line(log: str) -> str:
    lines = [line.strip() for line in log[-_LAST:].splitlines() if line.strip()]
    return lines[-1][:300] if lines else ""
