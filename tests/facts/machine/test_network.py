"""Addresses that answer, and every way of not answering told apart; with real sockets on the loopback."""

from __future__ import annotations

import http.server
import shutil
import socket
import ssl
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from dualano_setup.facts.fact import Absent, Known
from dualano_setup.facts.machine.network import DEFAULT_INDEX, ask_address, failure_in, probe
from dualano_setup.facts.sheet import IndexConfig, Installers
from dualano_setup.knowledge.profile import Index, Profile
from dualano_setup.settings.options import Settings

NOBODY = IndexConfig()


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers by the path: /403/... with that status, /slow with silence, everything else with a page."""

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        if self.path.startswith("/slow"):
            self.server.stop.wait(20)
            return
        code = self.path.split("/")[1]
        self.send_response(int(code) if code.isdigit() else 200)
        self.end_headers()

    def do_CONNECT(self) -> None:
        self.send_response(403, "Forbidden")
        self.end_headers()

    def log_message(self, *arguments) -> None:
        pass


@pytest.fixture
def server():
    made = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.asked, made.stop = [], threading.Event()
    threading.Thread(target=made.serve_forever, daemon=True).start()
    yield made
    made.stop.set()
    made.shutdown()
    made.server_close()


@pytest.fixture(autouse=True)
def _no_surroundings(monkeypatch):
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)


def base(server) -> str:
    return f"http://127.0.0.1:{server.server_port}"


def profile(*indexes: Index) -> Profile:
    return Profile("p", "", "", "", "", {"numpy": "1.26.4"}, indexes=indexes)


def look(tmp_path, *indexes: Index, installers=None, variables=None, deadline=10.0, **settings):
    installers = installers or Installers(pip=NOBODY, uv=NOBODY)
    made = Settings(project=tmp_path, **settings)
    return probe(made, profile(*indexes), installers, variables=variables or {}, deadline=deadline)


def test_an_index_is_asked_for_one_of_its_packages(server, tmp_path):
    fact = look(tmp_path, Index("torch", base(server) + "/whl/", packages=("torch",)), Index("d", base(server) + "/s"))
    assert isinstance(fact, Known)
    assert [(a.url, a.ok) for a in fact.value.indexes] == [(base(server) + "/whl/", True), (base(server) + "/s", True)]
    assert sorted(server.asked) == ["/s/numpy/", "/whl/torch/"]
    assert fact.value.hub is None


def test_a_find_links_page_is_asked_itself(server, tmp_path):
    look(tmp_path, Index("t", base(server) + "/whl/torch/", "find-links", ("torch",)))
    assert server.asked == ["/whl/torch/"]


@pytest.mark.parametrize("status", [403, 404, 500])
def test_http_errors_carry_their_number(server, status):
    answer = ask_address(f"{base(server)}/{status}/x", NOBODY)
    assert (answer.ok, answer.failure) == (False, f"http {status}")


def test_a_closed_port_is_refused():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert ask_address(f"http://127.0.0.1:{port}/", NOBODY).failure == "refused"


def test_an_unknown_name_is_dns():
    assert ask_address("http://no-such-host.invalid/simple/", NOBODY).failure == "dns"


def test_a_proxy_that_refuses_is_the_proxys_fault(server):
    answer = ask_address("https://index.invalid/simple/", IndexConfig(proxy=base(server)))
    assert (answer.ok, answer.failure) == (False, "proxy")
    gone = ask_address("https://index.invalid/simple/", IndexConfig(proxy="http://no-such-proxy.invalid:3128"))
    assert gone.failure == "proxy"


def test_an_address_that_no_proxy_names_is_asked_without_it(server, monkeypatch):
    """A mirror in the house, and a proxy to the outside that does not know it."""
    through = IndexConfig(proxy="http://127.0.0.1:9")
    assert ask_address(f"{base(server)}/simple/", through).failure == "proxy"
    monkeypatch.setenv("NO_PROXY", "localhost,127.0.0.1")
    assert ask_address(f"{base(server)}/simple/", through).ok


def test_silence_is_a_timeout_within_the_deadline(server, tmp_path):
    fact = look(tmp_path, Index("slow", base(server) + "/slow", "find-links"), deadline=0.7)
    assert isinstance(fact, Known)
    (answer,) = fact.value.indexes
    assert (answer.ok, answer.failure) == (False, "timeout")


@pytest.mark.skipif(not shutil.which("openssl"), reason="makes a certificate with openssl")
def test_a_certificate_nobody_knows_and_a_bundle_that_is_not_there(tmp_path):
    key, certificate = self_signed(tmp_path)
    made = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.asked, made.stop = [], threading.Event()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    made.socket = context.wrap_socket(made.socket, server_side=True)
    threading.Thread(target=made.serve_forever, daemon=True).start()
    url = f"https://localhost:{made.server_port}/simple/"
    try:
        assert ask_address(url, NOBODY).failure == "certificate"
        assert ask_address(url, IndexConfig(cert=str(tmp_path / "gone.pem"))).failure == "certificate"
        assert ask_address(url, IndexConfig(cert=str(certificate))).ok
        assert ask_address(url, IndexConfig(trusted_hosts=("localhost",))).ok
    finally:
        made.shutdown()
        made.server_close()


def self_signed(folder: Path) -> tuple[Path, Path]:
    key, certificate = folder / "key.pem", folder / "cert.pem"
    line = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "2",
    ]
    line += ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    subprocess.run([*line, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True)
    return key, certificate


def test_folders_are_looked_at_on_disk(tmp_path):
    (tmp_path / "my index").mkdir()
    fact = look(tmp_path, Index("a", f"file://{tmp_path}/my%20index"), Index("b", f"file://{tmp_path}/gone"))
    assert isinstance(fact, Known)
    there, gone = fact.value.indexes
    assert there.ok is False, "an index folder without the package serves nothing"
    assert (gone.ok, gone.failure) == (False, "missing")
    (tmp_path / "my index/numpy").mkdir()
    fact = look(tmp_path, Index("a", f"file://{tmp_path}/my%20index"), Index("b", str(tmp_path), "find-links"))
    assert isinstance(fact, Known)
    assert [answer.ok for answer in fact.value.indexes] == [True, True]


def test_the_users_own_index_stands_in_for_the_default(server, tmp_path):
    installers = Installers(pip=IndexConfig(index_url=base(server) + "/mine"), uv=NOBODY)
    look(tmp_path, Index("default", ""), installers=installers)
    assert server.asked == ["/mine/numpy/"]


UV = """#!{python} -IS
import sys
sys.stderr.write({words!r})
sys.exit({status})
"""


@pytest.mark.parametrize(
    ("words", "status", "failure"),
    [
        ("Resolved 1 package", 0, ""),
        ("error: Failed to fetch: `x`\n  Caused by: dns error: failed to lookup address information", 2, "dns"),
        ("error: HTTP status client error (403 Forbidden) for url (x)", 2, "http 403"),
        ("error: invalid peer certificate: UnknownIssuer", 2, "certificate"),
        ("error: tcp connect error: Connection refused (os error 111)", 2, "refused"),
        ("error: operation timed out", 2, "timeout"),
        ("error: tunnel error: unsuccessful", 2, "proxy"),
    ],
)
def test_an_index_that_nobody_named_is_asked_through_uv(tmp_path, words, status, failure):
    (tmp_path / "uv").write_text(UV.format(python=sys.executable, words=words, status=status))
    (tmp_path / "uv").chmod(0o755)
    installers = Installers(pip=NOBODY, uv=NOBODY, uv_path=str(tmp_path / "uv"))
    fact = look(tmp_path, Index("default", ""), installers=installers)
    assert isinstance(fact, Known)
    (answer,) = fact.value.indexes
    assert (answer.url, answer.ok, answer.failure) == (DEFAULT_INDEX, status == 0, failure)


def test_the_real_uv_takes_our_question(server, tmp_path):
    """Against an index that answers 404 to everything: uv must get as far as asking, and say so.

    No Python is on the PATH: whether the index answers is no question of interpreters.
    """
    from dualano_setup.facts.installers.probe import find_uv

    found = find_uv({"HOME": str(tmp_path), "PATH": ""})
    assert found is not None
    variables = {"HOME": str(tmp_path), "PATH": "", "UV_DEFAULT_INDEX": base(server) + "/404"}
    fact = look(tmp_path, Index("d", ""), installers=Installers(NOBODY, NOBODY, uv_path=found), variables=variables)
    assert isinstance(fact, Known)
    assert not fact.value.indexes[0].ok
    assert server.asked == ["/404/pip/"]
    assert "interpreter" not in fact.value.indexes[0].detail
    assert subprocess.run([found, "pip", "compile", "--help"], capture_output=True, check=True).stdout


def test_the_hub_is_asked_only_while_the_model_is_not_there(server, tmp_path):
    variables = {"HF_ENDPOINT": base(server) + "/"}
    fact = look(tmp_path, model=tmp_path / "model", variables=variables)
    assert isinstance(fact, Known)
    assert fact.value.hub is not None
    assert fact.value.hub.ok
    (tmp_path / "model").mkdir()
    fact = look(tmp_path, model=tmp_path / "model", variables=variables)
    assert isinstance(fact, Known)
    assert fact.value.hub is None


def test_offline_opens_no_socket_and_says_so(server, tmp_path, monkeypatch):
    monkeypatch.setattr(socket, "socket", None)
    fact = look(tmp_path, Index("a", base(server)), offline=True, model=tmp_path / "model")
    assert isinstance(fact, Absent)
    assert "offline" in fact.reason
    assert server.asked == []


def test_words_that_say_nothing_known_are_unreachable():
    assert failure_in("something else altogether") == "unreachable"
