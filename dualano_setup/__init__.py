"""dualano-setup: looks at a machine, repairs it and launches DualAnoDiff training.

The doctor in this package never imports torch; `docs/architecture.md` is the map.
"""

__version__ = "0.1.0"
