"""The one exception that a person's mistake raises.

Every command of the trainer prints its message without a traceback and leaves with status 1.
"""

from __future__ import annotations


class TrainerError(Exception):
    """Says what was seen, what was expected and what to do next, in one message."""
