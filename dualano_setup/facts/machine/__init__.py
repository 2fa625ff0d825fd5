"""The machine: system, disk, GPUs, driver, network.

Looks only; whatever could hang is asked in a child with a deadline.
"""
