"""Speed: Triton kernels named by their operation, each beside its form in PyTorch's own operations, and CUDA graphs.

Knows no model.
"""
