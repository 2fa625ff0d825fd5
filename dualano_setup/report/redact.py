"""Takes out of a string what should not be pasted in public: home folder, user and host name in paths, credentials."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from ..light_dataclasses import dataclass

_CREDENTIALS = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*://)[^/\s@]+@", re.IGNORECASE)
_TOKENS = re.compile(r"\b(hf_[A-Za-z0-9]{16,}|gh[pousr]_[A-Za-z0-9]{20,}|glpat-[\w-]{16,}|pypi-[\w-]{16,})")
_QUERY = re.compile(r"([?&](?:token|key|secret|password|signature|sig)=)[^&\s]+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Redactor:
    """Replaces by kind: credentials and tokens always; the home folder only as a whole path component.

    `user` matters only in `/home/<user>` paths, never as a bare substring: a user called `root` or `a` must not
    rewrite the rest of the report.
    """

    home: str
    host: str = ""

    @classmethod
    def for_this_user(cls) -> Redactor:
        """The redactor of whoever runs this program."""
        return cls(home=str(Path.home()), host=os.uname().nodename if hasattr(os, "uname") else "")

    def text(self, value: str) -> str:
        """The string without what identifies its owner."""
        value = _CREDENTIALS.sub(r"\g<scheme>***@", value)
        value = _TOKENS.sub("***", value)
        value = _QUERY.sub(r"\1***", value)
        if len(self.home) > 1:
            value = re.sub(rf"(?<![\w.-]){re.escape(self.home)}(?=[/\s:'\"),;]|$)", "~", value)
        value = re.sub(r"(?<![\w.-])/home/[^/\s:'\"]+", "/home/***", value)
        if len(self.host) >= 3:
            value = re.sub(rf"(?<![\w.-]){re.escape(self.host)}(?![\w-])", "<host>", value)
        return value

    def tree(self, value: Any) -> Any:
        """The same for every string inside lists and mappings; mapping keys are never touched."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {key: self.tree(inner) for key, inner in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.tree(inner) for inner in value]
        return value
