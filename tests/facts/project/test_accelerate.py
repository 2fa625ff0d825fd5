"""The fields of accelerate's configuration, read by pattern, against the syntax tree of the accelerate at hand."""

from __future__ import annotations

import ast
import importlib.util
from pathlib import Path

from dualano_setup.facts.fact import Known
from dualano_setup.facts.project.accelerate import probe
from dualano_setup.settings.options import Settings


def test_the_pattern_finds_what_the_syntax_tree_has(tmp_path: Path) -> None:
    spec = importlib.util.find_spec("accelerate")
    assert spec is not None
    assert spec.origin is not None
    package = Path(spec.origin).parent
    tree = ast.parse((package / "commands" / "config" / "config_args.py").read_text(encoding="utf-8"))
    fields = tuple(
        statement.target.id
        for node in tree.body
        if isinstance(node, ast.ClassDef) and node.name in ("BaseConfig", "ClusterConfig")
        for statement in node.body
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name)
    )
    fact = probe(Settings(project=tmp_path), [str(package.parent)], {"HF_HOME": str(tmp_path)})
    assert isinstance(fact, Known)
    assert fact.value.known_keys == fields
    assert len(fields) > 20
