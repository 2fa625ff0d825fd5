"""`dualano-doctor watch` and `review`: a page on the loopback for as long as a person looks at it."""

from __future__ import annotations

import sys

from ..language import N_, _
from ..pages.server import Site, listen, serve
from ..pages.source import campaign_of, source_of
from ..settings.options import Settings
from .report import complete_small_copies, open_page


def watch(settings: Settings, word: str | None, port: int | None, *, show: bool) -> int:
    """Serves the pages of all runs until Ctrl-C.

    Raises UsageError for a run that is not there, WorkError where the port is in use, KeyboardInterrupt at the end.
    """
    from ..pages.live import WatchSite

    below = ""
    if word is not None:
        campaign = campaign_of(settings, word)
        below = f"campaign/{campaign.name}" if campaign is not None else f"run/{source_of(settings, word).name}"
    return _serve(WatchSite(settings), port, below, show=show, words=N_("watching: {address}"))


def review(settings: Settings, word: str | None, port: int | None, *, show: bool) -> int:
    """Serves the page on which a person accepts, rejects and mends pairs, until Ctrl-C. Raises as `watch`."""
    from ..pages.review_site import ReviewSite

    source = source_of(settings, word)
    site = ReviewSite(source)
    complete_small_copies(settings, source)
    return _serve(site, port, "", show=show, words=N_("reviewing: {address}"))


def _serve(site: Site, port: int | None, below: str, *, show: bool, words: str) -> int:
    server = listen(site, port)
    address = server.address + below
    sys.stdout.write(_(words, address=address) + "\n")
    sys.stdout.flush()
    number = server.server_address[1]
    sys.stderr.write(
        _("From another machine: ssh -L {port}:127.0.0.1:{port} THIS_ONE, then the same address. Ctrl-C ends it.\n",
          port=number)
    )  # fmt: skip
    if show:
        open_page(address)
    serve(server)
    return 0
