"""SEC: reading other people's weights safely."""

from __future__ import annotations

from collections.abc import Iterator

from ..facts.fact import value
from ..language import N_, _
from ..versions import satisfies
from .finding import Verdict, fail
from .pkg.binary import torch_build
from .rule import Context, Rule
from .wording import listing

_SAFE = "2.6"


def _no_unsafe_pickles(context: Context) -> Iterator[Verdict]:
    """The installed torch counts; without an environment, the profile's."""
    model, seen = value(context.sheet.model), value(context.sheet.environment)
    if model is None or not model.exists or not model.pickled:
        return
    build = torch_build(seen) if seen else None
    version = build.version if build else context.profile.packages["torch"]
    if satisfies(version, f">={_SAFE}"):
        return
    files = listing(model.pickled, 3)
    yield fail(
        _(
            "a pickle can run any program; torch.load(weights_only=True) does not prevent it before torch {safe} "
            "(CVE-2025-32434)",
            safe=_SAFE,
        ),
        title=_("torch {version} would unpickle {files}", version=version, files=files),
        evidence=model.path,
        cure=_(
            "Convert the weights to safetensors, once, with a newer torch or a tool that never unpickles; or "
            "download the safetensors files of the same model."
        ),
        subject=model.path,
    )


RULES = (
    Rule(
        "SEC001",
        N_("No pickled weights for a torch whose safe loader is not safe"),
        _no_unsafe_pickles,
        needs=("model",),
        repairable=True,
    ),
)
