"""What a run stands on: its record, which every part is given, and processes, device, precision, PyTorch's switches."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from accelerate import PartialState

from ..base_model.loading import ModelLoader
from ..base_model.precision import choose_dtype
from ..data.batches import Planner
from ..data.dataset import TrainingSet
from ..errors import TrainerError
from ..launch import stray_launch
from .config import TrainingConfig


@dataclass(frozen=True, slots=True)
class Run:
    """One run, settled before anything large is loaded; made once, in `run.settle`.

    Attributes:
        config: its flags.
        device: where it trains.
        dtype: the computing precision.
        processes: accelerate's view of the processes that train together.
        loader: gives the frozen model's parts.
        data: its images.
        planner: which samples each step takes, as this process sees them.
        identity: what its trajectory depends on; checkpoints record it.
    """

    config: TrainingConfig
    device: torch.device
    dtype: torch.dtype
    processes: PartialState
    loader: ModelLoader
    data: TrainingSet
    planner: Planner
    identity: Mapping[str, Any]

    @property
    def on_gpu(self) -> bool:
        """Whether it trains on a CUDA GPU."""
        return self.device.type == "cuda"

    @property
    def is_first(self) -> bool:
        """Whether this process is the one that reports and writes."""
        return self.processes.is_main_process


def join_processes() -> PartialState:
    """Accelerate's view of this process among those that train together.

    Raises:
        TrainerError: the launcher started several processes, but they do not find each other.
    """
    # Recent accelerate joins CPU processes only when told that they train on the CPU.
    on_cpu = os.environ.get("ACCELERATE_USE_CPU", "false").lower() in ("1", "true")
    on_cpu = on_cpu or not torch.cuda.is_available()
    if stray := stray_launch(os.environ, on_cpu=on_cpu):
        names = " ".join(one.partition("=")[0] for one in stray)
        raise TrainerError(
            f"{', '.join(stray)} in the environment: accelerate takes this for one process of several, as a launcher "
            "(srun, mpirun) would set it, but MASTER_ADDR and MASTER_PORT, by which they find each other, are not set. "
            f"For one process: `unset {names}`, then start again. For several: `accelerate launch --num_processes N` "
            "or `torchrun`."
        )
    processes = PartialState(cpu=on_cpu)
    launched = int(os.environ.get("WORLD_SIZE", "1"))
    if launched != processes.num_processes:
        raise TrainerError(
            f"The launcher started {launched} processes but {processes.num_processes} joined, so each would "
            "train on its own. Start with `accelerate launch --num_processes N` or `torchrun`."
        )
    return processes


def set_up_torch(config: TrainingConfig, processes: PartialState) -> tuple[torch.device, torch.dtype]:
    """Choose device and precision and set PyTorch's switches.

    Raises:
        TrainerError: the flags ask for what this machine does not have.
    """
    device = processes.device if processes.device.type != "cpu" else torch.device("cpu")
    wanted = config.mixed_precision or os.environ.get("ACCELERATE_MIXED_PRECISION", "no")
    dtype = choose_dtype(wanted, device)
    if config.cuda_graph and device.type != "cuda":
        raise TrainerError("--cuda_graph needs a CUDA device; this run is on the CPU. Leave the flag out.")
    if config.faithful and processes.num_processes > 1:
        raise TrainerError("--faithful repeats upstream's batches of one process; start it with one process.")
    if config.allow_tf32:
        torch.backends.cuda.matmul.allow_tf32 = True
        torch.backends.cudnn.allow_tf32 = True
    # Gradients of several types in float32 lie apart on purpose.
    warnings.filterwarnings("ignore", message=".*grad and param do not obey the gradient layout contract")
    # Trying out convolution algorithms gains nothing here and takes tens of GiB of workspace in float32.
    torch.backends.cudnn.benchmark = False
    if config.deterministic:
        # cuBLAS reads this when it starts; without it PyTorch refuses to be deterministic.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True)  # with warn_only, attention would stay as it is
    return device, dtype


def describe_device(device: torch.device) -> str:
    """A device in words."""
    if device.type != "cuda":
        return f"{device.type} with {torch.get_num_threads()} threads"
    gib = torch.cuda.get_device_properties(device).total_memory / 2**30
    return f"{torch.cuda.get_device_name(device)} ({gib:.0f} GiB)"
