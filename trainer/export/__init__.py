"""Writes generated pairs, and the real images that they are judged on, in the layouts that other tools read."""
