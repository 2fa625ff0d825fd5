"""Facts: what is there. Read-only probes that never judge; see `sheet` for what they can say."""
