"""A compute node's machine, GPUs and variables in the place of this one's, from the `check --json` made there.

Files are looked at here: a cluster's nodes share them, and the saved document has its paths redacted.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from ..errors import UsageError
from ..language import _
from ..light_dataclasses import replace
from ..settings.options import Settings
from ..system.files import plain_error, read_whole
from .collect import collect
from .fact import Known
from .serialize import sheet_from_json
from .sheet import FactSheet

_MAX_BYTES = 1 << 26


def sight_of(file: str) -> Callable[[Settings], FactSheet]:
    """A way to look at a machine that is this one, but for what the saved report says of its node.

    Raises UsageError when the file is no such report.
    """
    try:
        return sight_from(read_whole(Path(file), _MAX_BYTES))
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        reason = plain_error(error) if isinstance(error, OSError) else error
        raise UsageError(
            _(
                "{file} is no report of a node: {error}. Make one there: `dualano-doctor check --json > FILE`",
                file=file,
                error=reason,
            )
        ) from error


def sight_from(text: str | bytes) -> Callable[[Settings], FactSheet]:
    """The same from the report itself. Raises ValueError, KeyError, TypeError or RecursionError when it is none."""
    document = json.loads(text)
    node = sheet_from_json(document["facts"] if isinstance(document, dict) else document)

    def look(settings: Settings) -> FactSheet:
        here = collect(settings)
        accelerate = here.accelerate
        if isinstance(accelerate, Known) and isinstance(node.accelerate, Known):
            there = node.accelerate.value.overrides
            accelerate = Known(replace(accelerate.value, overrides=there), accelerate.source)
        return replace(here, machine=node.machine, gpus=node.gpus, accelerate=accelerate)

    return look
