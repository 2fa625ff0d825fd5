"""`campaign run --detach`: the same command line again, in a session of its own, its words in a file."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import TYPE_CHECKING

from ...campaigns import claims
from ...campaigns.store import HEAD, campaigns_root
from ...language import _

if TYPE_CHECKING:
    from ...settings.options import Settings

_SECONDS = 600.0  # a large data set is looked into before the first job starts


def start_in_background(settings: Settings, name: str) -> int:
    """Starts it and returns 0 once it runs; its own exit status where it ends before that."""
    root = campaigns_root(settings.project) / name
    root.mkdir(parents=True, exist_ok=True)
    log = root / "head.log"
    words = [word for word in sys.argv[1:] if word != "--detach"]
    before = claims.numbers_of(root / HEAD)
    with log.open("ab") as output:
        start = output.tell()
        child = subprocess.Popen(
            [sys.executable, "-m", "dualano_setup", *words], stdin=subprocess.DEVNULL, stdout=output,
            stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
    end = time.monotonic() + _SECONDS
    while child.poll() is None and time.monotonic() < end:
        if claims.numbers_of(root / HEAD) != before:
            print(_("runs in the background (process {pid}); its words: {log}", pid=child.pid, log=log))
            print(_("watch it: dualano-doctor campaign status {name}; end it: dualano-doctor campaign stop {name}",
                    name=name))  # fmt: skip
            return 0
        time.sleep(0.05)
    with log.open("rb") as output:
        output.seek(start)
        sys.stderr.write(output.read(1 << 20).decode("utf-8", "replace"))
    return child.returncode if child.returncode is not None else 1
