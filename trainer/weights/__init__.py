"""Adapter files in every form that is read or written. Knows no training."""
