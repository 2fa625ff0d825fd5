"""The bundled miniature (model, data and object masks), made once for all tests and all of their processes.

Its UNet has two levels of one layer instead of four of two: every kind of block, and a third of the time of each step.
"""

from __future__ import annotations

import fcntl
import functools
import shutil
from pathlib import Path
from unittest.mock import patch

from tests.shared import shared_folder

_LIGHT = {
    "block_out_channels": [32, 64],
    "down_block_types": ["CrossAttnDownBlock2D", "DownBlock2D"],
    "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D"],
    "layers_per_block": 1,
}


@functools.cache
def miniature() -> Path:
    """A folder with `model`, `data` and `foreground`. Nothing in it may be changed."""
    from trainer.miniature import model
    from trainer.miniature.make import MiniatureSettings, make_miniature

    top = shared_folder()
    folder, made = top / "miniature", top / "made"
    with (top / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            shutil.rmtree(folder, ignore_errors=True)
            places = {name: folder / name for name in ("model", "data", "foreground")}
            with patch.dict(model.UNET, _LIGHT):
                make_miniature(MiniatureSettings(**places, seed=0, size=64))
            made.touch()
    return folder
