"""`dualano-doctor profile [NAME]`: the stacks it knows; which one suits this machine and why."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING

from ..language import N_, _
from .parser import Command, argument, settings_of

if TYPE_CHECKING:
    from ..facts.sheet import FactSheet
    from ..knowledge.profile import Profile
    from ..settings.options import Settings


COMMAND = Command(
    help=N_("the stacks it knows; which one suits this machine and why"),
    description=N_("Without a name: all profiles, the one that suits this machine, and why the others do not."),
    arguments=(
        argument("name", nargs="?", metavar="NAME", help=N_("one profile in full; or `why`, and a pin")),
        argument(
            "pin", nargs="?", metavar="PIN", help=N_("with why: like torch==2.2.0, or numpy for the profile's own")
        ),
        argument("--json", action="store_true", help=N_("as JSON; without a name, the proposed profile")),
        argument(
            "--for",
            dest="asked",
            metavar="GPU,DRIVER,PYTHON",
            help=N_(
                'the newest stack for another machine, solved from the tables: "RTX 3090", or sm_61,535.54.03,3.12'
            ),
        ),
        argument(
            "--as",
            dest="form",
            choices=("dockerfile", "apptainer", "uv", "pip", "conda", "colab"),
            help=N_("with a name: a plan that others can run"),
        ),
        argument(
            "--recheck",
            action="store_true",
            help=N_("compare what is known with your package index, which rows drifted"),
        ),
        argument(
            "--sbom",
            action="store_true",
            help=N_("what the training environment consists of, with licences, as CycloneDX JSON"),
        ),
    ),
)


def run(arguments: argparse.Namespace) -> int:
    """Prints one profile or the choice. Raises UsageError for a name that is no profile's."""
    from ..knowledge.catalogue import load_named

    _say_old_tables()
    if arguments.sbom:
        return _print_sbom(settings_of(arguments))
    if arguments.name == "why":
        from ..flows.why import print_why

        return print_why(settings_of(arguments), arguments.pin, arguments.asked, as_json=arguments.json)
    _refuse_alone(arguments)
    if arguments.form:
        from ..report.recipes import recipe

        sys.stdout.write(recipe(load_named(arguments.name), arguments.form))
        return 0
    if arguments.name:
        return _print_profile(load_named(arguments.name), as_json=arguments.json)
    if arguments.asked:
        return _print_solved(arguments.asked, as_json=arguments.json)
    settings = settings_of(arguments)
    if arguments.recheck:
        from ..upkeep.recheck import recheck, report

        return report(recheck(settings), as_json=arguments.json)
    from ..facts.collect import collect
    from ..rules.choose_profile import choose_profile

    sheet = collect(settings)
    choice = choose_profile(sheet, settings)
    if arguments.json:
        return _print_profile(choice.profile, as_json=True)
    sys.stdout.write(_("{profile}  suits this machine: {why}\n\n", profile=choice.profile.name, why=choice.why))
    for name, reason in choice.rejected:
        sys.stdout.write(f"{name}  {reason}\n")
    sys.stdout.write(_newest(sheet))
    sys.stdout.write(_("\nIn full: dualano-doctor profile {profile}\n", profile=choice.profile.name))
    return 0


def _refuse_alone(arguments: argparse.Namespace) -> None:
    """Raises UsageError for what says nothing by itself."""
    from ..errors import UsageError

    if arguments.pin:
        raise UsageError(
            _("what is {pin}? A pin stands behind `why`: dualano-doctor profile why PIN", pin=arguments.pin)
        )
    if arguments.form and not arguments.name:
        raise UsageError(
            _("--as needs the name of a profile: dualano-doctor profile NAME --as {form}", form=arguments.form)
        )


def _say_old_tables() -> None:
    """On stderr: which tables nobody has looked at for long."""
    from ..knowledge.tables import old_tables
    from ..system.clock import today

    if found := old_tables(today()):
        oldest = max(days for _table, _date, days in found)
        sys.stderr.write(
            _(
                "note: tables that nobody has looked at for more than 90 days (the oldest for {days}): {tables}. What "
                "was released since is not in them: `dualano-doctor profile --recheck` compares\n",
                days=oldest,
                tables=", ".join(f"{table} ({date})" for table, date, _days in found),
            )
        )


