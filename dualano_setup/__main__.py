"""The console script's entry; `python -m dualano_setup` is the same program."""

from __future__ import annotations

import sys


def main() -> int:
    """Runs the command line. Returns the exit status of docs/architecture.md's table."""
    from .cli.main import run

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
