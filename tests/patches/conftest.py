"""The invented shop of tests/patching serves here too."""

from tests.patching.conftest import checkout, patches, read_patches  # noqa: F401
