"""The worlds, one module for each part of a machine that breaks."""
