"""Rules about GPUs: driver, visibility, memory. Pure."""
