"""Pictures on disk into batches and latents; nothing here is random that a step's number does not fix."""
