"""What `patch apply` does with copies of the authors' repository and its forks, one row a copy.

    python benchmarks/patches/run.py NAME=/path/to/tree [NAME=/path/to/tree ...]

The trees are only read: each copy holds the files that the patches name. Copies: as it is; formatted by black (if it is
there); with CRLF; shifted (comments and blank lines between all statements of the first level); drifted (for each
default patch one copy in which the names are changed on the very lines that this patch would edit). A copy is *right*
when every default patch is in place afterwards and status is 0, *told* when what is not is named and status is 1,
*silent* when it is neither. Each result must parse wherever its source did, and `patch revert` must give the bytes
back.
"""

from __future__ import annotations

import ast
import difflib
import io
import json
import os
import re
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from dualano_setup.cli.main import run
from dualano_setup.patching import load_patches, plan
from dualano_setup.system.bundle import bundle_root

PATCHES = load_patches(bundle_root() / "patches")
DEFAULT = tuple(patch for patch in PATCHES if patch.default)
WELL = ("after", "equivalent", "superseded")


def main(arguments: list[str]) -> int:
    """Prints the table. Returns 1 where a copy is silent or wrong."""
    os.environ["LANGUAGE"] = "en"
    print("| tree | copy | copies | right | told | silent | patches in place |")
    print("| --- | --- | ---: | ---: | ---: | ---: | --- |")
    bad = 0
    for word in arguments:
        name, _, place = word.partition("=")
        for kind, copies in _copies(Path(place)):
            results = [_tried(Path(place), change) for change in copies]
            counts = Counter(result for result, _, _ in results)
            places = f"{min(n for _, n, _ in results)} to {max(n for _, n, _ in results)}"
            row = [name, kind, len(results), counts["right"], counts["told"], counts["silent"] + counts["wrong"]]
            print("|", " | ".join(map(str, [*row, f"{places} of {len(DEFAULT)}"])), "|", flush=True)
            for result, _, why in results:
                if result in ("silent", "wrong"):
                    bad += 1
                    print(f"{result}: {why}", file=sys.stderr)
    return int(bool(bad))


def _copies(tree: Path) -> Iterator[tuple[str, list[Callable[[Path], None]]]]:
    yield "pristine", [lambda _root: None]
    try:
        import black  # noqa: F401
    except ImportError:
        print("black is not here: no copies formatted by it", file=sys.stderr)
    else:
        yield "black", [_blackened]
    yield "CRLF", [_windows]
    yield "shifted", [_shifted]
    yield "drifted", [change for patch in DEFAULT if (change := _drifted(tree, patch))]


def _files(root: Path) -> list[Path]:
    names = {name for patch in PATCHES for edit in patch.edits for name in edit.files}
    return sorted(path for name in names for path in root.glob(name) if path.is_file())


def _blackened(root: Path) -> None:
    import black

    for path in _files(root):
        if path.suffix == ".py":
            path.write_text(black.format_str(path.read_text().lstrip(), mode=black.Mode()))


def _windows(root: Path) -> None:
    for path in _files(root):
        path.write_bytes(path.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))


def _shifted(root: Path) -> None:
    for path in _files(root):
        text = path.read_text()
        try:
            starts = {node.lineno for node in ast.parse(text).body if not getattr(node, "decorator_list", None)}
        except SyntaxError:
            path.write_text(f"# moved\n# down\n\n{text}" if path.suffix == ".py" else text)
            continue
        lines = text.splitlines(keepends=True)
        told = [("# moved\n# down\n\n" if n in starts else "") + line for n, line in enumerate(lines, 1)]
        path.write_text("".join(told))


def _drifted(tree: Path, patch: object) -> Callable[[Path], None] | None:
    """Changes the names on the lines that the patch edits; None where it edits nothing in the tree."""
    with tempfile.TemporaryDirectory() as top:
        given = _given(Path(top))
        edits = plan(tree, (patch,), given)  # type: ignore[arg-type]
    lines: dict[str, set[int]] = {}
    for edit in edits:
        before, after = (text.decode("utf-8", "replace").splitlines() for text in (edit.before, edit.after))
        found = difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes()
        place = edit.path.relative_to(tree).as_posix()
        lines[place] = {n for kind, a, b, _, _ in found if kind != "equal" for n in range(a, max(b, a + 1))}
    if not lines:
        return None

    def change(root: Path) -> None:
        for place, numbers in lines.items():
            text = (root / place).read_text().splitlines(keepends=True)
            for n in numbers:
                if n < len(text):
                    text[n] = re.sub(r"(?<![\w'\"/.])([a-z]\w{3,})(?=\s*[(.=\[])", r"other_\1", text[n])
            (root / place).write_text("".join(text))

    return change


def _given(top: Path) -> dict[str, str]:
    places = {name: top / name for name in ("model", "data", "foreground")}
    for place in places.values():
        place.mkdir(exist_ok=True)
    return {name: str(place) for name, place in places.items()}


def _tried(tree: Path, change: Callable[[Path], None]) -> tuple[str, int, str]:
    """The result, how many default patches are in place, and what went wrong."""
    with tempfile.TemporaryDirectory() as folder:
        top = Path(folder)
        root, project = top / "checkout", top / "project"
        project.mkdir()
        for path in _files(tree):
            copy = root / path.relative_to(tree)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, copy)
        change(root)
        before = {path: path.read_bytes() for path in _files(root)}
        parsed = {path for path in before if path.suffix == ".py" and _parses(path)}
        words = [word for name, place in _given(top).items() for word in (f"--{name}", place)]
        status, said = _doctor(project, "patch", "apply", str(root), *words)
        _, told = _doctor(project, "patch", "status", str(root), "--json", *words)
        rows = {row["patch"]: row["state"] for row in json.loads(told)["patches"] if row["default"]}
        out = [name for name, state in rows.items() if state not in WELL]
        unsaid = [name for name in out if name not in said]
        broken = [str(path.relative_to(root)) for path in parsed if not _parses(path)]
        _doctor(project, "patch", "revert", str(root))
        kept = before == {path: path.read_bytes() for path in _files(root)}
        if broken or not kept:
            return "wrong", len(rows) - len(out), f"{broken} no longer parse; reverted to the byte: {kept}; {said}"
        if unsaid or (status != int(bool(out))):
            return "silent", len(rows) - len(out), f"status {status}, {out} not in place, {unsaid} not said; {said}"
        return ("told" if out else "right"), len(rows) - len(out), ""


def _parses(path: Path) -> bool:
    try:
        ast.parse(path.read_bytes())
    except (SyntaxError, ValueError):
        return False
    return True


def _doctor(project: Path, *words: str) -> tuple[int, str]:
    said, here = io.StringIO(), Path.cwd()
    os.chdir(project)
    try:
        with redirect_stdout(said), redirect_stderr(said):
            return run(words), said.getvalue()
    finally:
        os.chdir(here)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
