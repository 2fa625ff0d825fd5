"""Writes the hashes of the Linux wheels into every lock: `python -m dualano_setup.upkeep.hashes`.

For maintainers, after a lock was resolved anew. Asks the configured package index; what it does not have (the builds
of PyTorch's own index) gets none, and installers then verify those that have one.
"""

from __future__ import annotations

import sys
from pathlib import Path

from ..facts.fact import value
from ..facts.installers.probe import probe
from ..facts.machine.network import index_settings
from ..facts.sheet import Installers
from ..installers.user_configuration import user_configuration
from ..installers.uv import Source
from ..knowledge.profile import PROFILE_FOLDER
from ..settings.resolve import resolve
from .index_pages import File, Page, default_index, pages


def line(pin: str, page: Page, python: str) -> str:
    """The lock's line for "name==version": with the hash of every wheel that this Python installs on Linux."""
    name, __, version = pin.partition("==")
    files = [file for file in page.release(version) if file.sha256]
    fitting = [file for file in files if _fits(file, python)] or [file for file in files if not file.tags]
    return " ".join(
        [f"{name}=={version}", *(f"--hash=sha256:{digest}" for digest in sorted({f.sha256 for f in fitting}))]
    )


def _fits(file: File, python: str) -> bool:
    own = "cp" + python.replace(".", "")
    for interpreter, abi, platform in file.tags:
        linux = platform == "any" or (platform.startswith("manylinux") and platform.endswith(("x86_64", "aarch64")))
        stable = (abi == "abi3" and interpreter.startswith("cp3")) or (abi == "none" and interpreter.startswith("py3"))
        if linux and (stable or (interpreter == own and abi in (own, "none"))):
            return True
    return False


def main() -> int:
    """Rewrites every lock. Returns 1, changing nothing, when a project's page could not be looked at."""
    settings = resolve({})
    installers = value(probe(settings)) or Installers()
    config, given = index_settings(installers), user_configuration(installers)
    locks = sorted(PROFILE_FOLDER.glob("*.py3*.txt"))
    pins = {lock: _pins(lock) for lock in locks}
    index = default_index(config, Source((), given.variables, given.no_index))
    found = pages(index, {pin.partition("==")[0] for lock in locks for pin in pins[lock]}, config)
    if failed := {name: page.failure for name, page in found.items() if page.failure}:
        print(f"nothing was written: {failed}", file=sys.stderr)
        return 1
    for lock in locks:
        python = "3." + lock.stem.rpartition(".py3")[2]
        heading = [row for row in lock.read_text(encoding="utf-8").splitlines() if row.startswith("#")]
        body = [line(pin, found[pin.partition("==")[0]], python) for pin in pins[lock]]
        lock.write_text("\n".join([*heading, *body]) + "\n", encoding="utf-8")
    return 0


def _pins(lock: Path) -> list[str]:
    rows = lock.read_text(encoding="utf-8").splitlines()
    return [row.partition(" ")[0] for row in rows if row and not row.startswith("#")]


if __name__ == "__main__":
    sys.exit(main())
