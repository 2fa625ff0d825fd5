"""`python -m trainer.masks`, and the masks of `foreground`: regions in pictures. No network, no training."""
