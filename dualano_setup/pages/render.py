"""From data to HTML. Every value is escaped; a page's policy lets it run its own script and style, and nothing else."""

from __future__ import annotations

import hashlib
import math
from base64 import b64encode
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from .. import __version__
from ..language import _, spoken
from .metrics import COLUMNS, Metrics
from .run import RunPage, total_of

TEMPLATES = Path(__file__).parent / "templates"
SECTIONS = ("verdict", "curve", "sheets", "pairs", "evaluation", "facts")
MOST_ROWS = 20_000
"""Steps whose numbers stand in a page one by one; of longer trainings, evenly so many."""


def run_html(run: RunPage, *, links: Sequence[tuple[str, str]] = ()) -> str:
    """The page of a run as one file."""
    return page("run.html", ("page.js",), run=run, sections=SECTIONS, keys=None, live="", links=links,
                data=numbers_of(run.metrics))  # fmt: skip


def fragment(template: str, **values: Any) -> str:
    """A part of a page with its style, for a notebook: no script in it, and nothing outside of it is touched."""
    body = _environment().get_template(template).render(**values, sections=SECTIONS, data=None)
    return f'<style>{text_of("style.css")}</style><div class="dualano">{body}</div>'


def section_html(name: str, run: RunPage, most: int = MOST_ROWS) -> str:
    """One part of a run's page."""
    data = numbers_of(run.metrics, most) if name == "curve" else None
    return _environment().get_template(f"run_{name}.html").render(run=run, data=data)


def page(template: str, scripts: Sequence[str] = (), allow: Mapping[str, str] | None = None, **values: Any) -> str:
    """A whole page; `scripts` are files beside the templates, `allow` adds to its policy."""
    style = text_of("style.css")
    script = "\n".join(text_of(name) for name in scripts)
    return _environment().get_template(template).render(
        **values, style=Markup(style), script=Markup(script), policy=policy(style, script, allow or {}),
        language=spoken(), version=__version__,
    )  # fmt: skip


def policy(style: str, script: str, allow: Mapping[str, str]) -> str:
    """The Content-Security-Policy: nothing but this style, this script, pictures that are data, and what is allowed."""
    rules = {"default-src": "'none'", "img-src": "data:", "style-src": _hash(style), "base-uri": "'none'"}
    rules |= {"form-action": "'none'"} | ({"script-src": _hash(script)} if script else {})
    return "; ".join(f"{name} {value}" for name, value in (rules | dict(allow)).items())


def numbers_of(metrics: Metrics, most: int = MOST_ROWS) -> dict[str, Any]:
    """The numbers of metrics.jsonl, a list a column; what JSON has no number for is text, as it is there."""
    count = len(metrics)
    rows = range(count) if count <= most else [number * (count - 1) // (most - 1) for number in range(most)]
    columns = {name: [_json(metrics.of(name)[row]) for row in rows] for name in COLUMNS}
    return {"step": [metrics.steps[row] for row in rows], **columns, "last": total_of(None, metrics)}


def marked(text: str) -> Markup:
    """The text escaped, what stands between backticks as code."""
    parts = str(text).split("`")
    paired = len(parts) % 2 == 1
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if paired and number % 2 else part for number, part in enumerate(parts)
    )


@cache
def text_of(name: str) -> str:
    """A file beside the templates."""
    return (TEMPLATES / name).read_text(encoding="utf-8")


def _json(value: float | None) -> float | str | None:
    return str(value) if value is not None and not math.isfinite(value) else value


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


@cache
def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    made.globals["_"] = _
    made.filters["marked"] = marked
    return made
