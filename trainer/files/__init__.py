"""Ground: reading, atomic writing, folders, locks. Knows nothing of pictures or weights."""
