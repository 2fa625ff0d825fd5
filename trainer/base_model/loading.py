"""Loads the frozen model's parts, each with one clear message when it cannot be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..errors import TrainerError

#: Files without which a local model folder is not one, by part.
PART_FILES = {
    "unet": "config.json",
    "vae": "config.json",
    "text_encoder": "config.json",
    "tokenizer": "tokenizer_config.json",
    "scheduler": "scheduler_config.json",
}


def check_model_folder(model: str) -> None:
    """Fail early when a local folder lacks a part.

    Raises:
        TrainerError: names what is missing.
    """
    folder = Path(model)
    if not folder.exists():
        if model.count("/") == 1 and not model.startswith((".", "/", "~")):
            return  # a hub name; the loaders say whether it can be had
        raise TrainerError(
            f"The base model {model} does not exist. Give --pretrained_model_name_or_path a folder with "
            "Stable Diffusion 1.5 in diffusers' layout."
        )
    missing = [f"{part}/{file}" for part, file in PART_FILES.items() if not (folder / part / file).is_file()]
    if missing:
        raise TrainerError(
            f"{model} is not a complete Stable Diffusion folder in diffusers' layout: missing "
            f"{', '.join(missing)}. Download it again, or give the folder above."
        )


class ModelLoader:
    """Loads parts of one base model.

    Args:
        model: folder (or hub name).
        revision: of the hub's repository.
    """

    def __init__(self, model: str, revision: str | None = None) -> None:
        check_model_folder(model)
        self._model, self._revision = model, revision

    def unet(self) -> Any:
        """The frozen UNet, float32 on the CPU."""
        from diffusers import UNet2DConditionModel

        return self._load(UNet2DConditionModel.from_pretrained, "unet")

    def vae(self) -> Any:
        """The frozen autoencoder, float32 on the CPU."""
        from diffusers import AutoencoderKL

        return self._load(AutoencoderKL.from_pretrained, "vae").requires_grad_(False).eval()

    def text_encoder(self) -> Any:
        """The frozen text encoder, float32 on the CPU."""
        from transformers import CLIPTextModel

        return self._load(CLIPTextModel.from_pretrained, "text_encoder").float().eval()

    def tokenizer(self) -> Any:
        """The slow or fast CLIP tokenizer; both give the same numbers."""
        from transformers import CLIPTokenizer

        return self._load(CLIPTokenizer.from_pretrained, "tokenizer")

    def scheduler(self) -> Any:
        """DDPM with the model's betas, whatever sampler the folder names."""
        from diffusers import DDPMScheduler

        return self._load(DDPMScheduler.from_pretrained, "scheduler")

    def _load(self, load: Callable[..., Any], part: str) -> Any:
        """One part, or the reason why not."""
        options = {"revision": self._revision} if self._revision else {}
        try:
            return load(self._model, subfolder=part, **options)
        except Exception as error:  # each library, and each kind of damage, has an error of its own
            lines = str(error).strip().splitlines() or [type(error).__name__]
            raise TrainerError(
                f"Cannot load the {part} of {self._model}: {lines[0]} "
                "Check that the folder is complete and of Stable Diffusion 1.x."
            ) from error


def quieten_libraries() -> None:
    """Keep the libraries' own progress bars and advice out of the log; their errors still come through."""
    import diffusers.utils.logging
    import transformers.utils.logging

    for library in (diffusers.utils.logging, transformers.utils.logging):
        library.set_verbosity_error()
        library.disable_progress_bar()
