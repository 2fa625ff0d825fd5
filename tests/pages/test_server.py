"""The server: loopback, token, bounds; and the pages that follow a run."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from dualano_setup.errors import UsageError, WorkError
from dualano_setup.pages.live import WatchSite
from dualano_setup.pages.review_site import ReviewSite
from dualano_setup.pages.server import MOST_AT_ONCE, listen
from dualano_setup.pages.source import source_of
from dualano_setup.settings.options import Settings
from tests.pages.made_up import made_up_run


@contextmanager
def serving(site):
    server = listen(site, None)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def ask(server, path, method="GET", *, token=None, body=None, **headers):
    """(status, body) of `/<token>/<path>`."""
    connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=20)
    token = server.token if token is None else token
    connection.request(
        method, f"/{token}/{path}", body, {name.replace("_", "-"): text for name, text in headers.items()}
    )
    answer = connection.getresponse()
    return answer.status, answer.read()


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("project")
    made_up_run(folder, steps=300, pairs=6)
    return folder


@pytest.fixture
def server(project):
    with serving(WatchSite(Settings(project, offline=True))) as one:
        yield one


RUN = "run/20261120-101500-bottle-scratch"


def test_only_the_loopback_and_only_with_the_token(server):
    assert server.server_address[0] == "127.0.0.1"
    assert ask(server, RUN)[0] == 200
    assert len(server.token) >= 20
    for token in ("", "x", server.token[:-1], server.token + "x", "..", "%00"):
        status, body = ask(server, RUN, token=token)
        assert (status, body) == (404, b"nothing here\n")
    assert ask(server, RUN, Host="evil.example:80")[0] == 404
    assert ask(server, RUN, Host="localhost:9999")[0] == 200  # through ssh -L


@pytest.mark.parametrize(
    "path", ["run/other", "run/../../x", "../x", "campaign/none", RUN + "/other", "run/", "%2e%2e"]
)
def test_nothing_else_is_there(server, path):
    assert ask(server, path)[0] == 404


def test_it_is_read_only(server):
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        assert ask(server, RUN, method, body=b"x", X_Key="")[0] in (404, 501)
    assert ask(server, RUN, "POST", body=b"", Content_Length="99999999")[0] == 413


def test_a_page_names_what_is_new(server, project):
    state = json.loads(ask(server, RUN + "/live?have=")[1])
    assert set(state["sections"]) == {"verdict", "curve", "sheets", "pairs", "evaluation", "facts"}
    have = ",".join(f"{name}-{part['key']}" for name, part in state["sections"].items())
    assert json.loads(ask(server, RUN + "/live?have=" + have)[1])["sections"] == {}
    with (project / "outputs" / RUN[4:] / "metrics.jsonl").open("a") as stream:
        stream.write('{"step": 301, "loss": 0.5, "lr": 1e-5, "grad_norm": 1.0, "seconds": 0.05}\n')
    end, news = time.monotonic() + 30, {}
    while not news and time.monotonic() < end:
        news = json.loads(ask(server, RUN + "/live?have=" + have)[1])["sections"]
        time.sleep(0.2)
    assert "curve" in news
    assert "pairs" not in news
    assert ">301" in ask(server, RUN)[1].decode() or ", 301]" in ask(server, RUN)[1].decode()


def test_two_hundred_requests_a_second_do_not_end_it(server):
    """And the page is made once, not two hundred times."""
    ask(server, RUN)
    began = time.monotonic()
    with ThreadPoolExecutor(16) as pool:
        told = list(pool.map(lambda _: ask(server, RUN + "/live?have=")[0], range(200)))
    assert told == [200] * 200
    assert time.monotonic() - began < 10
    assert ask(server, "")[0] == 200


def test_idle_connections_do_not_shut_others_out(server):
    idle = [socket.create_connection(server.server_address) for _ in range(MOST_AT_ONCE + 20)]
    for one in idle:
        one.close()
    end = time.monotonic() + 10
    status = 0
    while status != 200 and time.monotonic() < end:
        try:
            status = ask(server, "")[0]
        except OSError:
            time.sleep(0.1)
    assert status == 200


def test_a_port_in_use_gets_a_clear_error(server, project):
    with pytest.raises(WorkError, match=f"port {server.server_address[1]} cannot be listened on .*--port N"):
        listen(WatchSite(Settings(project)), server.server_address[1])
    with serving(WatchSite(Settings(project))) as other:  # without a port, a free one
        assert other.server_address[1] != server.server_address[1]


def test_review_writes_only_with_its_key(project):
    site = ReviewSite(source_of(Settings(project), None))
    with serving(site) as server:
        assert json.loads(ask(server, "pairs")[1])["total"] == 6
        assert ask(server, "decide?index=0&verdict=rejected", "POST", body=b"")[0] == 404
        assert ask(server, "decide?index=0&verdict=rejected", "POST", body=b"", X_Key="wrong")[0] == 404
        assert json.loads(ask(server, "pairs")[1])["reviewed"] == 0
        told = json.loads(ask(server, "decide?index=0&verdict=rejected", "POST", body=b"", X_Key=site.key)[1])
        assert (told["reviewed"], told["accepted"], told["changed"]) == (1, 4, 0)
        assert json.loads(ask(server, "undo", "POST", body=b"", X_Key=site.key)[1])["reviewed"] == 0
        assert (
            "no pair 99"
            in ask(server, "decide?index=99&verdict=rejected", "POST", body=b"", X_Key=site.key)[1].decode()
        )
        for path in ("decide?index=0&verdict=x", "decide?index=x", "mask?index=0", "other"):
            assert ask(server, path, "POST", body=b"", X_Key=site.key)[0] == 404
        assert ask(server, "picture/0/image")[1].startswith(b"\x89PNG")
        for path in ("picture/99/image", "picture/0/../image", "picture/0/fg", "picture/-1/image", "manifest.jsonl"):
            assert ask(server, path)[0] == 404


def test_a_run_without_pairs_cannot_be_reviewed(tmp_path):
    made_up_run(tmp_path, steps=20, pairs=0)
    with pytest.raises(UsageError, match="no generated pairs"):
        ReviewSite(source_of(Settings(tmp_path), None))
