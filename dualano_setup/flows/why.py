"""`dualano-doctor profile why PIN`: the facts that force a version, or forbid it."""

from __future__ import annotations

import json
import sys

from ..errors import UsageError
from ..facts.collect import collect
from ..knowledge.catalogue import load_named
from ..knowledge.gpu_names import architecture_of
from ..knowledge.profile import Profile
from ..knowledge.tables import newest_driver
from ..knowledge.why import FOLLOWERS, Beside, why
from ..language import N_, _
from ..rules.choose_profile import choose_profile
from ..settings.options import Settings
from ..versions import normalise, numbers

_USUAL_PYTHON = "3.11"


def print_why(settings: Settings, pin: str | None, asked: str | None, *, as_json: bool) -> int:
    """The fewest facts that force or forbid a pin beside the rest of a profile. Raises UsageError."""
    if not pin:
        raise UsageError(_("why what? Like: dualano-doctor profile why torch==2.2.0"))
    named, _equals, version = pin.partition("==")
    name = normalise(named.strip())
    profile = load_named(settings.profile) if settings.profile else _of_this_machine(settings)
    gpu, driver, python = machine_asked(asked) if asked else ("", "", profile.python_preferred)
    pins = {key: value for key, value in profile.locked().items() if key != name}
    version = version.strip() or (profile.python_preferred if name == "python" else profile.locked().get(name, ""))
    try:
        numbers(version)
    except ValueError:
        raise UsageError(_("{pin} is no pin: NAME==VERSION, or NAME of the profile", pin=pin)) from None
    own = {key: value for key, value in pins.items() if name != "torch" or key not in FOLLOWERS}
    python = "" if name == "python" else python
    cuda = "" if asked and not settings.profile else profile.cuda or ""
    answer = why(name, version, Beside(own, python, cuda, gpu, driver))
    if answer.verdict == "free" and own != pins:
        answer = why(name, version, Beside(pins, python, cuda, gpu, driver))
    facts = answer.facts if answer.verdict != "free" else ()
    if as_json:
        rows = [{"fact": f.fact, "source": f.source, "level": f.level, "checked": f.checked} for f in facts]
        document = {"schema": 1, "pin": f"{name}=={version}", "profile": profile.name, "verdict": answer.verdict}
        sys.stdout.write(json.dumps({**document, "facts": rows}, indent=2) + "\n")
        return 0
    verdicts = {
        "forced": N_("{pin} is forced beside profile {profile}: no other version that the tables know is left"),
        "forbidden": N_("{pin} is forbidden beside profile {profile}"),
        "free": N_("{pin}: no fact of the tables forces or forbids it beside profile {profile}"),
    }
    sys.stdout.write(_(verdicts[answer.verdict], pin=f"{name}=={version}", profile=profile.name) + "\n")
    for fact in facts:
        sys.stdout.write(f"  - {fact.fact}\n    {fact.source} ({fact.level}, {fact.checked})\n")
    if not facts and name in profile.locked():
        own_pin = f"{name}=={profile.locked()[name]}"
        words = _("the profile pins {pin}, as it was resolved and tried on {date}", pin=own_pin, date=profile.checked)
        sys.stdout.write(f"  - {words}\n    {'; '.join(profile.sources)}\n")
    return 0


def _of_this_machine(settings: Settings) -> Profile:
    return choose_profile(collect(settings), settings).profile


def machine_asked(asked: str) -> tuple[str, str, str]:
    """GPU, driver and Python of --for. Raises UsageError for what cannot be read."""

    parts = [part.strip() for part in asked.split(",")]
    if len(parts) not in (1, 3):
        raise UsageError(
            _(
                '--for takes GPU,DRIVER,PYTHON, like sm_61,535.54.03,3.12, or a GPU ("RTX 3090"); seen: {asked}',
                asked=asked,
            )
        )
    gpu = parts[0] if parts[0].startswith("sm_") else architecture_of(parts[0])
    if not gpu:
        raise UsageError(
            _("no GPU called {gpu} is in the tables; its architecture does as well, like sm_86", gpu=parts[0])
        )
    driver, python = parts[1:] if len(parts) == 3 else (newest_driver(gpu), _USUAL_PYTHON)
    return gpu, driver, python
