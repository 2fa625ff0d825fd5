"""`dualano-doctor generate`: sample image, foreground and mask triples from trained weights."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ..language import _

if TYPE_CHECKING:
    from ..settings.options import Settings

#: Flags of the training whose values sampling shares: adapters know the words that they learnt with, and no others.
_AS_TRAINED = ("--prompt_blend", "--prompt_fg")


def generate(settings: Settings, weights: str | None, into: str | None, extra: list[str]) -> int:
    """Samples in the training environment; the exit status is the sampler's.

    Raises UsageError when model or weights are not named, LaunchError without an environment.
    """
    from ..facts.collect import collect
    from ..runs.launch.handoff import interpreter_of
    from ..runs.launch.tools import refuse_unknown_flags, run_tool

    if extra:
        refuse_unknown_flags("trainer.generate", extra)
    if settings.anomalies:
        return _generate_each(settings, weights, into, extra)
    command = tool_arguments(settings, weights, into, extra)
    status = run_tool(interpreter_of(collect(settings)), "trainer.generate", command, offline=settings.offline)
    return 128 - status if status < 0 else status


def wishes(accepted: str | None, limit: str | None) -> list[str]:
    """The flags of `trainer.generate` for how many pairs are wanted. Raises UsageError for what is no number."""
    from ..errors import UsageError

    given = [(flag, value) for flag, value in (("--accepted", accepted), ("--limit", limit)) if value is not None]
    for flag, value in given:
        if not (value.isascii() and value.isdigit() and int(value)):
            raise UsageError(_("{flag} is {value!r}, expected a whole number above 0", flag=flag, value=value))
    return [text for pair in given for text in pair]


def _generate_each(settings: Settings, weights: str | None, into: str | None, extra: list[str]) -> int:
    """`generate` for one anomaly after the other, each from its own run's weights into that run's folder."""
    from ..errors import UsageError

    if weights or into or any(flag in extra for flag in ("--weights", "--output_dir")):
        raise UsageError(
            _(
                "several anomalies are named ({names}), and a file of weights, or a folder, is that of one: give one "
                "--anomaly",
                names=", ".join(settings.anomalies),
            )
        )
    for own in settings.each():
        if status := generate(own, None, None, extra):
            return status
    return 0


def tool_arguments(settings: Settings, weights: str | None, into: str | None, extra: list[str]) -> list[str]:
    """The argument list of `trainer.generate`: settings first, what the user typed after `--` last.

    Raises UsageError when the model or the weights are not known.
    """
    from ..errors import UsageError
    from ..runs.folder import results_of
    from ..runs.launch.arguments import instance_folder, value_of

    if settings.model is None and value_of("--pretrained_model_name_or_path", extra) is None:
        raise UsageError(_("sampling needs the base model that was trained on: --model PATH"))
    named = value_of("--weights", extra) or weights
    run, found = (_label(settings) or "samples", Path(named)) if named else newest_weights(settings)
    # A folder for each run: pairs of other weights do not mix.
    folder = Path(into).absolute() if into else results_of(settings.project, run) / "generated"
    pairs: list[tuple[str, object]] = [
        ("--pretrained_model_name_or_path", settings.model),
        ("--weights", found),
        ("--output_dir", folder),
        ("--resolution", settings.resolution),
    ]
    if settings.foreground and settings.data and settings.category:
        good = settings.data / settings.category / "train" / "good"
        pairs += [("--condition_dir", settings.foreground), ("--good_dir", good)]
    # What the gate holds pairs against.
    trained = instance_folder(settings)
    if trained is not None and trained.is_dir():
        pairs.append(("--instance_data_dir", trained))
    pairs.append(("--mixed_precision", settings.mixed_precision))
    learnt = _arguments_of(settings, Path(value_of("--weights", extra) or found))
    pairs += [(flag, value_of(flag, learnt)) for flag in _AS_TRAINED]
    return [*(text for flag, value in pairs if value is not None for text in (flag, str(value))), *extra]


def _arguments_of(settings: Settings, weights: Path) -> tuple[str, ...]:
    """What the newest run that writes its weights where this file is was started with; () where no run is known."""
    from ..runs.folder import every

    records = (run.record() for run in reversed(every(settings.state)))
    folder = weights.absolute().parent
    return next((record.argv for record in records if record and folder.is_relative_to(record.output)), ())


def newest_weights(settings: Settings) -> tuple[str, Path]:
    """The newest run of these images and this variant that left weights, and these.

    Raises UsageError when none left some.
    """
    from ..errors import UsageError
    from ..runs.folder import FINAL_WEIGHTS, every
    from ..runs.launch.arguments import bundled_arguments
    from ..runs.launch.resume import is_like

    wanted = bundled_arguments(settings, Path(), ())
    for run_folder in reversed(every(settings.state)):
        record = run_folder.record()
        if record is None or not is_like(record, wanted):
            continue
        for name in FINAL_WEIGHTS:
            if (found := Path(record.output) / name).is_file():
                print(_("weights of run {run}: {found}", run=run_folder.name, found=found), file=sys.stderr)
                return run_folder.name, found
    learned = _label(settings) or _("this project")
    raise UsageError(_("no run of {learned} has left weights yet; --weights PATH names some", learned=learned))


def _label(settings: Settings) -> str:
    """Category and anomaly, as far as they are known."""
    return "-".join(filter(None, (settings.category, settings.anomaly)))
