"""One problem, told by several versions of a tool; and what real tools print beside it."""

from __future__ import annotations

import pytest

from dualano_setup.explain.read import explain_bytes


@pytest.mark.parametrize(
    ("log", "named"),
    [
        ("ERROR: No matching distribution found for opencv-python-headless==.7.0.72", "pip-bad-version-token"),
        (
            "ERROR: Could not find a version that satisfies the requirement tensorboard==.15.0 (from versions: 1.6.0)",
            "pip-bad-version-token",
        ),
        ("RuntimeError: mat1 and mat2 must have the same dtype, but got BFloat16 and Float", "dtype-mat1-mat2"),
        (
            "RuntimeError: expected m1 and m2 to have the same dtype, but got: float != c10::BFloat16",
            "dtype-m1-m2",
        ),
        ("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.", "cuda-oom"),
        ("RuntimeError: CUDA error: out of memory", "cuda-oom"),
        ("ERROR: No matching distribution found for torchvision==0.15.2+cu118", "pip-local-cuda-version"),
        ("ImportError: libcudart.so.13: cannot open shared object file: No such file", "libcudart-missing"),
        ("NVIDIA H100 with CUDA capability sm_90 is not compatible with the current PyTorch installation.",
         "sm-not-compatible"),
        ("/env/bin/python: No module named accelerate.commands.launch", "launcher-missing"),
        ("AttributeError: module 'torch' has no attribute 'xpu'", "diffusers-newer-than-torch"),
    ],
)  # fmt: skip
def test_other_wordings(log, named):
    explanation = explain_bytes(log.encode() + b"\n")
    assert explanation.root is not None
    assert explanation.root.seen.signature.id == named


@pytest.mark.parametrize(
    "log",
    [
        "E       RuntimeError: Numpy is not available",
        "FAILED tests/test_x.py::test_y - ModuleNotFoundError: No module named 'distutils'",
        "    raise ValueError('Attempting to unscale FP16 gradients.')",
        "INFO connecting: Address already in use, trying the next port",
        "ERROR: could not write to file: No space left on device",
        "urllib3.exceptions.MaxRetryError: HTTPSConnectionPool(host='api.example.org', port=443): Max retries exceeded",
        "nginx: [emerg] bind() to 0.0.0.0:80 failed (98: Address already in use)",
        "Killed process 4711 (java) total-vm:1234kB",
        "werkzeug.exceptions.Unauthorized: 401 Unauthorized",
    ],
)
def test_words_of_others_name_no_known_failure(log):
    explanation = explain_bytes(log.encode() + b"\n")
    assert all(named.seen.signature.general for named in explanation.problems)
    assert not explanation.notices
