"""DualAnoDiff and nothing else: frames, attention between them, adapters, objective, sampling.

No file, no flag, no loop.
"""
