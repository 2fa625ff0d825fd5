"""Whether the tensors of a file are those that a model needs."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from ..errors import TrainerError


def check_tensors(values: Mapping[str, Tensor], expected: Mapping[str, tuple[int, ...]]) -> None:
    """Fail unless `values` holds exactly the expected names and shapes.

    Raises:
        TrainerError: says what differs and what usually causes it.
    """
    missing = [name for name in expected if name not in values]
    extra = [name for name in values if name not in expected]
    if missing or extra:
        examples = ", ".join([f"missing {name}" for name in missing[:2]] + [f"extra {n}" for n in extra[:2]])
        raise TrainerError(
            f"The weights do not fit this model: {len(missing)} of {len(expected)} tensors missing, "
            f"{len(extra)} unknown ({examples}). Check --variant, --train_text_encoder and the base model."
        )
    for name, shape in expected.items():
        if tuple(values[name].shape) != tuple(shape):
            raise TrainerError(
                f"The weights do not fit this model: {name} has shape {tuple(values[name].shape)}, "
                f"expected {tuple(shape)}. Check --rank and the base model."
            )
