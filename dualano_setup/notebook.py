"""For notebooks: a check and a run as HTML where they stand, without terminal codes.

    from dualano_setup.notebook import check, run

    check()          # the machine, as `dualano-doctor check` sees it
    run()            # the newest run of the project; run("name") another one

What they give shows itself (`_repr_html_`), follows the notebook's light or dark, and asks no network.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .check import Report, look
from .language import LANGUAGES, preferred, speak
from .pages.machine import CheckPage, check_page
from .pages.pictures import Album
from .pages.render import fragment
from .pages.run import RunPage, read_run
from .pages.source import source_of
from .settings.options import Settings

MOST = 1_500_000
"""Characters of pictures in one output: a notebook keeps them in its file."""


@dataclass(frozen=True, slots=True)
class CheckView:
    """What a check found. `report` has all of it; `ok` whether a training may start."""

    report: Report
    page: CheckPage

    @property
    def ok(self) -> bool:
        """Whether nothing blocks."""
        return self.report.verdict == 0

    def _repr_html_(self) -> str:
        return fragment("check_body.html", check=self.page)

    def __repr__(self) -> str:
        return self.page.sentence


@dataclass(frozen=True, slots=True)
class RunView:
    """A run as it was when it was looked at. `page` has its numbers and pairs."""

    page: RunPage

    def _repr_html_(self) -> str:
        return fragment("run_fragment.html", run=self.page)

    def __repr__(self) -> str:
        return f"{self.page.name}: {self.page.sentence}"


def check(project: str | Path = ".", *, lang: str | None = None, **settings: object) -> CheckView:
    """Looks at the machine, changing nothing. `settings` are those of dualano.toml: model="...", offline=True.

    Raises UsageError for a settings file or a setting that cannot be used.
    """
    report = look(_settings(project, lang, settings))
    return CheckView(report, check_page(report))


def run(name: str | None = None, project: str | Path = ".", *, lang: str | None = None) -> RunView:
    """A run by its name (or a part of it), or a folder of results; the newest without one.

    Raises UsageError when there is none.
    """
    album = Album(room=MOST)
    return RunView(read_run(source_of(_settings(project, lang, {}), name), album=album))


def _settings(project: str | Path, lang: str | None, given: dict[str, object]) -> Settings:
    import os

    from .settings.resolve import resolve

    settings = resolve(given, project=Path(project).expanduser().absolute())
    wanted = lang or settings.lang or preferred(os.environ)
    speak(wanted if wanted in LANGUAGES else LANGUAGES[0])
    return settings
