"""Plans accelerate's config: a new file where there is none, else single values in the user's own file."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...facts.fact import value
from ...facts.project.accelerate import CONVERTED_KEYS, parse_config
from ...facts.sheet import AccelerateConfig
from ...language import _
from ...rules.acc.content import installed, problems
from ...rules.acc.precision import obstacle
from ...rules.acc.processes import misplaced
from ...rules.finding import Finding
from ...rules.rule import Context
from ..action import Action, Planned
from ..actions.files import MoveAside, WriteFile

if TYPE_CHECKING:
    from ruamel.yaml import YAML

RULES = ("ACC001", "ACC002", "ACC003", "ACC004")

_NULL = "tag:yaml.org,2002:null"
_REQUIRED = ("compute_environment", "distributed_type", "num_processes")


def plan(context: Context, findings: Sequence[Finding]) -> Planned:
    """The config this project's settings ask for, in the file that accelerate reads."""
    config = value(context.sheet.accelerate)
    if config is None:
        return Planned()
    rules = tuple(dict.fromkeys(finding.rule for finding in findings))
    path = Path(config.path)
    wanted = wanted_values(context)
    if config.values is None:
        aside: tuple[Action, ...] = (MoveAside(path, rules, config.error),) if config.exists else ()
        text = new_config(wanted, config.known_keys)
        write = WriteFile(path, text.encode(), "", rules, _("what this project's settings ask for"))
        return Planned((*aside, write))
    keys = _keys_to_change(context, config, set(rules))
    text = changed_config(config, wanted, keys)
    if not _only_changed(config, text, wanted, keys):
        return Planned(notes=(_("{path}: nothing in it can be mended without guessing", path=path),))
    before = hashlib.sha256(config.text.encode()).hexdigest()
    return Planned((WriteFile(path, text.encode(), before, rules, _("the values that were named, comments kept")),))


def wanted_values(context: Context) -> dict[str, object]:
    """The setup guide's config (section 2, step 4) with this project's precision and number of processes."""
    settings = context.settings
    precision = settings.mixed_precision
    return {
        "compute_environment": "LOCAL_MACHINE",
        "deepspeed_config": {},
        "distributed_type": "MULTI_GPU" if settings.num_processes > 1 else "NO",
        "downcast_bf16": "no",
        "fsdp_config": {},
        "machine_rank": 0,
        "main_process_ip": None,
        "main_process_port": None,
        "main_training_function": "main",
        "megatron_lm_config": {},
        "mixed_precision": "no" if obstacle(context, precision, use_cpu=False) else precision,
        "num_machines": 1,
        "num_processes": settings.num_processes,
        "rdzv_backend": "static",
        "same_network": True,
        "use_cpu": False,
    }


def new_config(wanted: dict[str, object], known: Sequence[str]) -> str:
    """A whole file, with the keys that this accelerate knows."""
    return _dumped({key: _quoted(value) for key, value in wanted.items() if key in known})


def changed_config(config: AccelerateConfig, wanted: dict[str, object], keys: Sequence[str]) -> str:
    """The user's text with the values of `keys` changed; order, comments and all other values stay.

    The text as it is where the round trip cannot read it: it is stricter than PyYAML (no key twice).
    """
    from ruamel.yaml.error import YAMLError

    try:
        document: Any = _round_trip().load(config.text)
    except (YAMLError, ValueError):
        return config.text
    if not isinstance(document, dict):  # YAML 1.2 and 1.1 may read two things in one text
        return config.text
    for key in keys:
        if key in wanted:
            document[key] = _quoted(wanted[key])
        elif key in document:
            del document[key]
    text = _dumped(document)
    return text.replace("\n", "\r\n") if "\r\n" in config.text else text


def _only_changed(config: AccelerateConfig, text: str, wanted: dict[str, object], keys: Sequence[str]) -> bool:
    """Whether `text` says something new of `keys`, and of everything else what it said before, to PyYAML."""
    before, after = config.values or {}, parse_config(text.encode())[1]
    if after is None or repr(after) == repr(before):
        return False
    kept = {key: value for key, value in before.items() if key not in keys}
    new = {key: wanted[key] for key in keys if key in wanted}
    return {key: repr(value) for key, value in after.items()} == {k: repr(v) for k, v in {**kept, **new}.items()}


def _keys_to_change(context: Context, config: AccelerateConfig, rules: set[str]) -> list[str]:
    """Keys to set as wanted (or, where nothing is wanted, to take out)."""
    keys: list[str] = []
    if "ACC002" in rules:
        keys.append("mixed_precision")
    if "ACC003" in rules:
        keys += [problem[0] for problem in problems(config, installed(context))]
    if "ACC004" in rules:
        keys += ["num_processes", "distributed_type", *(problem[0] for problem in misplaced(context, config))]
    refused = {key for key in config.values or {} if key not in config.known_keys and key not in CONVERTED_KEYS}
    return [key for key in dict.fromkeys(keys) if key in refused or key in (config.values or {}) or key in _REQUIRED]


def _quoted(value: object) -> object:
    """Words that YAML 1.1 would take for a truth value, in quotation marks."""
    from ruamel.yaml.scalarstring import SingleQuotedScalarString

    return SingleQuotedScalarString(value) if isinstance(value, str) and value.lower() in ("no", "yes") else value


def _dumped(document: object) -> str:
    stream = io.StringIO()
    _round_trip().dump(document, stream)
    return stream.getvalue()


def _round_trip() -> YAML:
    """A reader and writer that keeps comments, order and quotation marks, and writes `null` as `null`."""
    from ruamel.yaml import YAML
    from ruamel.yaml.representer import RoundTripRepresenter

    class Representer(RoundTripRepresenter):
        pass

    Representer.add_representer(type(None), lambda self, _: self.represent_scalar(_NULL, "null"))
    yaml = YAML()
    yaml.Representer = Representer
    yaml.preserve_quotes = True
    yaml.width = 4096
    return yaml
