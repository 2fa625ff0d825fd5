"""The trainer's tools in the training environment; what was not said comes from settings and the newest run."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ..errors import UsageError
from ..language import _
from ..light_dataclasses import replace
from ..runs.ending import newest_checkpoint
from ..runs.folder import FINAL_WEIGHTS, RunFolder, every, results_of
from ..runs.launch.arguments import bundled_arguments, instance_folder, value_of
from ..runs.launch.resume import is_like
from ..runs.records import RunRecord
from ..settings.options import Settings

MANIFEST = "manifest.jsonl"


def run_filled_in(tool: str, settings: Settings, given: Mapping[str, str], extra: Sequence[str]) -> int:
    """Runs `trainer.<tool>`, as often as there are folders to work on; the exit status is the first that is not 0.

    Raises UsageError for what is neither said nor known, LaunchError without a training environment.
    """
    from ..runs.launch.tools import refuse_unknown_flags, run_tool

    if extra and tool != "memory":  # that one takes any line of the trainer's
        refuse_unknown_flags(f"trainer.{tool}", extra)
    said = {**given, **{flag: value for flag in _FLAGS[tool] if (value := value_of(flag, extra)) is not None}}
    lines = _export(settings, said, extra) if tool == "export" else _FILL[tool](settings, said)
    interpreter = sys.executable if tool == "memory" else environment_python(settings)  # that one needs no torch
    for line in lines:
        # What stands in ARGS is there already. A switch has no value.
        missing = [pair for pair in line if value_of(pair[0], extra) is None]
        filled = [text for pair in missing for text in pair if text]
        status = run_tool(interpreter, f"trainer.{tool}", [*filled, *extra], offline=settings.offline)
        if status:
            return 128 - status if status < 0 else status
    return 0


def environment_python(settings: Settings) -> str:
    """The training environment's Python. Raises LaunchError without one."""
    from ..facts.collect import collect
    from ..runs.launch.handoff import interpreter_of

    return interpreter_of(collect(settings))


Line = list[tuple[str, str]]


def _export(settings: Settings, said: Mapping[str, str], extra: Sequence[str]) -> list[Line]:
    """One data set of all the anomalies that are set; the images that trained are never tested on."""
    data = said.get("--dataset") or (str(settings.data) if settings.data else None)
    category = said.get("--category") or settings.category
    named = settings.anomalies or ((settings.anomaly,) if settings.anomaly else ())
    anomalies = (said["--anomaly"],) if "--anomaly" in said else named
    if data is None or category is None or not anomalies:
        raise UsageError(_("which images is not known yet: --data PATH, --category NAME and --anomaly NAME"))
    if "--generated" in said:
        folders = [Path(said["--generated"])]
    else:
        folders = [
            newest_generated(replace(settings, category=category, anomaly=one, anomalies=())) for one in anomalies
        ]
    layout = said.get("--format", "mvtec")
    output = said.get("--output") or str(folders[0].parent / f"export-{layout}")
    pairs = [("--generated", str(folder)) for folder in folders] + [("--dataset", data), ("--category", category)]
    pairs += [("--anomaly", anomaly) for anomaly in anomalies]
    lists = [_trained_on(folder) for folder in folders]
    if all(lists) and value_of("--split", extra) is None and value_of("--anomaly", extra) is None:
        pairs += [("--trained_on", str(file)) for file in lists]
    return [[*pairs, ("--format", layout), ("--output", output)]]


def _trained_on(generated: Path) -> Path | None:
    """What the run that the pairs come from recorded of its images; None where it left no checkpoint."""
    file = generated.parent / newest_checkpoint(generated.parent) / "trainer_state.json"
    return file if file.is_file() else None


def _masks(settings: Settings, said: Mapping[str, str]) -> list[Line]:
    parts = Path(said["--fg"]) if "--fg" in said else newest_generated(settings) / "fg"
    return [[("--fg", str(parts)), ("--output", said.get("--output") or str(parts.parent / "masks"))]]


