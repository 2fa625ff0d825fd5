"""Facts of the method that several rooms share, the memory prediction among them: standard library only."""

from __future__ import annotations

from typing import Literal

#: `bcm` with the background module, `dual` without.
Variant = Literal["bcm", "dual"]
#: Frame 0 is the whole image, frame 1 the anomaly part.
FRAMES = 2
#: Pictures of one sample, in the order in which upstream encodes them; `dual` has no condition.
PICTURES = {"bcm": ("image", "condition", "part"), "dual": ("image", "part")}
#: Inner width of the condition map, whatever the layer's width.
CONDITION_WIDTH = 320
#: Tokens of a prompt, padded.
TOKENS = 77
#: Rows that the feed-forward treats at a time under gradient checkpointing: enough to fill a GPU, few enough that
#: its intermediate results take little memory.
FEED_FORWARD_PORTION = 2048
