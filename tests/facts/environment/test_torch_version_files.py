"""torch's own version files, word for word as the wheels on PyPI hold them (seen 2026-11-28)."""

from __future__ import annotations

import pytest

from dualano_setup.facts.environment.builds import read_build

FILES = {
    "2.12.0 of the macOS wheel": """\
from typing import Optional

__all__ = ['__version__', 'debug', 'cuda', 'git_version', 'hip', 'rocm', 'xpu']
__version__ = '2.12.0'
debug = False
cuda: Optional[str] = None
git_version = '7661cd9c6b841b62b7f411aa52ec51f05457263b'
hip: Optional[str] = None
rocm: Optional[str] = None
xpu: Optional[str] = None
""",
    "2.13.0+cpu of the Linux wheel": """\
from typing import Optional

__all__ = ['__version__', 'debug', 'cuda', 'git_version', 'hip', 'rocm', 'xpu']
__version__ = '2.13.0+cpu'
debug = False
cuda: Optional[str] = None
git_version = 'cf30153c4c131c8164ee7798e5022d810682e2cb'
hip: Optional[str] = None
rocm: Optional[str] = None
xpu: Optional[str] = None
""",
    "2.14.1 of the Linux wheel": """\
from typing import Optional

__all__ = ['__version__', 'debug', 'cuda', 'git_version', 'hip', 'rocm', 'xpu']
__version__ = '2.14.1+cu130'
debug = False
cuda: Optional[str] = '13.0'
git_version = '5c4886908584029761b579af026dcfb627c84070'
hip: Optional[str] = None
rocm: Optional[str] = None
xpu: Optional[str] = None
""",
    "2.2.0 of the macOS wheel": """\
from typing import Optional

__all__ = ['__version__', 'debug', 'cuda', 'git_version', 'hip']
__version__ = '2.2.0'
debug = False
cuda: Optional[str] = None
git_version = '8ac9b20d4b090c213799e81acf48a55ea8d437d6'
hip: Optional[str] = None
""",
    "2.6.0 of the macOS wheel": """\
from typing import Optional

__all__ = ['__version__', 'debug', 'cuda', 'git_version', 'hip']
__version__ = '2.6.0'
debug = False
cuda: Optional[str] = None
git_version = '2236df1770800ffea5697b11b0bb0d910b2e59e1'
hip: Optional[str] = None
xpu: Optional[str] = None
""",
    "2.15.0 of the macOS wheel": """\
from typing import Optional

__all__ = ['__version__', 'debug', 'cuda', 'git_version', 'hip', 'rocm', 'xpu']
__version__ = '2.15.0'
debug = False
cuda: Optional[str] = None
git_version = 'd0f2af8b66b20da4baa50644c0cd3f887a2eae2e'
hip: Optional[str] = None
rocm: Optional[str] = None
xpu: Optional[str] = None
""",
}
EXPECTED = {
    "2.12.0 of the macOS wheel": ("2.12.0", None),
    "2.13.0+cpu of the Linux wheel": ("2.13.0+cpu", None),
    "2.14.1 of the Linux wheel": ("2.14.1+cu130", "13.0"),
    "2.2.0 of the macOS wheel": ("2.2.0", None),
    "2.6.0 of the macOS wheel": ("2.6.0", None),
    "2.15.0 of the macOS wheel": ("2.15.0", None),
}


def build_of(folder, text):
    (folder / "torch").mkdir()
    (folder / "torch" / "version.py").write_text(text)
    return read_build([str(folder)], "torch")


@pytest.mark.parametrize("name", FILES)
def test_a_real_version_file(tmp_path, name):
    found = build_of(tmp_path, FILES[name])
    assert found is not None
    assert (found.version, found.cuda, found.hip) == (*EXPECTED[name], None)


@pytest.mark.parametrize("name", [name for name in FILES if "cuda: Optional[str] = None" in FILES[name]])
@pytest.mark.parametrize(("row", "cuda", "hip"), [("cuda", "12.1", None), ("hip", None, "7.2.0")])
def test_the_same_file_of_a_build_for_a_gpu(tmp_path, name, row, cuda, hip):
    said = f"{row}: Optional[str] = "
    found = build_of(tmp_path, FILES[name].replace(f"{said}None", f"{said}'{cuda or hip}'"))
    assert found is not None
    assert (found.cuda, found.hip) == (cuda, hip)
