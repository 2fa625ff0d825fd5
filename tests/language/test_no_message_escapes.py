"""No text for people stands in the sources outside `_` and `N_`.

Three nets: any literal that reads like a sentence, wherever it stands; any f-string with a word in it; and any literal
with a word in it that goes straight to a person (printed, raised as a usage error, given to a finding, to help).
"""

from __future__ import annotations

import ast
import re

import pytest

from tests.places import ROOT

PACKAGE = ROOT / "dualano_setup"
FILES = sorted(file.relative_to(PACKAGE).as_posix() for file in PACKAGE.rglob("*.py"))
# Words that are the same in every language: names of things, units.
NAMES = {
    "torch", "CUDA", "GPU", "accelerate", "diffusers", "xformers", "Python", "pip", "uv", "conda", "PID", "GiB", "MiB",
    "GB", "MB", "NVIDIA", "SHA", "sha",
    "px", "cpu", "no", "dualano-doctor", "dualano", "doctor", "train", "http", "https", "venv",
}  # fmt: skip
SENTENCE = re.compile(r"[A-Za-z]{2,}[,;:)`']* +[`('\"]?[A-Za-z]{2,}")
# Where a literal is an argument for a machine: patterns, keys, paths, other programs' words to look for.
FOR_MACHINES = {
    "compile", "fullmatch", "match", "search", "sub", "finditer", "split", "partition", "rpartition", "startswith",
    "endswith", "removeprefix", "removesuffix", "replace", "getattr", "import_module", "get", "join_path", "TypeVar",
    "isinstance", "index", "find", "encode", "decode",
}  # fmt: skip
FOR_PEOPLE = {
    "fail",
    "warn",
    "info",
    "unknown",
    "skip",
    "UsageError",
    "print",
    "RepairError",
    "LaunchError",
    "ProofError",
    "say",
    "tell",
}
# A finding's `subject` tells rows of one rule apart and is what `suppress` names: the same in every language.
FOR_MACHINES_KEYWORDS = {"subject", "prog", "metavar"}
FOR_PEOPLE_KEYWORDS = {"help", "description", "epilog", "cure", "title"}
# file -> (literal begins so, why it is not translated). Short on purpose.
_SAID_BY_OTHERS = "what another program prints, looked for in its output"
_KEY = "a key or a state in a data structure"
_DEFECT = "raised at our own mistake in code or data, never at the user's"
_PROGRAM = "source text of a program"
_READ_FIRST = "raised where the facts have read the same header already"
_ENGLISH_PICTURE = "in a picture, whose words are the trainer's, and prompts in the words that the base model learnt"
ALLOWED: dict[str, tuple[tuple[str, str], ...]] = {
    "campaigns/executors/local.py": (("gpu-\0", _KEY), ("cpu-\0", _KEY)),
    "campaigns/executors/slurm.py": (
        ("#!/bin/bash", _PROGRAM),
        ("submit-\0-\0-\0", _KEY),
        ("dualano-\0", _KEY),
        ("--", _KEY),
    ),
    "campaigns/executors/ssh.py": (("cd / &&", _PROGRAM), ("test -d", _PROGRAM)),
    "campaigns/gpu_lock.py": (("dualano-\0", _KEY), ("gpu-\0.lock", _KEY)),
    "explain/general.py": (("wording of the programs", "where a row is from"), ("\0: [\0]: tier", _DEFECT)),
    "flows/quickstart.py": (("a photo of", _ENGLISH_PICTURE), ("\0, \0: \0 steps", _ENGLISH_PICTURE)),
    "installers/activation.py": (("# Other shells", _PROGRAM),),
    "repairs/actions/tensor_names.py": (("\0: a header", _READ_FIRST), ("\0: its header", _READ_FIRST)),
    "explain/match.py": (("ERROR tests/", _SAID_BY_OTHERS),),
    "explain/signatures.py": (
        ("expected either `message`", _DEFECT),
        ("severity", _DEFECT),
        ("`\0` is not there in each", _DEFECT),
    ),
    "facts/environment/layout.py": (("python\0", _KEY),),
    "facts/environment/leaks.py": (("python\0", _KEY),),
    "facts/machine/slurm.py": (("import sys; sys.path", _PROGRAM),),
    "facts/project/contents.py": (("import sys; sys.path", _PROGRAM),),
    "facts/project/layouts/known.py": tuple(
        (text, "the name of a data set, or where it is published")
        for text in (
            "MVTec AD", "MVTec LOCO", "CVAT for images", "YOLO segmentation", "Heckler-Kram et", "Bergmann et",
            "Zou et", "Mishra et", "Wang et", "Jezek et", "cocodataset.org", "docs.cvat.ai", "a user's own",
        )
    ),
    "facts/probing.py": (("probe \0", "the name of a thread"),),
    "patching/pattern.py": (("\0@call", _KEY),),
    "repairs/planners/environment.py": (("PKG\0", _KEY),),
    "repairs/actions/tool.py": (("output-\0", _KEY),),
    "knowledge/solved.py": (("pytorch-\0", _KEY),),
    "facts/machine/network.py": tuple(
        (text, _SAID_BY_OTHERS)
        for text in (
            "proxy auth", "name or service", "name resolution", "dns error", "failed to lookup", "nodename nor",
            "timed out", "connection refused", "actively refused",
        )
    ),
    "installers/clash.py": tuple(
        (text, _SAID_BY_OTHERS)
        for text in (
            "dns error", "resolving dns", "lookup address", "invalid peer", "proxy authentication", "timed out",
            "connection refused",
        )
    ),
    "installers/uv.py": tuple(
        (text, _SAID_BY_OTHERS)
        for text in (
            "Hash mismatch", "No space left", "Disk quota", "invalid peer", "dns error", "Network connectivity",
            "operation timed", "tcp connect", "No interpreter",
        )
    ),
    "upkeep/hashes.py": (("nothing was written", "a maintainer's tool, not a command of the doctor"),),
    "upkeep/recheck.py": (("could not look", _KEY),),
    "language.py": (("no language", _DEFECT),),
    "light_dataclasses.py": (("cannot change", _DEFECT), ("\0: missing", _DEFECT), ("\0: a field is given", _DEFECT)),
    "pages/campaign.py": (("left out", _KEY),),
    "pages/pictures.py": (("data:image", "an address that holds a picture"),),
    "pages/render.py": (("'sha256-", "of a page's policy"), ("<style>", "markup")),
    "pages/review_site.py": (("'self' data:", "of a page's policy"),),
    "pages/run.py": (("checkpoint-", "the name of a folder"), ("\0, rank", "as the trainer's log says it")),
    "pages/settings.py": (("dualano-doctor", "a command"),),
    "patching/loading.py": (("title", _KEY),),
    "repairs/actions/environment.py": (("import torch;", _PROGRAM),),
    "repairs/saved_plan.py": (
        ("link to", "a state that a saved plan is compared by, in whatever language it was made"),
        ("neither file", "the same"),
        ("a circle of links", "the same"),
        ("\0 bytes of", "the same"),
    ),
    "report/recipes.py": (("", "files of other programs; what is for people in them goes through `_`"),),
    "report/document.py": (("dualano-doctor rule", "a command"),),
    "rules/data/files.py": (("foreground mask", _KEY),),
    "rules/gpu/visible.py": (("Failed to initialize NVML", _SAID_BY_OTHERS),),
    "rules/pkg/hub_names.py": (("vendored diffusers", _KEY),),
    "explain/last_error.py": (("Traceback (most recent call last):", _SAID_BY_OTHERS),),
    "flows/tool.py": (("export-", "the name of a folder"),),
    "flows/uninstall.py": (
        ("uv tool uninstall", _PROGRAM),
        ("pipx uninstall", _PROGRAM),
        ("\0 -m pip uninstall", _PROGRAM),
        ("uv pip uninstall", _PROGRAM),
    ),
    "runs/launch/command_line.py": (('"""Starts the trainer', _PROGRAM),),
    "runs/ending.py": (("writing a checkpoint, then ending", _SAID_BY_OTHERS),),
    "runs/records.py": (("\0 is no \0", "caught in the same file"),),
    "runs/launch/tools.py": (("import importlib.util", _PROGRAM),),
    "versions.py": (("\0 does not begin", _DEFECT),),
}  # fmt: skip


