"""`dualano-doctor campaign plan|run|status|resume|stop|report [NAME]`: every anomaly of a data set."""

from __future__ import annotations

import argparse
import shlex
from typing import Any

from ..language import N_
from ..settings.campaign import typed
from .parser import Argument, Command, RawFormatter, argument, settings_of

_ACTIONS = ("plan", "run", "status", "resume", "stop", "report")
_LISTS = {"categories", "anomalies", "steps", "gpus", "hosts"}
_WORDS = {"train_arguments", "generate_arguments", "sbatch_arguments"}


def _flag_of(key: str) -> str:
    return f"--{key.replace('_', '-')}"


def _flag(key: str, metavar: str, text: str) -> Argument:
    return argument(_flag_of(key), dest=f"of_campaign_{key}", metavar=metavar, help=text)


COMMAND = Command(
    help=N_("every anomaly of a data set, on every GPU there is"),
    description=N_(
        "Takes a data set to finished training sets: each anomaly is trained, pairs are generated until enough are "
        "accepted,\nmasks are made; each category is exported with all its anomalies as classes, and evaluated. On one "
        "GPU, several, a\nSlurm cluster, or a few boxes over ssh.\n\n"
        "  dualano-doctor campaign plan             what would be done, what it takes, what cannot work\n"
        "  dualano-doctor campaign run night        do it; plan first where there is none\n"
        "  dualano-doctor campaign status night     where every job stands\n"
        "  dualano-doctor campaign resume night     go on after whatever happened; finished steps stay\n"
        "  dualano-doctor campaign stop night       checkpoints, then the end\n"
        "  dualano-doctor campaign report night     what came of it, as Markdown and JSON\n\n"
        "State is files, in outputs/campaigns/NAME. Every flag is also a key of [campaign] in dualano.toml "
        "(docs/campaigns.md).\n"
    ),
    arguments=(
        argument("what", nargs="?", choices=_ACTIONS, default="status", help=N_("default: status")),
        argument("name", nargs="?", metavar="NAME", help=N_("name of the campaign (default: campaign)")),
        argument("--json", action="store_true", help=N_("with plan and status: one JSON document on stdout")),
        argument(
            "--replace",
            action="store_true",
            help=N_("take a changed plan where no finished step would change"),
        ),
        argument("--again", nargs="?", const="", metavar="JOB,..", help=N_("with resume: try what was set aside anew")),
        argument("--partial", action="store_true", help=N_("export categories without what was set aside")),
        argument("--force", action="store_true", help=N_("start although something blocks")),
        argument("--detach", action="store_true", help=N_("run in the background; survives the terminal")),
        _flag("categories", "GLOB,..", N_("categories to train (default: all)")),
        _flag("anomalies", "GLOB,..", N_("anomalies of each, or category/anomaly (default: all)")),
        _flag("steps", "STEP,..", N_("of train, generate, masks, export, evaluate (default: all)")),
        _flag("accepted", "N", N_("pairs to be accepted for each anomaly (default: 500)")),
        _flag("limit", "N", N_("pairs to try at the most for that")),
        _flag("format", "FORMAT", N_("layout of the exports: anomalib, coco, mvtec (default) or yolo")),
        _flag("protocol", "NAME", N_("what `evaluate` is to measure")),
        _flag("train_arguments", "'ARGS'", N_("for the trainer, as behind `train --`")),
        _flag("generate_arguments", "'ARGS'", N_("for the sampler, as behind `generate --`")),
        _flag("executor", "KIND", N_("local (default), slurm or ssh")),
        _flag("gpus", "ID,..", N_("GPUs to use here (default: all that are visible)")),
        _flag("workers", "N", N_("jobs at once without a GPU, or in a Slurm array (default: 1; all)")),
        _flag("hosts", "HOST:GPU,..", N_("boxes for ssh, separated by spaces: 'me@one:0,1 two:0'")),
        _flag("account", "NAME", N_("for sbatch")),
        _flag("partition", "NAME", N_("for sbatch")),
        _flag("gres", "GRES", N_("for sbatch, e.g. gpu:1")),
        _flag("time", "LIMIT", N_("for sbatch, e.g. 04:00:00")),
        _flag("container", "IMAGE", N_("for srun --container-image (Pyxis)")),
        _flag("sbatch_arguments", "'ARGS'", N_("more for sbatch")),
        _flag("retries", "N", N_("tries of a job beyond the first before it is set aside (default: 2)")),
        _flag("lease", "SECONDS", N_("silence after which another may take a job over (default: 120)")),
        _flag("notify", "COMMAND", N_("a command to run at the end")),
        _flag("python", "PATH", N_("this program's Python on nodes and boxes (default: the same path as here)")),
    ),
    epilog=N_(
        "Exit status: 0 all jobs are done; 1 some were set aside or left out, or the plan was refused; 2 wrong usage; "
        "130 stopped."
    ),
    formatter=RawFormatter,
)


def run(arguments: argparse.Namespace) -> int:
    """Does one of the six. Raises UsageError for flags that cannot be, WorkError for a campaign that cannot be read."""
    from ..settings.campaign import settled

    settings = settings_of(arguments)
    flags = _flags(arguments)
    name = settled(flags, settings.campaign).name
    if arguments.what in ("status", "report"):
        from ..flows.campaign import watching

        if arguments.what == "report":
            return watching.report(settings, name)
        return watching.status(settings, name, as_json=arguments.json)
    from ..flows.campaign import running
    from ..flows.campaign.planning import Asked

    if arguments.what == "stop":
        return running.stop(settings, name)
    accepts, evaluates = _abilities()
    asked = Asked(flags, arguments.replace, arguments.force, arguments.partial, accepts, evaluates)
    if arguments.what == "plan":
        return running.make(settings, asked, as_json=arguments.json)
    resume = arguments.what == "resume"
    again = None if arguments.again is None else tuple(part for part in arguments.again.split(",") if part)
    if arguments.detach:
        from ..flows.campaign.background import start_in_background

        return start_in_background(settings, name)
    return running.run(settings, asked, resume=resume, again=again)


def _flags(arguments: argparse.Namespace) -> dict[str, Any]:
    """The keys of [campaign] that the command line gives. Raises UsageError for a value that cannot be."""
    said = {
        name.removeprefix("of_campaign_"): value
        for name, value in vars(arguments).items()
        if name.startswith("of_campaign_") and value is not None
    }
    found: dict[str, Any] = {key: typed(key, _split(key, text), _flag_of(key)) for key, text in said.items()}
    return found | ({"name": typed("name", arguments.name, "NAME")} if arguments.name else {})


def _split(key: str, value: str) -> object:
    if key in _WORDS:
        return shlex.split(value)
    if key == "hosts":
        return value.split()
    return [part.strip() for part in value.split(",") if part.strip()] if key in _LISTS else value


def _abilities() -> tuple[bool, bool]:
    """Whether this version's `generate` takes --accepted, and whether it has `evaluate`."""
    from . import generate
    from .main import COMMANDS

    return any("--accepted" in one[0] for one in generate.COMMAND.arguments), "evaluate" in COMMANDS
