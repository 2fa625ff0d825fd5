"""Starts a run: makes its folder, gives it its own files, and hands it to a supervisor."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ...errors import WorkError
from ...explain.last_error import read_end
from ...facts.fact import Known, Unknown
from ...facts.sheet import FactSheet
from ...language import _, spoken
from ...settings.options import Settings
from ...system.bundle import bundle_root
from ...system.processes import RUN_VARIABLE, boot_id, end_marked, pid_namespace
from ..folder import FINAL_WEIGHTS, RunFolder, create
from ..records import ExitRecord, RunRecord, write
from . import command_line as launches
from . import together
from .arguments import value_of
from .command_line import STARTER, STARTER_SOURCE, Launch, Machine
from .resume import in_earlier_output
from .supervisor import LET_GO, READY

READY_SECONDS = 30.0
ENDED_SECONDS = 5.0


class LaunchError(WorkError):
    """The run could not be started. The message says what was seen and what to do next."""


@dataclass(slots=True)
class Started:
    """A run with its supervisor. Closing `lifeline` (or dying) ends the run, unless it was let go."""

    run: RunFolder
    record: RunRecord
    launch: Launch
    lifeline: int | None

    def let_go(self) -> None:
        """Makes a run that is up go on by itself."""
        assert self.lifeline is not None
        os.write(self.lifeline, LET_GO)
        self.release()

    def release(self) -> None:
        """Lets go of the pipe; to be called once the run is over."""
        if self.lifeline is not None:
            os.close(self.lifeline)
            self.lifeline = None


def prepare(
    settings: Settings,
    sheet: FactSheet,
    *,
    trainer: str,
    extra: Sequence[str],
    detach: bool = False,
    label: str = "",
    state: Path | None = None,
    working: Path | None = None,
) -> tuple[RunFolder, RunRecord, Launch]:
    """A run's folder with everything in it, nothing started yet. `state` None: among the project's runs.

    Raises LaunchError without a training environment, UsageError for ARGS that cannot be understood, OSError when
    nothing can be written.
    """
    if settings.anomalies:
        return _prepare_together(settings, sheet, extra, detach=detach, state=state, working=working)
    machine = _machine(settings, sheet)
    note = ""
    if trainer == "bundled":
        extra, note = in_earlier_output(settings, extra)
    named = label or "-".join(filter(None, (settings.category, settings.anomaly)))
    run = create(state or settings.state, named or _last_part(extra))
    try:
        launch = launches.build(
            settings, run, machine, trainer=trainer, extra=extra, variables=os.environ, working=working or Path.cwd()
        )
        if trainer == "checkout":
            _refuse_to_overwrite(launch.output, extra)
        _write_files(run, launch, trainer)
        if note:
            launch = replace(launch, notes=(*launch.notes, note))
        record = _record(run, launch, trainer, detach)
        write(record, run.run_file)
    except BaseException:
        shutil.rmtree(run.path, ignore_errors=True)
        raise
    return run, record, launch


def _machine(settings: Settings, sheet: FactSheet) -> Machine:
    return Machine(
        interpreter_of(sheet),
        launches.uses_cpu(sheet),
        launches.threads_for_each(settings.num_processes, os.environ),
        _free_port() if settings.num_processes > 1 else None,
    )


def _prepare_together(
    settings: Settings,
    sheet: FactSheet,
    extra: Sequence[str],
    *,
    detach: bool,
    state: Path | None,
    working: Path | None,
) -> tuple[RunFolder, RunRecord, Launch]:
    """`prepare` for several anomalies: a folder for each; what is returned is the first one's, which starts all."""
    machine = _machine(settings, sheet)
    folders: list[RunFolder] = []
    records: list[RunRecord] = []
    try:
        built: list[Launch] = []
        for own, said in together.apart(settings, extra):
            said, note = in_earlier_output(own, said)
            run = create(state or settings.state, "-".join(filter(None, (own.category, own.anomaly))))
            folders.append(run)
            launch = launches.build(
                own, run, machine, trainer="bundled", extra=said, variables=os.environ, working=working or Path.cwd()
            )
            built.append(replace(launch, notes=(*launch.notes, *filter(None, [note]))))
        first, names = folders[0], tuple(run.name for run in folders)
        _write_files(first, built[0], "bundled")
        key = f"{first.name}-{secrets.token_hex(8)}"
        joint = together.joined([launch.argv for launch in built])
        for run, launch in zip(folders, built, strict=True):
            if run != first:
                run.accelerate.write_text(launch.accelerate, encoding="utf-8")
                os.link(first.log, run.log)
            record = replace(_record(run, launch, "bundled", detach), key=key, together=names)
            records.append(replace(record, launched=joint) if run == first else record)
            write(records[-1], run.run_file)
    except BaseException:
        for run in folders:
            shutil.rmtree(run.path, ignore_errors=True)
        raise
    notes = tuple(dict.fromkeys(note for launch in built for note in launch.notes))
    return first, records[0], replace(built[0], argv=joint, notes=notes)


