"""`dualano-doctor profile [NAME]`: the stacks it knows; which one suits this machine and why."""

from __future__ import annotations

import argparse
import json
import sys


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser], shared: argparse.ArgumentParser) -> None:
    """Adds the command to the parser."""
    parser = subparsers.add_parser(
        "profile",
        parents=[shared],
        help="the stacks it knows; which one suits this machine and why",
        description="Without a name: all profiles, the one that suits this machine, and why the others do not.",
    )
    parser.add_argument("name", nargs="?", metavar="NAME", help="one profile in full")
    parser.add_argument("--json", action="store_true", help="as JSON; without a name, the proposed profile")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Prints one profile or the choice. Raises UsageError for a name that is no profile's."""
    from ..profiles import Profile, load
    from ..settings import UsageError, resolve

    if arguments.name:
        try:
            profile: Profile = load(arguments.name)
        except KeyError as error:
            raise UsageError(str(error.args[0])) from error
        return _print_profile(profile, as_json=arguments.json)
    settings = resolve(vars(arguments))
    from ..choose_profile import choose_profile
    from ..facts.collect import collect

    choice = choose_profile(collect(settings), settings)
    if arguments.json:
        return _print_profile(choice.profile, as_json=True)
    sys.stdout.write(f"{choice.profile.name}  suits this machine: {choice.why}\n\n")
    for name, reason in choice.rejected:
        sys.stdout.write(f"{name}  {reason}\n")
    sys.stdout.write(f"\nIn full: dualano-doctor profile {choice.profile.name}\n")
    return 0


def _print_profile(profile: object, *, as_json: bool) -> int:
    from ..profiles import Profile

    assert isinstance(profile, Profile)
    document = profile.to_json()
    if as_json:
        sys.stdout.write(json.dumps(document, indent=2) + "\n")
        return 0
    sys.stdout.write(f"{profile.name}: {profile.title}\n\n{profile.summary}\n\nPython {profile.python}\n")
    for package, version in sorted(profile.packages.items()):
        sys.stdout.write(f"  {package:28}{version}\n")
    for heading, rows in (("Tried on", profile.tried_on), ("Known risks", profile.risks)):
        if rows:
            sys.stdout.write(f"\n{heading} ({profile.tier}):\n" + "".join(f"  - {row}\n" for row in rows))
    return 0
