"""Where a run's numbers go besides metrics.jsonl: TensorBoard's files, or a tracker through accelerate."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from ..errors import TrainerError

#: Trackers that accelerate has a class for and that can work without a network, and what each needs for that.
TRACKERS = {
    "trackio": "it keeps everything on this machine",
    "wandb": "WANDB_MODE=offline keeps it on this machine, `wandb login` opens an account",
    "swanlab": "SWANLAB_MODE=offline keeps it on this machine, `swanlab login` opens an account",
}
#: The trackers' name for all runs together.
PROJECT = "dualano"


class Board(Protocol):
    """Takes numbers and pictures of steps; may raise anything."""

    name: str

    def numbers(self, values: Mapping[str, float], step: int) -> None:
        """Numbers of a step."""

    def picture(self, name: str, pixels: npt.NDArray[np.uint8], step: int) -> None:
        """A picture (H, W, 3) of a step."""

    def close(self) -> None:
        """Finish."""


class TensorBoard:
    """TensorBoard's event files.

    Args:
        folder: where they go.
        start: steps done before; what an earlier run wrote of later ones is hidden.
    """

    name = "TensorBoard"

    def __init__(self, folder: Path, start: int) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._writer: Any = SummaryWriter(str(folder), purge_step=start + 1 if start else None)

    def numbers(self, values: Mapping[str, float], step: int) -> None:
        """Numbers of a step."""
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)

    def picture(self, name: str, pixels: npt.NDArray[np.uint8], step: int) -> None:
        """A picture (H, W, 3) of a step."""
        self._writer.add_image(name, pixels, step, dataformats="HWC")

    def close(self) -> None:
        """Finish."""
        self._writer.close()


class Tracked:
    """A tracker of accelerate's. One that a resumed run goes on with is known by its output folder.

    Args:
        name: a key of `TRACKERS`.
        output: the output folder, after whose name the run is called.
        config: what the run was told.

    Raises:
        TrainerError: it is not installed, or does not start.
    """

    def __init__(self, name: str, output: Path, config: Mapping[str, Any]) -> None:
        require_tracker(name)
        from accelerate.tracking import LOGGER_TYPE_TO_CLASS

        self.name = name
        known = sha256(str(output.absolute()).encode()).hexdigest()[:16]
        options: dict[str, dict[str, Any]] = {
            "trackio": {"name": f"{output.name}-{known[:6]}", "resume": "allow"},
            "wandb": {"name": output.name, "id": known, "resume": "allow", "dir": str(output)},
            "swanlab": {"experiment_name": output.name, "logdir": str(output / "swanlog")},
        }
        try:
            self._tracker: Any = LOGGER_TYPE_TO_CLASS[name](PROJECT, **options[name])
            if hasattr(self._tracker, "start"):  # since accelerate 1.9; before, making it starts it
                self._tracker.start()
            self._tracker.store_init_configuration(dict(config))
        except (Exception, SystemExit) as error:
            reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            raise TrainerError(
                f"--report_to {name} cannot be used: {reason.rstrip('.')}. What helps: {TRACKERS[name]}; or "
                "--report_to none: metrics.jsonl is always written."
            ) from error

    def numbers(self, values: Mapping[str, float], step: int) -> None:
        """Numbers of a step."""
        self._tracker.log(dict(values), step=step)

    def picture(self, name: str, pixels: npt.NDArray[np.uint8], step: int) -> None:
        """A picture (H, W, 3) of a step, where the tracker takes any."""
        if hasattr(self._tracker, "log_images"):
            self._tracker.log_images({name: [pixels]}, step=step)

    def close(self) -> None:
        """Finish."""
        self._tracker.finish()


def require_tracker(name: str) -> None:
    """Fail at once, not after the model was loaded, where a tracker that is asked for is not there.

    Raises:
        TrainerError: it is not installed, or this accelerate has no class for it.
    """
    if name not in TRACKERS:
        return
    if find_spec(name) is None:
        raise TrainerError(
            f"--report_to {name} needs the package {name} in this environment: `pip install {name}` "
            "(dualano-doctor: `dualano-doctor fix --with trackers`), or --report_to none."
        )
    import accelerate
    from accelerate.tracking import LOGGER_TYPE_TO_CLASS

    if name not in LOGGER_TYPE_TO_CLASS:
        raise TrainerError(
            f"--report_to {name} needs a newer accelerate than {accelerate.__version__}; or --report_to tensorboard."
        )
