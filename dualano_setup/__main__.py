"""The console script's entry; `python -m dualano_setup` is the same program."""

from __future__ import annotations

import gc
import sys


def main() -> int:
    """Runs the command line. Returns the exit status that README's table gives."""
    # Starting up makes many long-lived objects and no garbage; looking for some takes a tenth of a whole check.
    gc.disable()
    from .cli.main import COMMANDS_OF_A_MOMENT, run

    if not COMMANDS_OF_A_MOMENT.intersection(sys.argv[1:2] or ["check"]):
        gc.enable()
    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
