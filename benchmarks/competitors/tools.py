"""The tools that are compared, and how each is started on a world that lies on disk."""

from __future__ import annotations

import base64
import hashlib
import os
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from dualano_setup.installers.uv import uv_binary
from tests.worlds.build import Laid
from tests.worlds.site_packages import interpreter_of

DEADLINE = 90.0  # seconds
STAND_IN = Path(__file__).with_name("torch_stand_in.py")
_DIGEST = base64.urlsafe_b64encode(hashlib.sha256(STAND_IN.read_bytes()).digest()).rstrip(b"=").decode()
_ROW = f"torch/__init__.py,sha256={_DIGEST},{STAND_IN.stat().st_size}"
FROM_INDEX = {
    "cuda-doctor": "cuda-doctor",
    "env-doctor": "env-doctor",
    "rigsolve": "rigsolve",
    "torch-preflight": "torch-preflight",
    "collect_env": "pip",
}
ROOT = Path(__file__).parents[2]
_DOCTOR = (
    "import sys; sys.path.insert(0, sys.argv.pop()); from dualano_setup.cli.main import run; "
    "sys.exit(run(['check', '-v', '--offline']))"
)
_CUDA_DOCTOR = (
    "import sys; sys.argv = ['cuda-doctor', 'diagnose', '--verbose']; from cuda_doctor.cli import main; main()"
)
_ENV_DOCTOR = "import sys; sys.argv = ['env-doctor', 'check']; from env_doctor.cli import main; sys.exit(main())"
_RIGSOLVE = "import sys; sys.argv = ['rigsolve', {command!r}]; from rigsolve.cli import main; sys.exit(main())"
_TORCH_PREFLIGHT = (
    "import sys; sys.argv = ['torch-preflight', 'check', '--no-color', sys.argv[1]]; "
    "from torch_preflight.cli import main; sys.exit(main())"
)


@dataclass(frozen=True)
class Bench:
    """Where the tools are: `folder` receives what is installed from the index, once for each Python."""

    folder: Path

    def said(self, tool: str, world: Laid) -> str:
        """All that the tool prints about the world; empty when it cannot be started there."""
        python = self._python(world)
        extra: dict[str, str] = {}
        if tool in FROM_INDEX:
            place = self.installed(FROM_INDEX[tool], python)
            if place is None:
                return ""
            extra["PYTHONPATH"] = os.pathsep.join(filter(None, (str(place), world.variables.get("PYTHONPATH", ""))))
        line = {
            "dualano-doctor": [sys.executable, "-c", _DOCTOR, str(ROOT)],
            "env-doctor": [python, "-c", _ENV_DOCTOR],
            "cuda-doctor": [python, "-c", _CUDA_DOCTOR],
            "rigsolve": [python, "-c", _RIGSOLVE.format(command="check")],
            "torch-preflight": [python, "-c", _TORCH_PREFLIGHT, str(world.checkout or world.root)],
            "pip check": [sys.executable, "-m", "pip", "--python", str(world.interpreter), "check"],
            "uv pip check": [uv_binary(), "pip", "check", "--python", str(world.interpreter), "--no-config"],
            "collect_env": [python, str(collect_env())],
        }[tool]
        if tool == "dualano-doctor":
            extra = world.settings
        return _output(line, world, extra)

    @cache  # noqa: B019 - one bench for the whole run
    def installed(self, package: str, python: str) -> Path | None:
        """A folder with the package and what it needs for that Python, None when the index has none for it."""
        place = self.folder / f"{package}-{Path(python).resolve().name}"
        line = [uv_binary(), "pip", "install", "-q", "--python", python, "--target", str(place), package]
        done = subprocess.run(line, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
        if done.returncode:
            print(f"without {package} for {python}: {done.stderr.strip()[-200:]}", file=sys.stderr)
            return None
        return place

    def versions(self) -> str:
        """The versions of the tools that came from the index or stand beside this interpreter."""
        found = {"pip": version("pip"), "torch (collect_env)": version("torch"), "uv": version("uv")}
        for package in ("cuda-doctor", "env-doctor", "rigsolve", "torch-preflight"):
            stem = package.replace("-", "_")
            info = next(self.folder.glob(f"{package}-*/{stem}-*.dist-info"), None)
            found[package] = info.name.removesuffix(".dist-info").rpartition("-")[2] if info else "not installed"
        return ", ".join(f"{name} {number}" for name, number in found.items())

    def _python(self, world: Laid) -> str:
        """The environment's own interpreter, else one beside it: a user of a broken environment has that."""
        usual = str(interpreter_of("3.10"))
        try:
            works = subprocess.run([world.interpreter, "-c", ""], capture_output=True, timeout=30, check=False)
        except (OSError, subprocess.TimeoutExpired):
            return usual
        return str(world.interpreter) if works.returncode == 0 else usual


@cache
def collect_env() -> Path:
    """torch.utils.collect_env as the torch beside this interpreter has it; only its file is read."""
    spec = find_spec("torch")
    if spec is None or spec.origin is None:
        raise SystemExit("install the extra `test`: collect_env is a file of torch")
    return Path(spec.origin).parent / "utils" / "collect_env.py"


def prepare(world: Laid) -> None:
    """Lets the world's torch be imported and asked, where it has one; its RECORD says so."""
    for site in world.site_packages:
        if (site / "torch" / "version.py").is_file():
            (site / "torch" / "__init__.py").unlink(missing_ok=True)
            (site / "torch" / "__init__.py").write_bytes(STAND_IN.read_bytes())
            for record in site.glob("torch-*.dist-info/RECORD"):
                rows = record.read_text(encoding="utf-8").splitlines()
                kept = [_ROW if row.startswith("torch/__init__.py,") else row for row in rows]
                record.write_text("\n".join(kept) + "\n", encoding="utf-8")


def _output(line: list[str], world: Laid, extra: dict[str, str]) -> str:
    kept = {k: v for k, v in os.environ.items() if k in ("HOME", "TMPDIR", "LD_LIBRARY_PATH")}
    plain = {"COLUMNS": "400", "NO_COLOR": "1", "TERM": "dumb", "LANG": "C.UTF-8", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    try:
        done = subprocess.run(
            line,
            cwd=world.root,
            env={**kept, **plain, **world.variables, **extra},
            capture_output=True,
            timeout=DEADLINE,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return (done.stdout + b"\n" + done.stderr).decode("utf-8", "replace")
