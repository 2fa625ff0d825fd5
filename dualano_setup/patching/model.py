"""What a source patch is, what can be said about one, and what applying it would write."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal, NamedTuple, get_args

State = Literal["before", "after", "equivalent", "drifted", "partly", "superseded", "missing"]
"""Where a place, a file or a patch stands.

before      the defect is there, the patch would change it (or waits for a parameter)
after       exactly what the patch would have written is there
equivalent  something else that does the same is there, made by hand or by another fork
drifted     the place is there but reads differently from both; nothing is edited
partly      some places are after, others before
superseded  nothing in the file needs the patch
missing     the file, class or function that the patch speaks of is not there
"""

Operation = Literal["replace", "insert_before", "insert_after", "delete", "line", "dedent"]
OPERATIONS: tuple[str, ...] = get_args(Operation)

ParameterKind = Literal["path", "integer", "word"]
PARAMETER_KINDS: tuple[str, ...] = get_args(ParameterKind)


class PatchError(Exception):
    """A patch file or a parameter that cannot be used; the message is for people."""


class Parameter(NamedTuple):
    """A value that a patch writes into the source, such as the folder of the base model."""

    name: str
    kind: ParameterKind
    default: str | None


class Edit(NamedTuple):
    """One structural change in one kind of place.

    `find` and `put` are Python fragments in which `$NAME` stands for any expression, `$$$NAME` for any
    run of arguments or statements, and `<<parameter>>` for a value; for the operation "line" `find` is a
    regular expression with a group `value`. With `target` only what that metavariable matched is replaced,
    the rest of `find` being context.
    """

    files: tuple[str, ...]
    operation: Operation
    find: str
    put: str
    scope: str
    target: str
    inside: str
    also: tuple[str, ...]
    needed_by: str
    where: Mapping[str, str]
    many: bool


class Patch(NamedTuple):
    """One source patch: all of its edits are made, or none."""

    id: str
    title: str
    why: str
    rules: tuple[str, ...]
    alters_results: str
    default: bool
    edits: tuple[Edit, ...]
    parameters: Mapping[str, Parameter]
    known: Mapping[str, tuple[State | None, ...]]
    """States by fingerprint of a file, one per edit: a shortcut past parsing, never a source of truth."""


class FileState(NamedTuple):
    """Where one file stands against one patch; `path` is relative to the checkout, with forward slashes."""

    path: str
    state: State
    reason: str


class PatchReport(NamedTuple):
    """Where a checkout stands against one patch."""

    id: str
    state: State
    files: tuple[FileState, ...]
    reason: str
    lacks: tuple[str, ...]
    """Parameters without which the patch cannot be applied."""


class FileEdit(NamedTuple):
    """One file as it is and as it would be; writing it is the caller's business."""

    path: Path
    before: bytes
    after: bytes
    patches: tuple[str, ...]


class Refusal(NamedTuple):
    """A file that cannot be taken back, and why."""

    path: str
    reason: str


class Change(NamedTuple):
    """Characters `start` to `end` of a text become `text`."""

    start: int
    end: int
    text: str


class Judgement(NamedTuple):
    """What one edit found in one file, and the changes that would bring it to its after state."""

    state: State
    reason: str = ""
    changes: tuple[Change, ...] = ()
    note: Literal["", "absent", "nothing", "recalled"] = ""
    """absent: no such file; nothing: a deletion found nothing to delete; recalled: from the table of known files."""
