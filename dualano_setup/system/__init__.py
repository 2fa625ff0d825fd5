"""Ground: files, children, processes, signals, the bundle's place. Knows nothing of training."""
