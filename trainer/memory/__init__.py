"""`python -m trainer.memory`: what a training will need, from numbers alone.

Standard library only: the doctor loads it too.
"""