def literals(tree: ast.AST):
    """(node, text, parents) of every literal; the fields of an f-string are left out of its text."""
    parents: dict[ast.AST, ast.AST] = {}
    for node in ast.walk(tree):
        for child in ast.iter_child_nodes(node):
            parents[child] = node
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            text = "".join(part.value if isinstance(part, ast.Constant) else "\0" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = node.value
        else:
            continue
        chain = []
        above: ast.AST | None = parents.get(node)
        while above is not None:
            chain.append(above)
            above = parents.get(above)
        if chain and not isinstance(chain[0], (ast.JoinedStr, ast.Expr)):
            yield node, text, chain


def name_of(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")


def is_for_machines(node: ast.AST, chain: list[ast.AST]) -> bool:
    below = node
    for above in chain:
        if isinstance(above, ast.Call) and name_of(above) in FOR_MACHINES | {"_", "N_"}:
            return True
        if isinstance(above, (ast.Compare, ast.Assert, ast.FormattedValue)):
            return not isinstance(above, ast.FormattedValue)
        if isinstance(above, ast.keyword) and above.arg in FOR_MACHINES_KEYWORDS:
            return True
        if isinstance(above, ast.Dict) and below in above.keys:
            return True
        if isinstance(above, (ast.stmt, ast.arg)) and not isinstance(above, ast.expr):
            return False
        below = above
    return False


def goes_to_people(node: ast.AST, chain: list[ast.AST]) -> bool:
    below = node
    for above in chain:
        if isinstance(above, ast.keyword):
            return above.arg in FOR_PEOPLE_KEYWORDS
        if isinstance(above, ast.Call):
            return name_of(above) in FOR_PEOPLE and below is not above.func
        if isinstance(above, ast.stmt):
            return False
        below = above
    return False


def words(text: str) -> set[str]:
    plain = re.sub(r"`[^`]*`|\x1b\[[0-9;]*m|--?[\w-]+|\S*[/_.=\\]\S*", " ", text.replace("\0", " "))
    return set(re.findall(r"[A-Za-z][A-Za-z-]+", plain)) - NAMES


def escaped(file: str) -> list[str]:
    found = []
    for node, text, chain in literals(ast.parse((PACKAGE / file).read_text(encoding="utf-8"))):
        if is_for_machines(node, chain) or any(text.startswith(start) for start, _why in ALLOWED.get(file, ())):
            continue
        sentence = SENTENCE.search(text.replace("\0", "xx")) and words(text)
        rule_id = re.fullmatch(r"[A-Z]+\d{3}", text)
        glued = "\0" in text and words(text)
        straight = goes_to_people(node, chain) and words(text) and not rule_id
        if sentence or straight or glued:
            found.append(f"{file}:{node.lineno}: {text!r}")
    return found


@pytest.mark.parametrize("file", FILES)
def test_no_message_escapes(file):
    assert escaped(file) == []


def test_the_net_catches(tmp_path, monkeypatch):
    (tmp_path / "x.py").write_text(
        'TABLE = {"a": "this is said to people"}\n'
        "def f(name):\n"
        '    print(f"seen {name}, expected another")\n'
        '    raise UsageError("wrong")\n'
        '    parser.add_argument("--x", help="why")\n'
    )
    monkeypatch.setattr(f"{__name__}.PACKAGE", tmp_path)
    assert len(escaped("x.py")) == 4


def test_what_is_allowed_is_still_there():
    for file, rows in ALLOWED.items():
        texts = [text for _node, text, _chain in literals(ast.parse((PACKAGE / file).read_text(encoding="utf-8")))]
        for start, _why in rows:
            assert any(text.startswith(start) for text in texts), (file, start)
