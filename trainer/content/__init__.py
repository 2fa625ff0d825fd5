"""Which images train, whether a file is whole, and what a mask's numbers mean for a training: numbers in, verdict out.

Standard library only: the doctor loads it too, so that `check` and the trainer say the same of the same files.
"""
