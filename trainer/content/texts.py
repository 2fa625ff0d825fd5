"""What each verdict says and what to do about it, in English; the doctor's catalogue has them in other languages."""

from __future__ import annotations


def N_(text: str) -> str:  # noqa: N802 - the name that the catalogue's tool knows
    """Marks a text for the doctor's catalogue of messages (tools/messages.py)."""
    return text


#: Kind of verdict -> what was seen (to follow the names), what to do.
TEXTS: dict[str, tuple[str, str]] = {
    "black": (
        N_("black throughout: the mask marks nothing, so there is nothing to learn; white = anomaly"),
        N_("Draw the anomaly in white, or take the image out."),
    ),
    "small-values": (
        N_("no value above 1 or a few: the numbers of classes, not black and white; expected 0 and 255 (white)"),
        N_("Save copies with 0 and 255."),
    ),
    "colours": (
        N_("marks in dark grey or a colour, which count as unmarked: nothing reaches half of white"),
        N_("Save copies in which what is marked is white (255) and the rest black."),
    ),
    "ignored-levels": (
        N_("several grey levels or colours: areas darker than half of white do not count as marked"),
        N_("If they are marks too, save copies in which all that is marked is white (255); if not, make them black."),
    ),
    "white": (
        N_("white throughout: the whole image counts as the anomaly; white = anomaly, black = the rest"),
        N_("Draw the anomaly alone in white, or take the image out."),
    ),
    "inverted": (
        N_("white along the border and over most of the image, as if inverted; white = anomaly, black = the rest"),
        N_("Save inverted copies. Where a real defect is that large, nothing is wrong."),
    ),
    "vanishes": (
        N_("thin or small marks of which nothing is left after the resize to the training resolution"),
        N_("Draw the mask wider, crop the photograph around the defect, or train with a higher resolution."),
    ),
    "thins": (
        N_("thin marks of which less than a fifth is left after the resize to the training resolution"),
        N_("Draw the mask wider, crop the photograph around the defect, or train with a higher resolution."),
    ),
    "outside": (
        N_("marks more than half of which lie outside the square that training cuts out of a long image"),
        N_("Cut the photographs into squares around the defects, with their masks."),
    ),
    "transparent-mask": (
        N_("the shape is in the transparency (alpha), and training looks only at the grey value below it"),
        N_("Save copies without transparency: white where the anomaly is, black elsewhere."),
    ),
    "black-object": (
        N_("object masks black throughout: the object stays in the background condition; white = object"),
        N_("Make the object masks anew, or train without the background module (variant `dual`)."),
    ),
    "white-object": (
        N_("object masks white throughout: the background condition is black; right for textures alone"),
        N_("Where an object stands on a background, make the object masks anew: white = object, black = the rest."),
    ),
    "inverted-object": (
        N_("object masks white along the border, as if inverted; white = object, black = background"),
        N_("Save inverted copies. Where the object really reaches every edge of the image, nothing is wrong."),
    ),
    "transparent-object": (
        N_("cut-outs: the object's shape is in the transparency (alpha), and training looks only at the grey value"),
        N_("Save the shape itself as the mask: white = object, black = background, no transparency."),
    ),
    "grey-object": (
        N_("object masks that are grey: the object is blackened only in part; expected white = object, black = rest"),
        N_("Make the object masks anew, in black and white but for soft edges."),
    ),
    "transparent-photograph": (
        N_("photographs with transparency (alpha): what trains is the colour hidden under it"),
        N_("Save copies without transparency, on the background that you want to train."),
    ),
}
