"""Where an environment keeps things, and whether it can still start: pyvenv.cfg, interpreter, version, site-packages.

Everything is read from the outside; no interpreter is started, so a broken one costs nothing and does nothing.
"""

from __future__ import annotations

import os
import re

from ...language import _
from ...light_dataclasses import dataclass, field
from ...system.files import bytes_at, names_at, plain_error, read_whole, text_at

_BEGINS_AS_VERSION = re.compile(r"\d{1,9}\.\d{1,9}(?!\d)", re.ASCII)
_PATCHLEVEL = re.compile(rb'^#define\s+PY_VERSION\s+"([^"]+)"', re.MULTILINE)
_CONDA_PYTHON = re.compile(r"python-(\d+\.\d+[^-]*)-[^-]+\.json")
_LIB_PYTHON = re.compile(r"python(\d+\.\d+)t?")
_IN_PATH = re.compile(r"(?:^|[/-])(\d+\.\d+\.\d+\w*)(?=$|[/-])")
_SCRIPTS_LOOKED_AT = 8
_MAX_CFG = 1 << 16


@dataclass(frozen=True, slots=True)
class Layout:
    """The frame of an environment; the packages come on top of it."""

    prefix: str
    kind: str  # "venv", "conda", "system", "pyenv"
    python: str | None
    interpreter: str
    interpreter_ok: bool
    base: str | None  # the prefix that the interpreter really belongs to
    site_packages: tuple[str, ...]
    system_site: bool
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Config:
    """pyvenv.cfg taken apart, or why it could not be."""

    values: dict[str, str] = field(default_factory=dict)
    exists: bool = False
    problem: str = ""


def is_environment(prefix: str) -> bool:
    """Whether the folder shows any sign of a Python environment, working or not."""
    signs = ("pyvenv.cfg", "conda-meta", "bin/python", "bin/python3", "Scripts/python.exe")
    return any(os.path.lexists(os.path.join(prefix, sign)) for sign in signs) or bool(_lib_folders(prefix))


def read_layout(prefix: str) -> Layout:
    """The environment's frame, with what is broken about it in words. Raises OSError when it cannot be listed."""
    config = _read_config(os.path.join(prefix, "pyvenv.cfg"))
    libraries = _lib_folders(prefix)
    kind = _kind(prefix, config)
    interpreter, found, broken = _interpreter(prefix)
    base = _base(prefix, kind, config, interpreter)
    python = _version(prefix, kind, config, base, libraries)
    problems = [problem for problem in (config.problem, broken) if problem]
    if kind == "venv" and (home := config.values.get("home")) and not os.path.isdir(home):
        problems.append(_("pyvenv.cfg says its Python is in {home}, which is gone", home=home))
    site_packages = _site_packages(prefix, libraries, python)
    if not site_packages:
        problems.append(_("no site-packages folder below {prefix}", prefix=prefix))
    elif python and not any(f"python{_minor(python)}" in folder for folder in site_packages) and os.name != "nt":
        problems.append(
            _(
                "the interpreter is Python {python}, the packages are in {site_packages}",
                python=python,
                site_packages=site_packages[0],
            )
        )
    if found:
        problems += [problem for problem in (_upgraded(interpreter, base, libraries), _moved(prefix)) if problem]
    return Layout(
        prefix=prefix,
        kind=kind,
        python=python,
        interpreter=interpreter,
        interpreter_ok=found and not broken,
        base=base,
        site_packages=site_packages,
        system_site=config.values.get("include-system-site-packages", "").lower() == "true",
        problems=tuple(problems),
    )


def conda_python(prefix: str) -> str | None:
    """The Python version in a conda prefix's own records, None when there is none."""
    names = names_at(os.path.join(prefix, "conda-meta"))
    return next((match[1] for name in names if (match := _CONDA_PYTHON.fullmatch(name))), None)


def version_in_path(path: str) -> str | None:
    """The version a folder's name gives away: ~/.pyenv/versions/3.10.13, uv's cpython-3.11.9-linux-x86_64-gnu."""
    matches = _IN_PATH.findall(path)
    return matches[-1] if matches else None


def prefix_python(prefix: str) -> str | None:
    """The version of the Python installed at `prefix` (not a venv), as exactly as its files tell."""
    exact = conda_python(prefix) or version_in_path(prefix)
    if exact:
        return exact
    for minor in reversed(_lib_folders(prefix)):
        header = os.path.join(prefix, "include", minor, "patchlevel.h")
        if match := _PATCHLEVEL.search(bytes_at(header)):
            return match[1].decode("ascii", "replace")
    return None


def _read_config(path: str) -> _Config:
    try:
        data = read_whole(path, _MAX_CFG)
    except FileNotFoundError:
        return _Config()
    except (OSError, ValueError) as error:
        return _Config(exists=True, problem=_("pyvenv.cfg cannot be read: {error}", error=plain_error(error)))
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return _Config(exists=True, problem=_("{path} is not UTF-8 text", path=path))
    pairs = (line.split("=", 1) for line in text.splitlines() if "=" in line)
    values = {key.strip().lower(): value.strip() for key, value in pairs}
    problem = (
        "" if values.get("home") else _("{path} names no `home`, so Python cannot find its own library", path=path)
    )
    return _Config(values, True, problem)


def _kind(prefix: str, config: _Config) -> str:
    if config.exists:
        return "venv"
    if os.path.isdir(os.path.join(prefix, "conda-meta")):
        return "conda"
    return "pyenv" if "/.pyenv/versions/" in prefix + "/" else "system"


