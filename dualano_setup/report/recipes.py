"""A profile as a plan that others can run: Dockerfile, Apptainer definition, uv and pip files, conda, a notebook.

Each names every distribution of the lock and each index, and serves PyTorch's packages from PyTorch's own pages. Pages
that a profile does not need (`required` false) are left out: the default index has other builds of the same versions.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable

from ..knowledge.profile import Profile
from ..language import _

_BASE = "python:{python}-slim"
_LIBRARIES = "libglib2.0-0 libgomp1"  # what OpenCV and torch load beside Python in a slim image


def recipe(profile: Profile, form: str, python: str | None = None) -> str:
    """The plan in that form, one of FORMS. Raises KeyError when the profile has no lock for that Python."""
    return FORMS[form](profile, ".".join((python or profile.python_preferred).split(".")[:2]))


def requirement_lines(profile: Profile, python: str) -> list[str]:
    """The lines of a requirements file: where from, then every pin of the lock."""
    pages = [
        f"--find-links {index.url}" if index.kind == "find-links" else f"--extra-index-url {index.url}"
        for index in profile.indexes
        if index.url and index.required
    ]
    return pages + [f"{name}=={version}" for name, version in sorted(profile.locked(python).items())]


def _about(profile: Profile, python: str) -> list[str]:
    rows = [_("Profile {name} of dualano-setup: {title}", name=profile.name, title=_(profile.title))]
    rows.append(_("Python {python}; tables looked at on {date}", python=python, date=profile.checked))
    if profile.cuda:
        rows.append(
            _("CUDA {cuda}: NVIDIA driver {least} or newer on the host", cuda=profile.cuda, least=profile.driver_min)
        )
    return [f"# {row}" for row in rows]


def _pip(profile: Profile, python: str) -> str:
    file = f"requirements-{profile.name}.txt"
    how = [
        f"#   dualano-doctor profile {profile.name} --as pip > {file}",
        f"#   python{python} -m venv env && env/bin/pip install -r {file}",
    ]
    return _text([*_about(profile, python), *how, *requirement_lines(profile, python)])


def _uv(profile: Profile, python: str) -> str:
    rows = [
        "#!/bin/sh",
        *_about(profile, python),
        "set -eu",
        "env=${1:-env}",
        f'uv venv --python {python} "$env"',
        "uv pip install --python \"$env/bin/python\" -r /dev/stdin <<'PINS'",
        *requirement_lines(profile, python),
        "PINS",
        'uv pip check --python "$env/bin/python"',
    ]
    return _text(rows)


def _conda(profile: Profile, python: str) -> str:
    file = f"environment-{profile.name}.yml"
    rows = [
        *_about(profile, python),
        f"#   dualano-doctor profile {profile.name} --as conda > {file}",
        f"#   conda env create -f {file}",
        f"name: dualano-{profile.name}",
        "channels:",
        "  - conda-forge",
        "dependencies:",
        f"  - python={python}",
        "  - pip",
        "  - pip:",
        *(f'      - "{line}"' for line in requirement_lines(profile, python)),
    ]
    return _text(rows)


def _install(profile: Profile, python: str, joint: str) -> str:
    words = [word for line in requirement_lines(profile, python) for word in _words(line)]
    return joint.join(["pip install --no-cache-dir", *words])


def _words(line: str) -> list[str]:
    return [line] if line.startswith("--") else [shlex.quote(line)]


def _dockerfile(profile: Profile, python: str) -> str:
    gpu = "--gpus all " if profile.cuda else ""
    rows = [
        *_about(profile, python),
        f"#   dualano-doctor profile {profile.name} --as dockerfile > Dockerfile",
        "#   docker build -t dualano .",
        f'#   docker run --rm -it {gpu}--shm-size 2g -v "$PWD":/work dualano',
        f"FROM {_BASE.format(python=python)}",
        "RUN apt-get update \\",
        f"    && apt-get install -y --no-install-recommends git {_LIBRARIES} \\",
        "    && rm -rf /var/lib/apt/lists/*",
        f"RUN {_install(profile, python, chr(10).join((' ' + chr(92), '    ')))}",
        "WORKDIR /work",
        'CMD ["bash"]',
    ]
    return _text(rows)


def _apptainer(profile: Profile, python: str) -> str:
    gpu = "--nv " if profile.cuda else ""
    rows = [
        *_about(profile, python),
        f"#   dualano-doctor profile {profile.name} --as apptainer > dualano.def",
        "#   apptainer build dualano.sif dualano.def",
        f"#   apptainer shell {gpu}dualano.sif",
        "Bootstrap: docker",
        f"From: {_BASE.format(python=python)}",
        "",
        "%post",
        "    apt-get update",
        f"    apt-get install -y --no-install-recommends git {_LIBRARIES}",
        "    rm -rf /var/lib/apt/lists/*",
        f"    {_install(profile, python, ' ' + chr(92) + chr(10) + '        ')}",
        "",
        "%environment",
        "    export PYTHONNOUSERSITE=1",
    ]
    return _text(rows)


def _colab(profile: Profile, python: str) -> str:
    """A notebook of plain Python: no magics, so that any kernel runs it, and a test too."""
    pins = "\n".join(requirement_lines(profile, python))
    about = "\n".join(row.removeprefix("# ") for row in _about(profile, python))
    make = (
        "import os, subprocess, sys\n"
        'ENV = os.environ.get("DUALANO_ENV", "/content/env")\n'
        f'PINS = """\\\n{pins}\n"""\n\n'
        "def run(*words, **more):\n"
        '    print("$", *words, flush=True)\n'
        "    subprocess.run(words, check=True, text=True, **more)\n\n"
        'run(sys.executable, "-m", "pip", "install", "-q", "uv")\n'
        f'run(sys.executable, "-m", "uv", "venv", "--python", "{python}", ENV)\n'
        'run(sys.executable, "-m", "uv", "pip", "install", "--python", f"{ENV}/bin/python", "-r", "/dev/stdin", '
        "input=PINS)\n"
    )
    show = 'run(f"{ENV}/bin/python", "-c", "import torch; print(torch.__version__, torch.cuda.is_available())")\n'
    cells = [_cell("markdown", f"# dualano-setup: {profile.name}\n\n{about}"), _cell("code", make), _cell("code", show)]
    metadata = {
        "accelerator": "GPU" if profile.cuda else "NONE",
        "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
        "language_info": {"name": "python"},
    }
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": cells}, indent=1) + "\n"


def _cell(kind: str, source: str) -> dict[str, object]:
    cell: dict[str, object] = {"cell_type": kind, "id": f"{kind}-{len(source)}", "metadata": {}}
    return {**cell, "source": source.splitlines(keepends=True)} | (
        {"execution_count": None, "outputs": []} if kind == "code" else {}
    )


def _text(rows: list[str]) -> str:
    return "\n".join(rows) + "\n"


FORMS: dict[str, Callable[[Profile, str], str]] = {
    "dockerfile": _dockerfile,
    "apptainer": _apptainer,
    "uv": _uv,
    "pip": _pip,
    "conda": _conda,
    "colab": _colab,
}
