"""The bundled DualAnoDiff trainer: two interrelated diffusion frames on stock diffusers."""