def _interpreter(prefix: str) -> tuple[str, bool, str]:
    """The path a user would start, whether anything stands there, and what is wrong with it in words."""
    names = ("Scripts/python.exe", "python.exe") if os.name == "nt" else ("bin/python", "bin/python3")
    candidates = [os.path.join(prefix, name) for name in names]
    path = next((p for p in candidates if os.path.lexists(p)), candidates[0])
    if not os.path.lexists(path):
        return path, False, _("there is no interpreter at {path}", path=path)
    if os.path.exists(path):
        ok = os.path.isfile(path) and os.access(path, os.X_OK)
        return path, True, "" if ok else _("{path} is not an executable file", path=path)
    try:
        target = os.readlink(path)
        goal = os.path.realpath(path)
    except (OSError, ValueError) as error:
        return path, True, _("{path} cannot be followed: {error}", path=path, error=plain_error(error))
    return path, True, _("{path} points at {goal}, which is gone", path=path, goal=goal if goal != path else target)


def _base(prefix: str, kind: str, config: _Config, interpreter: str) -> str | None:
    """The prefix of the Python behind a venv; the prefix itself for every other kind."""
    if kind != "venv":
        return prefix
    home = config.values.get("home")
    if home:
        return os.path.dirname(home.rstrip("/")) if os.path.basename(home.rstrip("/")) in ("bin", "Scripts") else home
    real = os.path.realpath(interpreter)
    return os.path.dirname(os.path.dirname(real)) if os.path.exists(real) else None


def _version(prefix: str, kind: str, config: _Config, base: str | None, libraries: tuple[str, ...]) -> str | None:
    """The most exact version that agrees with the environment's own library folder.

    A base that was upgraded in place (3.11.4 to 3.11.7) leaves pyvenv.cfg behind, so the base speaks first.
    """
    recorded = config.values.get("version") or config.values.get("version_info")
    told = [prefix_python(base) if base else None, recorded, prefix_python(prefix) if kind != "venv" else None]
    exact = [".".join(version.split(".")[:3]) for version in told if version and _BEGINS_AS_VERSION.match(version)]
    minors = [library.removeprefix("python").rstrip("t") for library in libraries]
    for version in exact:
        if not minors or _minor(version) in minors:
            return version
    return exact[0] if exact else minors[-1] if minors else None


def _minor(version: str) -> str:
    return ".".join(version.split(".")[:2])


def _lib_folders(prefix: str) -> tuple[str, ...]:
    """lib/pythonX.Y folders that hold packages or a standard library, oldest version first."""
    names = names_at(os.path.join(prefix, "lib"))
    found = [(name, match) for name in names if (match := _LIB_PYTHON.fullmatch(name))]
    found.sort(key=lambda pair: tuple(int(part) for part in pair[1][1].split(".")))
    return tuple(name for name, __ in found)


def _site_packages(prefix: str, libraries: tuple[str, ...], python: str | None) -> tuple[str, ...]:
    """purelib and platlib (Debian's dist-packages too), each real folder once, of the interpreter's version only."""
    wanted = f"python{_minor(python)}" if python else ""
    names = [name for name in libraries if name.rstrip("t") == wanted] or list(libraries[-1:])
    folders = [os.path.join(prefix, lib, name, site) for lib in ("lib", "lib64") for name in names for site in _SITES]
    if os.name == "nt":
        folders = [os.path.join(prefix, "Lib", "site-packages")]
    if prefix == "/usr":
        folders += ["/usr/lib/python3/dist-packages", *(f"/usr/local/lib/{name}/dist-packages" for name in names)]
    seen: dict[str, str] = {}
    for folder in folders:
        if os.path.isdir(folder):
            seen.setdefault(os.path.realpath(folder), folder)
    return tuple(seen.values())


_SITES = ("site-packages", "dist-packages")


def _upgraded(interpreter: str, base: str | None, libraries: tuple[str, ...]) -> str:
    """What a system upgrade did to a venv on /usr/bin/python3: another Python, which does not look where we are."""
    real = os.path.realpath(interpreter)
    match = _LIB_PYTHON.fullmatch(os.path.basename(real))
    if base != "/usr" or not match or not libraries or match[0] in libraries:
        return ""
    return _(
        "{interpreter} is now {real}, but the packages are for {libraries}: the system's Python was upgraded",
        interpreter=interpreter,
        real=real,
        libraries=libraries[-1],
    )


def _moved(prefix: str) -> str:
    """What the scripts' first lines say when the environment was moved or copied, else nothing.

    `python -m` still works then, but `pip`, `accelerate` and every other script start another Python, or none.
    """
    folder = os.path.join(prefix, "bin")
    names = [name for name in names_at(folder) if not name.startswith(("python", "activate", "Activate"))]
    here = os.path.realpath(prefix)
    foreign = ""
    for name in names[:_SCRIPTS_LOOKED_AT]:
        python = _shebang(os.path.join(folder, name))
        owner = os.path.dirname(os.path.dirname(python))
        if not python or owner in ("/usr", "/"):
            continue
        if os.path.realpath(owner) == here:
            return ""  # a stray script of another place among the environment's own does no harm
        gone = "" if os.path.exists(python) else _(", which is gone")
        foreign = foreign or _(
            "the environment was moved or copied: its script `{name}` starts {python}{gone}",
            name=name,
            python=python,
            gone=gone,
        )
    return foreign


def _shebang(script: str) -> str:
    """The Python that a script's first line names, "" when it names none."""
    first = text_at(script, 512).partition("\n")[0]
    python = first.removeprefix("#!").strip().strip('"')
    return python if first.startswith("#!/") and "/bin/python" in python and " " not in python else ""
