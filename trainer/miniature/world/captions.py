"""What the base model is told of a picture, and all the words that occur in it."""

from __future__ import annotations

from .anomalies import ANOMALIES
from .draws import Draws
from .materials import GROUNDS, SURFACES
from .objects import OBJECTS
from .scene import Picture

_FRAMES = ("a photo of a {thing}", "a {thing}", "{thing}")
#: Words of captions; those of the method's own prompts are in the vocabulary too but in no caption.
CAPTION_WORDS = tuple(
    dict.fromkeys(("a", "photo", "of", "with", "on", "grey", *ANOMALIES, *OBJECTS, *GROUNDS, *SURFACES))
)


def whole_caption(draws: Draws, picture: Picture) -> str:
    """Of a whole picture: the object, mostly its colour and material, its ground, and its anomaly if it has one."""
    look = picture.look
    words = []
    if draws.chance(0.8):
        words.append(look.colour)
    if draws.chance(0.6):
        words.append(look.surface)
    words.append(look.object)
    text = draws.choice(_FRAMES).format(thing=" ".join(words))
    if look.object != "sheet" and draws.chance(0.7):
        text += f" on {look.ground}"
    if picture.kind:
        text += f" with a {picture.kind}"
    return text


def part_caption(draws: Draws, picture: Picture) -> str:
    """Of the anomaly alone on mid-grey."""
    return draws.choice(_FRAMES).format(thing=f"{picture.kind} on grey")