def _refuse_to_overwrite(output: Path, extra: Sequence[str]) -> None:
    """The authors' trainer writes its weights over whatever stands there. Raises LaunchError where some do."""
    there = next((output / name for name in FINAL_WEIGHTS if (output / name).is_file()), None)
    if there and value_of("--resume_from_checkpoint", extra) is None:
        raise LaunchError(
            _(
                "{there} is there already, and the authors' trainer would write over it. Name another folder (-- "
                "--output_dir DIR), or move it away.",
                there=there,
            )
        )


def interpreter_of(sheet: FactSheet) -> str:
    """The training environment's Python. Raises LaunchError when there is none."""
    if isinstance(sheet.environment, Known):
        return sheet.environment.value.interpreter
    if isinstance(sheet.environment, Unknown):
        raise LaunchError(
            _(
                "the training environment could not be looked at ({reason}); it may well be there. On a slow disk give "
                "it more time: `deadline = 60` in dualano.toml, or DUALANO_DEADLINE=60",
                reason=sheet.environment.reason,
            )
        )
    raise LaunchError(
        _("{reason}; `dualano-doctor fix` makes one, --env PATH names another", reason=sheet.environment.reason)
    )


def start(run: RunFolder, record: RunRecord, launch: Launch) -> Started:
    """Starts the supervisor and waits until the training's launcher is up.

    Raises LaunchError when it does not come up; the run's record then says the same.
    """
    far_end, lifeline = os.pipe()
    command = [sys.executable, "-m", f"{__package__}.supervisor", str(run.path), str(far_end)]
    with (run.path / "supervisor.log").open("ab") as complaints:
        supervisor = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=complaints,
            start_new_session=True,
            pass_fds=(far_end,),
            env=_supervisor_environment(),
            cwd="/",
        )
    os.close(far_end)
    assert supervisor.stdout is not None
    started = Started(run, record, launch, lifeline)
    ready = False
    try:
        ready = _read_ready(supervisor.stdout.fileno())
    finally:
        supervisor.stdout.close()
        if not ready:
            supervisor.terminate()
            started.release()
    if not ready:
        raise LaunchError(_why_not(run, record, supervisor))
    if record.detached:
        started.let_go()
    return started


def _why_not(run: RunFolder, record: RunRecord, supervisor: subprocess.Popen[bytes]) -> str:
    """Why the supervisor did not come up. One that was killed wrote no end, and may have left a launcher: both here."""
    try:
        supervisor.wait(ENDED_SECONDS)
    except subprocess.TimeoutExpired:
        supervisor.kill()
    end_marked(record.key, ENDED_SECONDS)
    end = run.exit()
    complaint = end.problem if end else read_end(run.path / "supervisor.log").strip()
    complaint = complaint or _("the run's supervisor did not come up; see {path}", path=run.path)
    if end is None:
        write(ExitRecord(127, time.time(), problem=complaint), run.exit_file)
    return complaint


def _write_files(run: RunFolder, launch: Launch, trainer: str) -> None:
    run.accelerate.write_text(launch.accelerate, encoding="utf-8")
    run.log.touch()
    if trainer == "bundled":
        ignore = shutil.ignore_patterns("__pycache__", "miniature")  # 12 MB of weights that no training needs
        shutil.copytree(bundle_root() / "trainer", run.code / "trainer", ignore=ignore)
        (run.code / STARTER).write_text(STARTER_SOURCE, encoding="utf-8")


def _record(run: RunFolder, launch: Launch, trainer: str, detach: bool) -> RunRecord:
    return RunRecord(
        name=run.name,
        key=f"{run.name}-{secrets.token_hex(8)}",
        trainer=trainer,
        argv=launch.argv,
        folder=str(launch.folder),
        environment=launch.environment,
        output=str(launch.output),
        steps=launch.steps,
        host=socket.gethostname(),
        created=time.time(),
        detached=detach,
        metrics=launch.metrics,
        boot=boot_id(),
        namespace=pid_namespace(),
    )


def _supervisor_environment() -> dict[str, str]:
    """The supervisor must find this very package, speak our language, and not count as one of the run's processes."""
    variables = {name: value for name, value in os.environ.items() if name != RUN_VARIABLE}
    here = str(Path(__file__).resolve().parents[3])
    path = os.pathsep.join(filter(None, (here, variables.get("PYTHONPATH", ""))))
    return variables | {"PYTHONPATH": path, "DUALANO_LANG": spoken()}


def _read_ready(handle: int) -> bool:
    """Waits for the supervisor's word; False when it ends or says nothing in READY_SECONDS."""
    import select

    end, said = time.monotonic() + READY_SECONDS, b""
    while READY not in said:
        readable, __, __ = select.select([handle], [], [], max(0.0, end - time.monotonic()))
        piece = os.read(handle, 64) if readable else b""
        if not piece:
            return False
        said += piece
    return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _last_part(extra: Sequence[str]) -> str:
    return Path(value_of("--instance_data_dir", extra) or "run").name
