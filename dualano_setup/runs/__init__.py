"""A training run is a folder: what was started, what became of it, and the ways to watch and end it."""
