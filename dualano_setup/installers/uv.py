"""uv as the engine: one resolve by metadata alone, one environment, one install."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import RepairError
from ..language import N_, _
from ..system.child import run_child, scrubbed_environment, tail
from ..system.unwinding import unwinding
from .clash import in_words

RESOLVE_DEADLINE = 180.0  # seconds
INSTALL_DEADLINE = 6 * 3600.0  # a slow line and several gigabytes

# What uv says, and what a person can do about it.
_HINTS = (
    (
        "Hash mismatch",
        N_(
            "a file is not the one that the profile's lock knows: the index or mirror changed it. Take it from another "
            "index, or, if you built it yourself, put it into a folder that pip's `find-links` names"
        ),
    ),
    ("No space left", N_("the disk is full; make room (SYS003), then run `fix` again")),
    ("Disk quota exceeded", N_("your disk quota is used up; make room, then run `fix` again")),
    (
        "invalid peer certificate",
        N_("the certificate of the index is not trusted: set pip's `cert`, or SSL_CERT_FILE"),
    ),
    ("dns error", N_("the index's name is not known here: check the network, proxy or mirror (NET001)")),
    (
        "Network connectivity is disabled",
        N_("--offline is on and the files are not in uv's cache or a local folder"),
    ),
    ("operation timed out", N_("the index answers too slowly: try again, or set UV_HTTP_TIMEOUT higher")),
    ("tcp connect error", N_("the index does not answer: check the network, proxy or mirror (NET001)")),
    ("401 Unauthorized", N_("the index wants a login: put it into pip's index-url or a netrc file")),
    ("No interpreter found", N_("install a Python of the profile's range, or give uv access to the network")),
)


@dataclass(frozen=True, slots=True)
class Source:
    """Where packages may come from.

    `pages` are find-links pages, each serving only its own package; `variables` bring the user's indexes, certificate
    and proxy; `no_index` means that only pages and folders are asked.
    """

    pages: tuple[str, ...] = ()
    variables: dict[str, str] = field(default_factory=dict)
    no_index: bool = False
    offline: bool = False

    def flags(self) -> list[str]:
        """What uv takes only on its command line."""
        return ["--no-index"] * self.no_index + ["--offline"] * self.offline

    def environment(self) -> dict[str, str]:
        """The scrubbed environment with all of this on top. A --find-links option would hide the variable's."""
        places = [*self.pages, *filter(None, [self.variables.get("UV_FIND_LINKS")])]
        find_links = {"UV_FIND_LINKS": ",".join(places)} if places else {}
        fixed = {"UV_NO_CONFIG": "1", "UV_NO_PROGRESS": "1", "NO_COLOR": "1"}
        return scrubbed_environment() | fixed | self.variables | find_links


class ResolutionError(RepairError):
    """The packages cannot be installed together from these sources."""


def uv_binary() -> str:
    """uv's program, from the package this program depends on. Raises RepairError when it is gone."""
    import uv

    try:
        return str(uv.find_uv_bin())
    except FileNotFoundError as error:
        raise RepairError(
            _("uv is missing beside dualano-setup; reinstall it (pip install --force-reinstall uv)")
        ) from error


def resolve(
    pins: Mapping[str, str], profile: str, python: str, source: Source, constraints: Sequence[Path] = ()
) -> tuple[str, ...]:
    """The exact pins that would be installed, found by metadata alone. `python` is an interpreter or "3.10".

    `pins` is name -> version, "" for whatever fits; `profile` names them in messages. Raises ResolutionError with the
    clash in words when they cannot be installed.
    """
    argv = [uv_binary(), "pip", "compile", "--quiet", "--no-header", "--no-annotate", "--no-python-downloads"]
    argv += ["--python" if "/" in python else "--python-version", python, *source.flags()]
    argv += [part for file in constraints for part in ("--constraints", str(file))]
    with unwinding(), tempfile.TemporaryDirectory(prefix="dualano-") as folder:
        wanted, found, log = (Path(folder, name) for name in ("wanted.txt", "found.txt", "resolve.log"))
        asked = (f"{name}=={version}\n" if version else f"{name}\n" for name, version in pins.items())
        wanted.write_text("".join(asked), encoding="utf-8")
        argv += ["--output-file", str(found), str(wanted)]
        began = time.monotonic()
        status = run_child(argv, source.environment(), Path(folder), log, RESOLVE_DEADLINE)
        if status != 0 and time.monotonic() - began > RESOLVE_DEADLINE:
            raise ResolutionError(
                _(
                    "the package index did not give its metadata within {resolve_deadline:.0f} s (NET001)",
                    resolve_deadline=RESOLVE_DEADLINE,
                )
            )
        if status != 0:
            said = log.read_text("utf-8", "replace").partition("\n")[2]  # after the line with the command
            raise ResolutionError(
                _("profile {profile} cannot be installed from these sources:", profile=profile)
                + f"\n{in_words(said) or with_hints(said)}"
            )
        lines = [line.strip() for line in found.read_text("utf-8").splitlines()]
    return tuple(line for line in lines if line and not line.startswith(("#", "-")))


def install_python(version: str, folder: Path, source: Source, log: Path) -> None:
    """Downloads a Python of that version into `folder`. Raises RepairError naming what to install instead."""
    environment = source.environment() | {"UV_PYTHON_INSTALL_DIR": str(folder)}
    argv = [uv_binary(), "python", "install", "--no-bin", *["--offline"] * source.offline, version]
    if run_child(argv, environment, log.parent, log, INSTALL_DEADLINE) != 0:
        raise RepairError(
            _(
                "there is no Python {version} here and it could not be downloaded; install python{version} (with "
                "its venv module) by your system's means, then run `fix` again. uv's last lines:\n{log}",
                version=version,
                log=with_hints(tail(log)),
            )
        )


def make_venv(prefix: Path, python: str, prompt: str, source: Source, log: Path) -> None:
    """An empty environment that still works after its folder is renamed. Raises RepairError."""
    argv = [uv_binary(), "venv", "--no-project", "--relocatable", "--python", python, "--prompt", prompt]
    argv += ["--no-python-downloads", str(prefix)]
    if run_child(argv, source.environment(), log.parent, log, 300.0) != 0:
        raise RepairError(
            _("the environment {prefix} could not be made:\n{log}", prefix=prefix, log=with_hints(tail(log)))
        )


def install(prefix: Path, pins: Path, source: Source, log: Path, on_line: Callable[[str], None] | None = None) -> None:
    """Installs exactly the pins, nothing more. Raises RepairError with what uv said.

    Without bytecode: of some 11,000 files a training imports a part, which Python compiles, and keeps, as it does.
    """
    argv = [uv_binary(), "pip", "install", "--python", str(prefix / "bin" / "python"), "--no-deps"]
    argv += [*source.flags(), "--requirements", str(pins)]
    if run_child(argv, source.environment(), log.parent, log, INSTALL_DEADLINE, on_line) != 0:
        raise RepairError(
            _(
                "the packages could not be installed:\n{log}\nThe whole output: {log_2}",
                log=with_hints(tail(log)),
                log_2=log,
            )
        )


def with_hints(output: str) -> str:
    """uv's message with its causes, and a next step where one is known. Credentials in URLs are taken out."""
    from ..text.redact import Redactor

    text = Redactor.for_this_user().text(output.strip())
    hints = [_(hint) for seen, hint in _HINTS if seen.lower() in output.lower()]
    return "\n".join([text, *(_("hint: {hint}", hint=hint) for hint in hints)])
