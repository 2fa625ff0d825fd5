"""The pages of all runs while they train: made anew only when something changed, and never often."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote

from ..language import _
from ..runs.look import look_at
from ..runs.progress import Progress, line_of
from ..runs.watch.report import STATES
from ..settings.options import Settings
from .campaign import campaign_html
from .metrics import MetricsFile
from .render import SECTIONS, numbers_of, page, section_html
from .run import RunPage, read_run
from .server import JSON, Answer
from .source import PLAN, Source, all_sources

PAUSE = 1.5
"""Seconds that a page stays as it is, however often it is asked for."""
SHARE = 0.02
"""Of one processor, at the most, that a run's page takes: the training is on the same machine."""
POINTS = 1500
"""Steps whose numbers a live page holds."""
_ALLOW = {"connect-src": "'self'"}


@dataclass(frozen=True, slots=True)
class State:
    """A run's page at a moment: its parts by name, each with a key that changes when it does."""

    run: RunPage
    parts: Mapping[str, tuple[str, str]]


class LiveRun:
    """One run's page, kept."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self._metrics = MetricsFile(source.metrics)
        self._lock = threading.Lock()
        self._state: State | None = None
        self._signs: object = None
        self._not_before = 0.0

    def now(self) -> State:
        """The page as it is now, or was a moment ago. One thread makes it; the others get what there is."""
        if self._state is not None and not self._lock.acquire(blocking=False):
            return self._state
        if self._state is None:
            self._lock.acquire()
        try:
            if self._state is None or time.monotonic() >= self._not_before:
                self._refresh()
            assert self._state is not None
            return self._state
        finally:
            self._lock.release()

    def page(self) -> bytes:
        """The whole page."""
        state = self.now()
        keys = {name: key for name, (key, __) in state.parts.items()}
        name = quote(self.source.name, safe="")
        text = page("run.html", ("page.js", "live.js"), _ALLOW, run=state.run, sections=SECTIONS, keys=keys,
                    live=f"{name}/live", links=((_("all runs"), "../"),),
                    data=numbers_of(state.run.metrics, POINTS))  # fmt: skip
        return text.encode("utf-8", "replace")

    def news(self, have: str) -> bytes:
        """The parts that differ from those that the browser has, as JSON."""
        state, known = self.now(), set(have.split(","))
        parts = {name: {"key": key, "html": html} for name, (key, html) in state.parts.items()
                 if f"{name}-{key}" not in known}  # fmt: skip
        return json.dumps({"made": state.run.made, "state": state.run.state, "sections": parts}).encode()

    def _refresh(self) -> None:
        began = time.thread_time()
        signs = self._look()
        if self._state is None or signs != self._signs:
            run = read_run(self.source, metrics=self._metrics)
            texts = {name: section_html(name, run, POINTS) for name in SECTIONS}
            parts = {name: (_key(text), text) for name, text in texts.items()}
            self._state, self._signs = State(run, parts), signs
        self._not_before = time.monotonic() + max(PAUSE, (time.thread_time() - began) / SHARE)

    def _look(self) -> object:
        """What changes when the page would: sizes and times of the files that it is made of, and the run's state."""
        source, generated = self.source, self.source.generated
        files = [source.metrics, source.output, source.output / "samples", source.output / "evaluation"]
        files += [source.run.log, source.run.exit_file, source.run.stop_file] if source.run else []
        files += [generated / "manifest.jsonl"] if generated else []
        view = source.view()
        return [*map(_sign, files), (view.verdict if view else None)]


class WatchSite:
    """All runs and campaigns of a project, to look at."""

    key = ""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._runs: dict[str, LiveRun] = {}
        self._lock = threading.Lock()
        self._kept: dict[str, tuple[float, bytes]] = {}

    def get(self, path: str, query: Mapping[str, str]) -> Answer | None:
        """The list of runs, a run's page, what is new of it, or a campaign's page."""
        if path == "":
            return Answer(self._keep("", 3.0))
        kind, __, rest = path.partition("/")
        if kind == "campaign" and rest in self._campaigns():
            return Answer(self._keep(rest, 20.0))
        name, __, what = rest.partition("/")
        run = self._run(name) if kind == "run" else None
        if run is None or what not in ("", "live"):
            return None
        return Answer(run.news(query.get("have", "")), JSON) if what else Answer(run.page())

    def post(self, path: str, query: Mapping[str, str], body: bytes) -> Answer | None:
        """Nothing can be changed here."""
        del path, query, body
        return None

    def _run(self, name: str) -> LiveRun | None:
        with self._lock:
            if name not in self._runs:
                found = next((one for one in all_sources(self.settings) if one.name == name), None)
                if found is None:
                    return None
                self._runs[name] = LiveRun(found)
            return self._runs[name]

    def _keep(self, what: str, seconds: float) -> bytes:
        with self._lock:
            made, body = self._kept.get(what, (0.0, b""))
            if not body or time.monotonic() - made > seconds:
                text = campaign_html(self.settings, self._campaigns()[what]) if what else self._index()
                body = text.encode("utf-8", "replace")
                self._kept[what] = time.monotonic(), body
            return body

    def _campaigns(self) -> dict[str, Path]:
        places = sorted((self.settings.project / "outputs" / "campaigns").glob(f"*/{PLAN}"))
        return {place.parent.name: place.parent for place in places}

    def _index(self) -> str:
        rows = []
        for source in all_sources(self.settings):
            assert source.run
            assert source.record
            view = look_at(source.run, source.record)
            words = line_of(view.progress if view.verdict.alive else _at_rest(view.progress)) if view.progress else ""
            rows.append((source.name, f"run/{quote(source.name, safe='')}", _(STATES[view.verdict.state]),
                         view.verdict.state, words))  # fmt: skip
        campaigns = [(name, f"campaign/{quote(name, safe='')}") for name in self._campaigns()]
        return page("runs.html", runs=rows, campaigns=campaigns, project=self.settings.project.name,
                    made=time.strftime("%Y-%m-%d %H:%M"))  # fmt: skip


def _at_rest(progress: Progress) -> Progress:
    """Without what says how fast it is and how long it will take."""
    return replace(progress, seconds_per_step=None)


def _key(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]


def _sign(path: Path) -> tuple[int, int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns
