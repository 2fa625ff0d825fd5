"""Takes out of a string what should not be pasted in public: home folder, user and host name, tokens, credentials.

It goes by kind of thing, so that a user called `data` or a machine called `env` cannot rewrite the report: a name
counts where a name can stand (a folder above the project, an address), secrets where their form or their label says
what they are. Patterns are ASCII, because in Chinese text a path may follow a character directly.
"""

from __future__ import annotations

import os
import re
from functools import cache
from pathlib import Path
from typing import Any

from ..light_dataclasses import dataclass

HIDDEN = "***"
# What is called a secret; pad_token and its like in a tokenizer's configuration are none.
_LABEL = (
    r"(?!(?:bos|eos|pad|unk|sep|cls|mask)_)[\w-]*"
    r"(?:token|password|passwd|passphrase|secret|api[_-]?key|access[_-]?key|credential|signature)"
)
# Each with its replacement, in this order: whole addresses first, then what stands in their queries, then loose text.
_SECRETS = (
    # The last @ before the path ends the credentials: a password may hold one itself.
    (r"\b([a-z][a-z0-9+.-]*://)[^/\s\"'?#]*@", rf"\1{HIDDEN}@"),
    # A password with a slash in it; digits after the colon are a port.
    (r"\b([a-z][a-z0-9+.-]*://)[^/\s\"'@:]+:(?!\d+(?:[/\s]|$))[^\s\"']*@", rf"\1{HIDDEN}@"),
    # The same without a scheme, as proxies are often written.
    (r"(?<![\w/.@-])[\w.%+-]+:[^\s/@:\"']+@(?=[\w-])", f"{HIDDEN}@"),
    (rf"([?&](?:{_LABEL}|key|sig|auth)=)[^&\s\"'#]+", rf"\1{HIDDEN}"),
    (r"\b(?:hf_[a-z0-9]{16,}|github_pat_\w{16,}|gh[pousr]_[a-z0-9]{20,})", HIDDEN),
    (r"\b(?:glpat-[\w-]{16,}|pypi-[\w-]{16,}|sk-[\w-]{20,}|xox[abprs]-[\w-]{10,}|AKIA[0-9A-Z]{16})\b", HIDDEN),
    (r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*", HIDDEN),  # a JSON web token
    (r"\b(Authorization:\s*\w+\s+|Bearer\s+)[\w.~+/=-]{6,}", rf"\1{HIDDEN}"),
    # HF_TOKEN=..., "password": ...; not what is empty or already hidden.
    (
        rf"((?<![\w?&-]){_LABEL}[\"']?\s*[=:]\s*[\"']?)(?![<*\[{{]|(?:null|none|true|false)\b)[^\s\"',;]+",
        rf"\1{HIDDEN}",
    ),
    (rf"(--{_LABEL}\s+)(?!-)[^\s\"']+", rf"\1{HIDDEN}"),
)
# No pattern above finds anything where none of these stands: one look instead of ten.
_SIGN = re.compile(
    r"[@?&]|--|hf_|github_pat_|gh[pousr]_|glpat-|pypi-|sk-|xox|AKIA|eyJ|Bearer|Authorization"
    r"|(?:token|password|passwd|passphrase|secret|key|credential|signature)[\"']?\s*[=:]",
    re.IGNORECASE | re.ASCII,
)
_SHORTEST_SECRET = 15  # characters of a Slack token; shorter ones are known by what stands around them
_SECRET_NAME = re.compile(rf"{_LABEL}$", re.IGNORECASE | re.ASCII)
_HOMES = re.compile(r"((?:^|(?<![\w.~-]))(?:/[\w.+-]+){0,3}/(?:home|Users))/[^/\s:'\"`),;\]>]+", re.ASCII)
_WINDOWS_HOMES = re.compile(r"\b([A-Za-z]:\\Users)\\[^\\\s:'\"`),;\]>]+", re.ASCII)
_PATH = re.compile(r"(?<![\w.~-])/[\w.+-]+(?:/[\w.+-]+)+", re.ASCII)
_LEADING = range(1, 4)  # where in a path people and machines have their folders: /scratch/mei, /mnt/lab-3/users/mei
_NOBODY = frozenset(("root", "localhost", "localhost.localdomain"))


@cache
def _names_a_secret(name: str) -> bool:
    """Whether a key says that its value is one; a report has few keys, many times."""
    return _SECRET_NAME.match(name) is not None


@cache
def _secrets() -> tuple[tuple[re.Pattern[str], str], ...]:
    """The patterns, compiled when first something looks like a secret."""
    return tuple((re.compile(pattern, re.IGNORECASE | re.ASCII), by) for pattern, by in _SECRETS)


@dataclass(frozen=True, slots=True)
class Redactor:
    """Replaces the home folder by `~`, the names of `users` and `host` where names stand, and secrets by `***`.

    A folder named like a user counts once, near the root and outside of hidden folders. A host that is one plain word
    counts only in addresses and as such a folder; one with a digit or a hyphen in it counts as any whole word.
    """

    home: str
    host: str = ""
    users: tuple[str, ...] = ()

    @classmethod
    def for_this_user(cls) -> Redactor:
        """The redactor of whoever runs this program."""
        named = (os.environ.get(name, "") for name in ("USER", "LOGNAME", "SUDO_USER", "USERNAME"))
        home = Path.home()
        users = dict.fromkeys(name for name in (*named, home.name) if name)
        return cls(str(home), os.uname().nodename if hasattr(os, "uname") else "", tuple(users))

    def text(self, value: str) -> str:
        """The string without what identifies its owner."""
        if len(value) < _SHORTEST_SECRET and value.replace(".", "").isalnum() and not self._is_named(value):
            return value  # a package, a version, a number: most of a report
        if _SIGN.search(value):
            for pattern, by in _secrets():
                value = pattern.sub(by, value)
        if len(self.home) > 1 and self.home in value:
            value = re.sub(rf"(?<![\w.-]){re.escape(self.home)}(?![\w-]|\.\w)", "~", value, flags=re.ASCII)
        if "/home/" in value or "/Users/" in value:
            value = _HOMES.sub(rf"\1/{HIDDEN}", value)
        if ":\\Users\\" in value:
            value = _WINDOWS_HOMES.sub(rf"\1\\{HIDDEN}", value)
        if not self._is_named(value):
            return value
        value = self._hosts(value)
        for user in set(self.users) - _NOBODY:
            value = re.sub(rf"(?<![\w.-]){re.escape(user)}@(?=[\w<])", "<user>@", value, flags=re.ASCII)
        return _PATH.sub(lambda found: self._folders(found[0]), value)

    def _is_named(self, value: str) -> bool:
        """Whether a name of the user's or the host's stands anywhere in it."""
        names = (self.host.partition(".")[0], *self.users)
        return any(name in value for name in names if name and name not in _NOBODY)

    def tree(self, value: Any) -> Any:
        """The same for every string inside lists and mappings; mapping keys are never touched.

        A value whose key names a secret, and the second of a pair whose first does, is one whatever it looks like.
        """
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {key: self._named(key, inner) for key, inner in value.items()}
        if isinstance(value, (list, tuple)):
            if len(value) == 2 and isinstance(value[0], str):
                return [self.text(value[0]), self._named(value[0], value[1])]
            return [self.tree(inner) for inner in value]
        return value

    def _named(self, name: object, value: Any) -> Any:
        is_secret = isinstance(value, str) and value and isinstance(name, str) and _names_a_secret(name)
        return HIDDEN if is_secret and not value.startswith("<") else self.tree(value)

    def _hosts(self, value: str) -> str:
        for host in {self.host, self.host.partition(".")[0]} - _NOBODY:
            if len(host) < 2:
                continue
            name = re.escape(host)
            is_rule = re.fullmatch(r"[A-Z]+\d{3}", host)
            anywhere = re.search(r"[\d.-]", host) and len(host) > 3 and not is_rule
            before, after = (r"(?<![\w.-])", r"(?![\w-])") if anywhere else (r"(?:(?<=@)|(?<=://))", r"(?![\w-])")
            value = re.sub(f"{before}{name}{after}", "<host>", value, flags=re.ASCII)
            value = re.sub(rf"(?<![\w./-]){name}(?=:\d{{2,5}}\b)", "<host>", value, flags=re.ASCII)
            value = re.sub(rf"(main_process_ip['\"]?:\s*['\"]?){name}(?![\w-])", r"\1<host>", value, flags=re.ASCII)
        return value

    def _folders(self, path: str) -> str:
        parts = path.split("/")[1:]
        for names, by in ((set(self.users), "<user>"), ({self.host, self.host.partition(".")[0]}, "<host>")):
            for place in _LEADING:
                if place >= len(parts) or parts[place - 1].startswith("."):
                    break
                if parts[place] in names - _NOBODY - {""}:
                    parts[place] = by
                    break
        return "/" + "/".join(parts)