def _newest(sheet: FactSheet) -> str:
    """What the tables hold as the newest stack for these GPUs, beside the shipped ones; empty without a GPU."""
    from ..facts.fact import Known
    from ..knowledge.solve import Refusal
    from ..knowledge.solved import solved_profile

    gpus = sheet.gpus.value if isinstance(sheet.gpus, Known) else None
    capabilities = sorted({gpu.compute_capability for gpu in gpus.devices if gpu.compute_capability}) if gpus else []
    if gpus is None or not gpus.driver or not capabilities:
        return ""
    answer = solved_profile(tuple(f"sm_{major}{minor}" for major, minor in capabilities), gpus.driver)
    if isinstance(answer, Refusal):
        return _("\nSolved from the tables: none, because {reason}\n", reason=answer.reason)
    return _("\n{profile}  the newest the tables hold for this GPU ({tier})\n", profile=answer.name, tier=answer.tier)


def _print_solved(asked: str, *, as_json: bool) -> int:
    """The stack for a machine described in words. Raises UsageError for a description that cannot be read."""
    from ..errors import UsageError
    from ..flows.why import machine_asked
    from ..knowledge.solve import Refusal, solve
    from ..knowledge.solved import profile_of

    gpu, driver, python = machine_asked(asked)
    parts = asked.split(",")
    if len(parts) == 1 and not as_json:
        sys.stdout.write(
            _(
                "{name} is {gpu}; driver {driver}, Python {python}:\n",
                name=parts[0],
                gpu=gpu,
                driver=driver,
                python=python,
            )
        )
    try:
        answer = solve(gpu, driver, python)
    except ValueError as error:
        raise UsageError(str(error)) from error
    if isinstance(answer, Refusal):
        document = {"stack": None, "reason": answer.reason}
        text = json.dumps(document) if as_json else _("none, because {reason}", reason=answer.reason)
        sys.stdout.write(text + "\n")
        return 1
    return _print_profile(profile_of(answer, "current"), as_json=as_json)


def _ended(python: str) -> str:
    from datetime import date

    from ..knowledge.tables import python_ended

    month = python_ended(python, date.today().isoformat()[:7])
    if not month:
        return ""
    return "; " + _("{python}, its first choice, got its last security fix in {month}", python=python, month=month)


def _print_sbom(settings: Settings) -> int:
    """The environment's bill of materials. Raises WorkError when there is no environment."""
    from ..errors import WorkError
    from ..facts.environment.probe import probe
    from ..facts.fact import Known
    from ..report.sbom import bill_of_materials

    fact = probe(settings)
    if not isinstance(fact, Known):
        raise WorkError(fact.reason)
    sys.stdout.write(bill_of_materials(fact.value) + "\n")
    return 0


def _print_profile(profile: Profile, *, as_json: bool) -> int:
    document = profile.to_json()
    if as_json:
        sys.stdout.write(json.dumps(document, indent=2) + "\n")
        return 0
    tiers = {
        "tried": _("tried: people or this project's own runs used it, see below"),
        "expected": _("expected: by what its own files say; nobody has tried it on such a GPU"),
        "unknown": _("unknown: by documents only; its files were not seen"),
    }
    sys.stdout.write(f"{profile.name}: {_(profile.title)}\n\n{_(profile.summary)}\n\n{tiers[profile.tier]}\n")
    sys.stdout.write(f"Python {profile.python}{_ended(profile.python_preferred)}\n")
    if profile.cuda:
        needs = _("CUDA {cuda}, driver {least} or newer", cuda=profile.cuda, least=profile.driver_min)
        sys.stdout.write(f"{needs}; {' '.join(profile.architectures)}\n")
    for package, version in sorted(profile.packages.items()):
        sys.stdout.write(f"  {package:28}{version}\n")
    for heading, rows in ((_("Tried on"), profile.tried_on), (_("Known risks"), profile.risks)):
        if rows:
            sys.stdout.write(f"\n{heading}:\n" + "".join(f"  - {_(row)}\n" for row in rows))
    return 0
