"""Several anomalies in one training: a run for each, with a folder of its own, all started by one command."""

from __future__ import annotations

from collections.abc import Sequence

from ...errors import UsageError
from ...language import _
from ...light_dataclasses import replace
from ...settings.options import Settings
from .arguments import value_of, values_of, without

MOST = 8
"""Types that the bundled trainer takes at once (trainer/train/flags/types.py)."""
_OWN = ("--instance_data_dir", "--output_dir")


def refuse(settings: Settings, trainer: str, extra: Sequence[str]) -> None:
    """Raises UsageError where the anomalies cannot train together, before anything is done for them."""
    if not settings.anomalies:
        return
    names = ", ".join(settings.anomalies)
    if trainer == "checkout":
        raise UsageError(
            _(
                "{count} anomalies are named ({names}), and the authors' trainer takes one: give one --anomaly, or "
                "leave --trainer checkout out",
                count=len(settings.anomalies),
                names=names,
            )
        )
    if len(settings.anomalies) > MOST:
        raise UsageError(
            _(
                "{count} anomalies are named ({names}); at most {most} train together",
                count=len(settings.anomalies),
                names=names,
                most=MOST,
            )
        )
    outputs = len(values_of("--output_dir", extra))
    for flag in ("--instance_data_dir", "--mask_dir", "--faithful", "--output_dir"):
        given = value_of(flag, extra) is not None or flag in extra
        if given and not (flag == "--output_dir" and outputs == len(settings.anomalies)):
            raise UsageError(
                _(
                    "{flag} does not go with several anomalies ({names}), each of which has images and a run folder of "
                    "its own; leave it out, or train one anomaly",
                    flag=flag,
                    names=names,
                )
            )


def apart(settings: Settings, extra: Sequence[str]) -> list[tuple[Settings, list[str]]]:
    """The settings and the ARGS of each anomaly's run as if it trained alone."""
    outputs = values_of("--output_dir", extra)
    common = without(["--output_dir"], extra)
    rows = []
    for number, own in enumerate(settings.each()):
        said = ["--output_dir", outputs[number]] if outputs else []
        folder = own.output and own.output / str(own.anomaly)
        rows.append((replace(own, output=folder), [*common, *said]))
    return rows


def joined(lines: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """One command of the commands that would train each anomaly alone: the first, with the others' folders."""
    words = list(lines[0])
    for line in lines[1:]:
        words += [word for flag in _OWN for word in (flag, value_of(flag, line) or "")]
    return tuple(words)
