"""Findings into actions: one module for each kind of thing repaired. Nothing here changes anything."""
