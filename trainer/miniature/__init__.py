"""`python -m trainer.miniature`: a small Stable Diffusion and drawn data for trials and tests. Not needed to train."""
