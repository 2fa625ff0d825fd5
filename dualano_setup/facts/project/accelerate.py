"""accelerate's configuration file as a fact: where it would be read, what it says, and what would win over it."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ...language import _
from ...system.files import NotRegularError, plain_error, read_whole, size_of
from ..fact import Fact, Known, Unknown
from ..sheet import AccelerateConfig
from .checkout import TREES
from .flat_yaml import read_flat
from .launch_lines import ignored_flags

if TYPE_CHECKING:
    from ...settings.options import Settings

MAX_BYTES = 1 << 16
_MAX_SOURCE = 1 << 19
_MAX_DEPTH = 20
_MAX_BRACKETS = 1000
"""The parser takes time with the square of their depth: 20 minutes for 64 kB of them; 1000 take half a second."""
_CONFIG_CLASS = re.compile(r"^class (?:BaseConfig|ClusterConfig)\b.*\n((?:[ \t].*\n|\r?\n)*)", re.MULTILINE)
_FIELD = re.compile(r"^    ([A-Za-z_]\w*) *: *[\w\[\], .|\"']+(?:=.*)?(?:#.*)?\r?$", re.MULTILINE)
_DIST_INFO = re.compile(r"accelerate-([^-]+)\.dist-info")

CLUSTER_KEYS = (
    "compute_environment", "distributed_type", "mixed_precision", "use_cpu", "debug", "num_processes", "machine_rank",
    "num_machines", "gpu_ids", "main_process_ip", "main_process_port", "rdzv_backend", "same_network",
    "main_training_function", "enable_cpu_affinity", "fp8_config", "deepspeed_config", "fsdp_config",
    "parallelism_config", "megatron_lm_config", "ipex_config", "mpirun_config", "downcast_bf16", "tpu_name", "tpu_zone",
    "tpu_use_cluster", "tpu_use_sudo", "command_file", "commands", "tpu_vm", "tpu_env", "dynamo_config",
)  # fmt: skip
"""Every key of ClusterConfig in accelerate 0.24.1 or 1.15.0, for when the environment's own source cannot be read."""
CONVERTED_KEYS = ("fp16", "dynamo_backend")
"""Older keys that both versions still take and convert (config_args.py, from_yaml_file)."""


_WINNING = (
    "ACCELERATE_", "PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "MV2_COMM_WORLD_SIZE", "WORLD_SIZE", "LOCAL_RANK", "MASTER_",
)  # fmt: skip
"""Beginnings of the variables that win over the file, or that stand for a launch of several processes."""


def probe(
    settings: Settings, site_packages: Sequence[str] = (), variables: Mapping[str, str] | None = None
) -> Fact[AccelerateConfig]:
    """Read the config that `accelerate launch` would read; `site_packages` are the training environment's."""
    variables = os.environ if variables is None else variables
    path = config_path(variables)
    version, keys, source = _installed(site_packages)
    overrides = tuple(sorted((k, v[:200]) for k, v in variables.items() if k.startswith(_WINNING)))
    rest = (overrides, version, keys, source, ignored_flags(_folders_of_scripts(settings)))
    try:
        data = read_whole(path, MAX_BYTES)
    except FileNotFoundError:
        return Known(AccelerateConfig(str(path), False, "", None, "", *rest), str(path))
    except NotRegularError as error:
        return Known(AccelerateConfig(str(path), True, "", None, str(error), *rest), str(path))
    except (OSError, ValueError) as error:
        return Unknown(plain_error(error), str(path))
    text, values, problem = parse_config(data)
    return Known(AccelerateConfig(str(path), True, text, values, problem, *rest), str(path))


def _folders_of_scripts(settings: Settings) -> tuple[Path, ...]:
    checkout = settings.checkout
    return (settings.project, *((checkout, *(checkout / tree for tree in TREES)) if checkout else ()))


def config_path(variables: Mapping[str, str]) -> Path:
    """The default file of accelerate (config_args.py): HF_HOME, else XDG_CACHE_HOME, else ~/.cache."""
    home = variables.get("HF_HOME", str(Path(variables.get("XDG_CACHE_HOME", "~/.cache")) / "huggingface"))
    return Path(os.path.expanduser(home)) / "accelerate" / "default_config.yaml"


def parse_config(data: bytes) -> tuple[str, dict[str, object] | None, str]:
    """(text, values, error) of a config's bytes; values are None where there is an error."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        return data.decode("latin-1"), None, _("not UTF-8 (line {line})", line=line)
    try:
        values, problem = read_flat(text), ""
        if values is None:
            values, problem = _read_yaml(text)
        repr(values)  # a number that is too long for Python to write is found here, not in a message about it
    except ValueError as error:
        return text, None, _("it cannot be read as YAML: {error}", error=error)
    return text, values, problem


def _read_yaml(text: str) -> tuple[dict[str, object] | None, str]:
    import yaml

    if text.count("[") + text.count("{") > _MAX_BRACKETS:
        return None, _("it is nested too deeply")
    try:
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, Loader=yaml.SafeLoader)):
            return None, _("it uses YAML aliases, which no accelerate config needs")
        loaded = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = _("line {line}, column {column}: ", line=mark.line + 1, column=mark.column + 1) if mark else ""
        return None, where + (getattr(error, "problem", None) or str(error).splitlines()[0])
    except (RecursionError, ValueError) as error:  # ValueError: a date that does not exist
        return None, _("it cannot be read as YAML: {error}", error=error)
    if not isinstance(loaded, dict) or not all(isinstance(key, str) for key in loaded):
        kind = _("nothing") if loaded is None else f"a {type(loaded).__name__}"
        return None, _("it holds {kind} where a mapping of names to values is expected", kind=kind)
    if _depth(loaded) > _MAX_DEPTH:
        return None, _("it is nested too deeply")
    return loaded, ""


def _depth(value: object, level: int = 0) -> int:
    if level > _MAX_DEPTH or not isinstance(value, (dict, list)) or not value:
        return level
    inner = value.values() if isinstance(value, dict) else value
    return max(_depth(item, level + 1) for item in inner)


def _installed(site_packages: Sequence[str]) -> tuple[str | None, tuple[str, ...], str]:
    """(version, keys, where from) of the accelerate in the training environment."""
    for folder in site_packages:
        source = Path(folder) / "accelerate" / "commands" / "config" / "config_args.py"
        if size_of(source) is None:
            continue
        try:
            names = os.listdir(folder)
            version = next((found[1] for name in names if (found := _DIST_INFO.fullmatch(name))), None)
            keys = _declared_keys(read_whole(source, _MAX_SOURCE).decode("utf-8"))
        except (OSError, ValueError):
            continue
        if keys:
            return version, keys, str(source)
    return None, CLUSTER_KEYS, ""


def _declared_keys(source: str) -> tuple[str, ...]:
    """The annotated fields of BaseConfig and ClusterConfig: what the dataclass takes, without importing it.

    By pattern: `ast` and its tree cost 4 ms, and a test holds the two equal on a real accelerate.
    """
    return tuple(name for body in _CONFIG_CLASS.findall(source) for name in _FIELD.findall(body))