def _foreground(settings: Settings, said: Mapping[str, str]) -> list[Line]:
    if "--images" in said:
        if "--output" not in said:
            raise UsageError(_("where the masks go is not known: --output DIR"))
        return [[("--images", said["--images"]), ("--output", said["--output"])]]
    images = instance_folder(settings)
    if images is None:
        raise UsageError(_("which images is not known yet: --data PATH, --category NAME and --anomaly NAME"))
    category = images.parents[1]
    base = Path(said.get("--output") or settings.foreground or settings.project / "foreground") / category.name
    wanted = [(images, base / images.name), (category / "train" / "good", base / "good")]
    missing = [
        [("--images", str(source)), ("--output", str(target))] for source, target in wanted if not target.exists()
    ]
    if not missing:
        raise UsageError(_("{base} has them already; --output DIR makes others", base=base))
    if settings.foreground is None:
        print(_("then: --foreground {base}, or that key in dualano.toml", base=base.parent), file=sys.stderr)
    return missing


def _convert(settings: Settings, said: Mapping[str, str]) -> list[Line]:
    if "--source" in said:
        source = Path(said["--source"])
    else:
        found = (Path(record.output) / FINAL_WEIGHTS[1] for __, record in _runs(settings))
        source = next((file for file in found if file.is_file()), Path())
        if source == Path():
            raise UsageError(_("no run has left a .bin file; --source FILE names one"))
    return [[("--source", str(source)), ("--target", said.get("--target") or str(source.with_suffix(".safetensors")))]]


def _memory(settings: Settings, _said: Mapping[str, str]) -> list[Line]:
    values = {
        "--train_batch_size": settings.batch_size,
        "--resolution": settings.resolution,
        "--rank": settings.rank,
        "--mixed_precision": settings.mixed_precision,
        "--variant": settings.variant,
    }
    switches = [("--train_text_encoder", True), ("--gradient_checkpointing", settings.gradient_checkpointing)]
    return [[(flag, str(value)) for flag, value in values.items()] + [(flag, "") for flag, on in switches if on]]


def newest_generated(settings: Settings) -> Path:
    """The newest generated pairs of these images and this variant. Raises UsageError when there are none."""
    of_runs = (results_of(settings.project, run.name) / "generated" for run, __ in _runs(settings))
    label = "-".join(filter(None, (settings.category, settings.anomaly)))
    before = settings.state / "generated" / (label or "samples")  # where they lay in 0.1.0
    for folder in (*of_runs, before):
        if (folder / MANIFEST).is_file():
            print(_("pairs in {folder}", folder=folder), file=sys.stderr)
            return folder
    if elsewhere := sorted(file.parent.name for file in settings.project.glob(f"*/{MANIFEST}")):
        raise UsageError(
            _(
                "no run has pairs in its own folder; some lie in {folders}: --generated DIR",
                folders=", ".join(elsewhere),
            )
        )
    raise UsageError(_("nothing was generated here yet: `dualano-doctor generate`, or --generated DIR"))


def _runs(settings: Settings) -> list[tuple[RunFolder, RunRecord]]:
    """The runs of these images and this variant, the newest first."""
    wanted = bundled_arguments(settings, Path(), ())
    rows = ((run, record) for run in reversed(every(settings.state)) if (record := run.record()))
    return [(run, record) for run, record in rows if is_like(record, wanted)]


_FILL: dict[str, Callable[[Settings, Mapping[str, str]], list[Line]]] = {
    "masks": _masks,
    "foreground": _foreground,
    "convert": _convert,
    "memory": _memory,
}
_FLAGS: dict[str, tuple[str, ...]] = {
    "export": ("--generated", "--dataset", "--category", "--anomaly", "--format", "--output"),
    "masks": ("--fg", "--output"),
    "foreground": ("--images", "--output"),
    "convert": ("--source", "--target"),
    "memory": (),
}
