"""The frozen Stable Diffusion: loading, precision, layers that need no gradient. Nothing of DualAnoDiff."""
