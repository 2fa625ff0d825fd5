"""Latents of the training images: encoded once per image and flip, then the VAE is freed.

The VAE's result is a Gaussian whose mean and deviation depend on the picture alone, so keeping them and
drawing anew each step is exactly what encoding each step does.
"""

from __future__ import annotations

from typing import Literal

#: Pictures of one sample, in the order in which upstream encodes them; `dual` has no condition.
PICTURES = {"bcm": ("image", "condition", "foreground"), "dual": ("image", "foreground")}


Variant = Literal["bcm", "dual"]


#: Frame 0 is the whole image, frame 1 the anomaly part.
FRAMES = 2


#: Inner width of the condition map, whatever the layer's width (a fact of the method).
CONDITION_WIDTH = 320
