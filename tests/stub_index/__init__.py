"""Stub wheels and a local package index, for real installers to work on without a network.

wheels = [StubWheel("torch", "2.2.0+cu118", requires=("numpy",)), StubWheel("numpy", "1.26.4")]
write_index(folder, wheels)             # folder/simple/<name>/index.html and folder/files/*.whl
with serve(folder) as url:              # http://127.0.0.1:PORT/; f"{url}simple/" is the index
    ... find_links_page(url, "torch")   # the page that serves torch alone
"""

from tests.stub_index.index import find_links_page, write_index
from tests.stub_index.server import Gate, serve
from tests.stub_index.wheel import StubWheel, write_wheel

__all__ = ["Gate", "StubWheel", "find_links_page", "serve", "write_index", "write_wheel"]
