from __future__ import annotations

import os

from dualano_setup.facts.sheet import IndexConfig, Installers
from dualano_setup.installers.user_configuration import user_configuration
from dualano_setup.system.child import scrubbed_environment


def given(pip=None, uv=None):
    return user_configuration(Installers(pip=pip or IndexConfig(), uv=uv or IndexConfig()))


def test_nothing_configured_is_nothing_handed_over():
    result = given()
    assert (result.variables, result.notes, result.no_index) == ({}, (), False)


def test_pip_speaks_to_uv(tmp_path):
    cert = tmp_path / "ca.pem"
    cert.write_text("")
    constraints = tmp_path / "constraints.txt"
    constraints.write_text("")
    result = given(
        IndexConfig(
            index_url="https://user:secret@mirror.example/simple",
            extra_index_urls=("https://extra.example/simple",),
            find_links=(str(tmp_path), "https://wheels.example/"),
            cert=str(cert),
            proxy="proxy.example:3128",
            trusted_hosts=("mirror.example",),
            constraints=(str(constraints),),
        )
    )
    assert result.variables == {
        "UV_DEFAULT_INDEX": "https://user:secret@mirror.example/simple",
        "UV_INDEX": "https://extra.example/simple",
        "UV_INDEX_STRATEGY": "unsafe-first-match",
        "UV_FIND_LINKS": f"{tmp_path},https://wheels.example/",
        "SSL_CERT_FILE": str(cert),
        "HTTP_PROXY": "http://proxy.example:3128",
        "HTTPS_PROXY": "http://proxy.example:3128",
        "ALL_PROXY": "http://proxy.example:3128",
        "UV_INSECURE_HOST": "mirror.example",
    }
    assert result.constraints == (constraints,)
    assert result.notes == ()


def test_local_places_that_do_not_exist_are_passed_over_and_said(tmp_path):
    result = given(
        IndexConfig(extra_index_urls=("file:///not/here/simple", f"file://{tmp_path}"), find_links=("/not/there",))
    )
    assert result.local_indexes == (tmp_path,)
    assert "UV_INDEX" not in result.variables
    assert "UV_FIND_LINKS" not in result.variables
    assert len(result.notes) == 2
    assert "/not/here/simple" in result.notes[0]


def test_uv_s_own_indexes_beat_pip_s():
    result = given(IndexConfig(index_url="https://pip.example/"), IndexConfig(index_url="https://uv.example/"))
    assert result.variables == {"UV_DEFAULT_INDEX": "https://uv.example/"}


def test_installers_start_without_what_redirects_them():
    hostile = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": "/evil",
        "PIP_INDEX_URL": "https://elsewhere.example",
        "UV_INDEX_URL": "https://elsewhere.example",
        "UV_TORCH_BACKEND": "cu118",
        "CONDA_PREFIX": "/conda",
        "VIRTUAL_ENV": "/venv",
        "UV_CACHE_DIR": "/cache",
        "UV_HTTP_TIMEOUT": "300",
        "HTTPS_PROXY": "http://proxy.example",
    }
    kept = scrubbed_environment(hostile)
    assert kept == {
        "PATH": os.environ["PATH"],
        "UV_CACHE_DIR": "/cache",
        "UV_HTTP_TIMEOUT": "300",
        "HTTPS_PROXY": "http://proxy.example",
        "LC_ALL": "C.UTF-8",
    }


def test_a_local_index_is_handed_over_page_by_page(tmp_path):
    """uv takes a release from one index only; pip, and so the user, expects all files of all indexes."""
    (tmp_path / "numpy").mkdir()
    (tmp_path / "numpy" / "index.html").write_text("<a href='x.whl'>x.whl</a>")
    result = given(IndexConfig(extra_index_urls=(f"file://{tmp_path}",)))
    assert result.local_pages(["numpy", "torch"]) == ((tmp_path / "numpy" / "index.html").as_uri(),)
