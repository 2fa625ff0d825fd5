"""Everything a training imports, for the process that trainings are forked from."""

from diffusers import AutoencoderKL, DDPMScheduler, UNet2DConditionModel  # noqa: F401
from transformers import CLIPTextModel, CLIPTokenizer  # noqa: F401

import trainer.train.run  # noqa: F401
