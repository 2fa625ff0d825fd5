"""Trains the miniature base model and the judge from nothing, in pieces that go on from each other.

    python -m tools.miniature_base --state FOLDER --out FOLDER [--seconds 560]

For maintainers, on one GPU; not part of the package. It draws pictures (`trainer.miniature.world`), then trains the
VAE, the judge (`benchmarks.quality.judge`) and the UNet with the text encoder, each for its share of seconds. What is
not done when the piece ends is taken up by the next piece with the same `--state`; where that folder is gone, a piece
goes on from `base.safetensors` and `judge.safetensors` of the last one, copied into a new one.
"""
