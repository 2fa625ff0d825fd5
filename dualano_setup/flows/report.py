"""`dualano-doctor report`: the page of a run or a campaign on the disk; `check --html`: that of the machine."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import replace
from pathlib import Path

from ..check import Report, look
from ..errors import WorkError
from ..language import _
from ..pages.machine import check_page
from ..pages.pairs import read_pairs, without_small_copy
from ..pages.pictures import THUMBNAILS
from ..pages.render import page, run_html
from ..pages.run import EMBEDDED, RunPage, read_run
from ..pages.source import Source, campaign_of, source_of
from ..report.markdown import machine_rows
from ..runs.launch.arguments import value_of
from ..settings.options import Settings
from ..system.atomic import write_synced

NAME = "report.html"


def report(settings: Settings, word: str | None, output: str | None, *, every_pair: bool = False) -> Path:
    """Writes the page of what `word` names, and returns where it is.

    Raises UsageError when it names nothing, WorkError where the page cannot be written.
    """
    if (campaign := campaign_of(settings, word)) is not None:
        from ..pages.campaign import campaign_html

        return write_page(_target(output, campaign), campaign_html(settings, campaign))
    source = source_of(settings, word)
    complete_small_copies(settings, source)
    target = _target(output, source.output)
    run = read_run(source, machine=machine_now(settings))
    if every_pair:
        run = _with_all_pairs(source, run, target)
    return write_page(target, run_html(run))


def machine_now(settings: Settings) -> list[tuple[str, str]]:
    """What this machine is, as the page is made; nothing where it cannot be looked at."""
    try:
        return machine_rows(look(replace(settings, offline=True)))
    except Exception as error:  # a page without these rows is better than none
        return [(_("this machine"), _("could not be looked at: {error}", error=error))]


def complete_small_copies(settings: Settings, source: Source) -> None:
    """Has the training environment make the small pictures that an earlier version did not; without one, none are."""
    wanted: list[str] = []
    generated = source.generated
    if generated and without_small_copy(generated, read_pairs(generated)[:EMBEDDED]):
        wanted += ["--generated", str(generated), "--most", str(EMBEDDED)]
    samples = source.output / "samples"
    if any(samples.glob("step-*.png")) and not (samples / THUMBNAILS).is_dir():
        wanted += ["--samples", str(samples)]
    images = value_of("--instance_data_dir", source.record.argv) if source.record else None
    if images and source.record and not (source.output / THUMBNAILS).is_dir():
        folder = Path(source.record.folder, images)
        masks = folder.parents[1] / "ground_truth" / folder.name if len(folder.parents) > 1 else folder
        if folder.is_dir():
            wanted += ["--images", str(folder), "--masks", str(masks), "--output", str(source.output)]
    if not wanted:
        return
    from ..facts.collect import collect
    from ..runs.launch.handoff import LaunchError, interpreter_of
    from ..runs.launch.tools import run_tool

    try:
        with open(os.devnull, "w", encoding="utf-8") as nowhere:  # noqa: PTH123
            run_tool(interpreter_of(collect(settings)), "trainer.generate.thumbnails", wanted, output=nowhere)
    except (LaunchError, OSError):
        return


def write_page(target: Path, text: str) -> Path:
    """Writes a page, whole or not at all. Raises WorkError."""
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        write_synced(temporary, text.encode("utf-8", "replace"), 0o644)
        temporary.replace(target)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise WorkError(
            _("{target} cannot be written ({error}); --output FILE names another place", target=target,
              error=error.strerror or error)
        ) from error  # fmt: skip
    return target


def check_html(told: Report) -> str:
    """The page of a look at the machine."""
    return page("check.html", check=check_page(told), made=time.strftime("%Y-%m-%d %H:%M"))


def open_page(address: str) -> None:
    """Shows a page in the person's browser, or says that there is none."""
    import webbrowser

    if not webbrowser.open(address):
        sys.stderr.write(_("no browser could be started; open {address} in one\n", address=address))


def _with_all_pairs(source: Source, run: RunPage, target: Path) -> RunPage:
    """Writes further pages beside the report, EMBEDDED pairs each, and has the report name them."""
    generated = source.generated
    pairs = read_pairs(generated) if generated else []
    names: list[str] = []
    for number, begin in enumerate(range(0, len(pairs), EMBEDDED), 1):
        told = read_run(source, pairs=pairs[begin : begin + EMBEDDED])
        told = replace(told, name=f"{run.name} ({number})", real=())
        names.append(f"{target.stem}-pairs-{number}.html")
        write_page(target.with_name(names[-1]), page("pairs.html", run=told))
    return replace(run, others=names)


def _target(output: str | None, folder: Path) -> Path:
    if output is None:
        return folder / NAME
    named = Path(output).expanduser()
    return named / NAME if named.is_dir() else named
