"""Look at a checkout, plan what patches would change in it, and plan the way back. Nothing here writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from ..language import _
from .judge import judge
from .model import Edit, FileEdit, FileState, Judgement, Patch, PatchError, PatchReport, State
from .parameters import Values, fingerprint, resolve
from .source import Source, UnreadableError, read_bounded
from .verify import apply_changes, verify_outside


class Checkout:
    """The files of a checkout as they are now, or as patches planned so far would leave them."""

    def __init__(self, root: Path, parameters: Values) -> None:
        self.root = root
        self._paths = {**parameters, "checkout": root.resolve().as_posix()}
        self._fingerprints: dict[str, str] = {}
        self._touched: dict[str, list[str]] = {}
        self._original: dict[str, bytes | None] = {}
        self._current: dict[str, Source] = {}
        self._refused: dict[str, str] = {}

    def source(self, relative: str) -> Source | str | None:
        """The file, the reason why it cannot be read, or None when there is none."""
        if relative not in self._original and relative not in self._refused:
            self._load(relative)
        return self._refused.get(relative) or self._current.get(relative)

    def fingerprint(self, source: Source) -> str:
        """What the table of known files has the file under, as it is on disk; empty once it was changed here."""
        if source.path not in self._fingerprints:
            self._fingerprints[source.path] = fingerprint(source.text, self._paths)
        return self._fingerprints[source.path]

    def replace(self, source: Source, patch: str) -> None:
        """Go on with the text that a patch leaves; the disk is not touched."""
        self._current[source.path] = source
        self._touched.setdefault(source.path, []).append(patch)
        self._fingerprints[source.path] = ""

    def edits(self) -> tuple[FileEdit, ...]:
        """What would have to be written to make the disk the same."""
        found = []
        for path, source in self._current.items():
            before, after = self._original[path], source.to_bytes()
            if before is not None and after != before:
                found.append(FileEdit(self.root / path, before, after, tuple(self._touched[path])))
        return tuple(found)

    def expand(self, patterns: Sequence[str]) -> list[str]:
        """Paths relative to the root; a name without wildcards stands for itself, there or not."""
        paths: list[str] = []
        for pattern in patterns:
            if any(character in pattern for character in "*?["):
                paths += sorted(path.relative_to(self.root).as_posix() for path in self.root.glob(pattern))
            else:
                paths.append(pattern)
        return paths

    def _load(self, relative: str) -> None:
        try:
            data = read_bounded(self.root, relative)
            if data is not None:
                self._current[relative] = Source.of(relative, data)
            self._original[relative] = data
        except UnreadableError as error:
            self._refused[relative] = str(error)


def inspect(checkout: Path, patches: Sequence[Patch], parameters: Values) -> tuple[PatchReport, ...]:
    """Where the checkout stands against each patch; reads only the files that the patches name.

    A file that parses only once its own patch has set it right is judged as that patch would leave it.
    """
    files = Checkout(checkout, parameters)
    reports: dict[str, PatchReport] = {}
    for patch in sorted(patches, key=_repairs_parsing, reverse=True):
        values, lacks = resolve(patch, parameters, checkout)
        judged = _judge_patch(patch, files, values)
        reports[patch.id] = _report(patch, judged, lacks)
        if _repairs_parsing(patch) and reports[patch.id].state in ("before", "partly"):
            _apply(patch, files, values)
    return tuple(reports[patch.id] for patch in patches)


def plan(checkout: Path, patches: Sequence[Patch], parameters: Values) -> tuple[FileEdit, ...]:
    """The files that applying `patches` would change; several patches to one file compose.

    A patch that is drifted, missing, settled or short of a parameter contributes nothing, on any of its files;
    `inspect` says which and why. Raises PatchError when an edit cannot be proved to touch only its place.
    """
    return patched(checkout, patches, parameters).edits()


def patched(checkout: Path, patches: Sequence[Patch], parameters: Values) -> Checkout:
    """The checkout as `patches` would leave it; the disk is not touched. Raises PatchError as `plan` does."""
    files = Checkout(checkout, parameters)
    waiting, applied = list(patches), True
    while applied:
        # One patch may clear the way for another, which would else find something to do the next time.
        applied, tried, waiting = False, waiting, []
        for patch in tried:
            values, lacks = resolve(patch, parameters, checkout)
            report = _report(patch, _judge_patch(patch, files, values), lacks)
            if report.state in ("before", "partly") and not report.lacks:
                _apply(patch, files, values)
                applied = True
            else:
                waiting.append(patch)
    return files


def apply_edit(edit: Edit, judgement: Judgement, source: Source, values: Values) -> Source:
    """The source with one edit made, proved to differ from the old one in that place only.

    Raises PatchError otherwise.
    """
    after = source.with_text(apply_changes(source.text, judgement.changes))
    try:
        if source.path.endswith(".py"):
            if edit.operation != "dedent":
                verify_outside(source, after, judgement.changes)
            after.tree  # noqa: B018 - parsing is the proof
        after.to_bytes()
    except UnreadableError as error:
        raise PatchError(
            _("{path}: the edited file {error}; nothing was edited", path=source.path, error=error)
        ) from error
    again = judge(edit, after, values)
    if again.state != "after":
        raise PatchError(
            _(
                "{path}: the edit would not take ({state}: {reason}); nothing was edited",
                path=source.path,
                state=again.state,
                reason=again.reason,
            )
        )
    return after


def _judge_patch(patch: Patch, files: Checkout, values: Values) -> list[tuple[str, Judgement]]:
    judged: list[tuple[str, Judgement]] = []
    for index, edit in enumerate(patch.edits):
        for path in files.expand(edit.files):
            source = files.source(path)
            if source is None:
                judged.append((path, Judgement("missing", _("there is no such file"), note="absent")))
            elif isinstance(source, str):
                judged.append((path, Judgement("drifted", source)))
            else:
                judged.append((path, _recall(patch, index, files.fingerprint(source)) or judge(edit, source, values)))
    return judged


def _recall(patch: Patch, index: int, fingerprint: str) -> Judgement | None:
    """The state of a file met before, by its hash; None when only looking will tell."""
    row = patch.known.get(fingerprint, ())
    state = row[index] if index < len(row) else None
    return None if state is None else Judgement(state, note="recalled")


def _apply(patch: Patch, files: Checkout, values: Values) -> None:
    """Make every edit of one patch that is left to make. All or none: raises before anything is stored."""
    new: dict[str, Source] = {}
    for edit in patch.edits:
        for path in files.expand(edit.files):
            source = new.get(path) or files.source(path)
            if not isinstance(source, Source):
                continue
            judgement = judge(edit, source, values)
            if judgement.changes:
                new[path] = apply_edit(edit, judgement, source, values)
    for source in new.values():
        files.replace(source, patch.id)


def _report(patch: Patch, judged: list[tuple[str, Judgement]], lacks: Mapping[str, str]) -> PatchReport:
    by_file: dict[str, list[Judgement]] = {}
    for path, judgement in judged:
        by_file.setdefault(path, []).append(judgement)
    files = tuple(FileState(path, _combine(found), _reasons(found)) for path, found in by_file.items())
    state = _combine([judgement for __, judgement in judged if judgement.note != "absent"])
    if state not in ("before", "partly"):
        lacks = {}
    telling = ("drifted", "missing") if state == "drifted" else ("before", "partly", "missing")
    troubles = [f"{item.path}: {item.reason}" for item in files if item.reason and item.state in telling]
    stuck = any(_is_stuck(judgement) for __, judgement in judged)
    return PatchReport(
        id=patch.id,
        state=state,
        files=files,
        reason="; ".join(list(lacks.values()) or troubles),
        lacks=tuple(lacks) or (tuple(patch.parameters) if stuck and state in ("before", "partly") else ()),
    )


def _is_stuck(judgement: Judgement) -> bool:
    """Before, but with no change to make: a value is there that cannot go where it would have to."""
    return judgement.state == "before" and not judgement.changes and judgement.note != "recalled"


def _combine(judged: Sequence[Judgement]) -> State:
    """One state for several places: anything drifted or missing among others stops the whole."""
    telling = [judgement.state for judgement in judged if judgement.note != "nothing"]
    kinds: set[State] = set(telling) or {judgement.state for judgement in judged} or {"missing"}
    if len(kinds) > 1 and kinds & {"drifted", "missing"}:
        return "drifted"
    if len(kinds) > 1:
        kinds.discard("superseded")
    if len(kinds) == 1:
        return kinds.pop()
    return "equivalent" if kinds == {"after", "equivalent"} else "partly"


def _reasons(found: list[Judgement]) -> str:
    """What there is to say of one file; where something stops the patch, only that."""
    stops = [judgement for judgement in found if judgement.state in ("drifted", "missing")]
    return "; ".join(dict.fromkeys(judgement.reason for judgement in stops or found if judgement.reason))


def _repairs_parsing(patch: Patch) -> bool:
    return any(edit.operation == "dedent" for edit in patch.edits)
