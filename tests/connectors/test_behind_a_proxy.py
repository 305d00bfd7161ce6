"""A company's own network: requests through its proxy, certificates of its own authority, over real sockets."""

from __future__ import annotations

import base64
import http.server
import ipaddress
import select
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from connectors.context import Context
from connectors.errors import EffectUnknown, Misconfigured, Unreachable
from connectors.http import Http
from connectors.sandbox.clock import VirtualClock
from keepstep.testing.contract.world import MemoryTokens

NAME = "service.test"
SAYS = b'{"name": "M\\u00fcller"}'
PROXY_LOGIN = "ops:very-secret"


class Service(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(SAYS)))
        self.end_headers()
        self.wfile.write(SAYS)

    def do_POST(self) -> None:
        """Hangs up without a word."""
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Says nothing on standard error."""


class Tunnel(http.server.BaseHTTPRequestHandler):
    """A forward proxy that asks for a password and knows one name, whatever a name server would say."""

    server: Proxy

    def do_CONNECT(self) -> None:
        self.server.asked.append(self.path)
        login = base64.b64encode(PROXY_LOGIN.encode()).decode()
        if self.headers.get("Proxy-Authorization") != f"Basic {login}":
            self.send_error(407)
            return
        with socket.create_connection(("127.0.0.1", self.server.behind)) as onward:
            self.send_response(200)
            self.end_headers()
            pair = [self.connection, onward]
            while True:
                ready, _, _ = select.select(pair, [], [], 30)
                for each in ready:
                    data = each.recv(65536)
                    if not data:
                        return
                    pair[1 - pair.index(each)].sendall(data)
                if not ready:
                    return

    def log_message(self, *_: object) -> None:
        """Says nothing on standard error."""


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is what some of these tests are about."""


class Proxy(Server):
    def __init__(self, behind: int) -> None:
        super().__init__(("127.0.0.1", 0), Tunnel)
        self.behind = behind
        self.asked: list[str] = []


@dataclass
class Network:
    """A service behind TLS, a proxy in front of it, and the certificate of the authority that signed."""

    authority: Path
    service: int
    proxy: Proxy

    def through(self, login: str = PROXY_LOGIN) -> str:
        return f"http://{login}@127.0.0.1:{self.proxy.server_port}"


def certificates(folder: Path) -> tuple[Path, Path]:
    """An authority of its own, and a key with a certificate that it signed for ``NAME`` and for loopback."""
    now = datetime.now(UTC)

    def signed(subject: str, key: ec.EllipticCurvePrivateKey, issuer: str, by: ec.EllipticCurvePrivateKey) -> bytes:
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)])
        by_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)])
        names = x509.SubjectAlternativeName([x509.DNSName(NAME), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
        authority = subject == issuer
        usage = x509.KeyUsage(not authority, False, False, False, False, authority, authority, False, False)
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(by_name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=2))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(by.public_key()), critical=False)
        )
        if not authority:
            builder = builder.add_extension(names, critical=False)
        return builder.sign(by, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    root, leaf = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    (folder / "authority.pem").write_bytes(signed("Our Authority", root, "Our Authority", root))
    private = leaf.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "service.pem").write_bytes(private + signed(NAME, leaf, "Our Authority", root))
    return folder / "authority.pem", folder / "service.pem"


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    authority, chain = certificates(tmp_path_factory.mktemp("authority"))
    service = Server(("127.0.0.1", 0), Service)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    service.socket = context.wrap_socket(service.socket, server_side=True, do_handshake_on_connect=False)
    proxy = Proxy(service.server_port)
    for server in (service, proxy):
        threading.Thread(target=server.serve_forever, daemon=True).start()
    yield Network(authority, service.server_port, proxy)
    for server in (service, proxy):
        server.shutdown()
        server.server_close()


@pytest.fixture
def environ(network: Network, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment that says nothing of proxies and authorities."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "requests_ca_bundle", "curl_ca_bundle"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    network.proxy.asked.clear()
    return monkeypatch


def http_of(base_url: str) -> Http:
    return Http(Context("crm", VirtualClock(), MemoryTokens()), base_url)


def test_requests_go_through_the_proxy_and_trust_the_own_authority(
    network: Network, environ: pytest.MonkeyPatch
) -> None:
    environ.setenv("HTTPS_PROXY", network.through())
    environ.setenv("REQUESTS_CA_BUNDLE", str(network.authority))
    assert http_of(f"https://{NAME}").read("GET", "/x").decode(dict[str, str]) == {"name": "Müller"}
    assert network.proxy.asked == [f"{NAME}:443"]


def test_what_the_environment_excepts_goes_straight(network: Network, environ: pytest.MonkeyPatch) -> None:
    environ.setenv("HTTPS_PROXY", network.through())
    environ.setenv("NO_PROXY", "127.0.0.1")
    environ.setenv("REQUESTS_CA_BUNDLE", str(network.authority))
    assert http_of(f"https://127.0.0.1:{network.service}").read("GET", "/x").decode(dict[str, str]) == {
        "name": "Müller"
    }
    assert network.proxy.asked == []


@pytest.mark.parametrize("proxied", [False, True], ids=["straight", "through the proxy"])
def test_an_unknown_authority_is_named_with_the_cure_and_asked_once(
    network: Network, environ: pytest.MonkeyPatch, proxied: bool
) -> None:
    if proxied:
        environ.setenv("HTTPS_PROXY", network.through())
    base = f"https://{NAME}" if proxied else f"https://127.0.0.1:{network.service}"
    with pytest.raises(Misconfigured, match=r"REQUESTS_CA_BUNDLE=") as caught:
        http_of(base).read("GET", "/x")
    assert "self-signed" in str(caught.value) or "unable to get local issuer" in str(caught.value)
    assert len(network.proxy.asked) == proxied
    with pytest.raises(Misconfigured):
        http_of(base).write("POST", "/x", gate=lambda: None)


def test_a_proxy_that_refuses_is_told_without_its_password(network: Network, environ: pytest.MonkeyPatch) -> None:
    environ.setenv("HTTPS_PROXY", network.through("ops:wrong-secret"))
    for ask in (
        lambda: http_of(f"https://{NAME}").read("GET", "/x"),
        lambda: http_of(f"https://{NAME}").write("POST", "/x", gate=lambda: None),
    ):
        with pytest.raises(Unreachable, match="proxy") as caught:
            ask()
        assert "secret" not in str(caught.value)


def test_a_write_to_a_proxy_that_is_not_there_surely_had_no_effect(environ: pytest.MonkeyPatch) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        environ.setenv("HTTPS_PROXY", f"http://127.0.0.1:{closed.getsockname()[1]}")
        with pytest.raises(Unreachable, match="proxy"):
            http_of(f"https://{NAME}").write("POST", "/x", gate=lambda: None)


def test_a_service_that_hangs_up_on_a_write_leaves_its_effect_unknown(
    network: Network, environ: pytest.MonkeyPatch
) -> None:
    environ.setenv("REQUESTS_CA_BUNDLE", str(network.authority))
    with pytest.raises(EffectUnknown):
        http_of(f"https://127.0.0.1:{network.service}").write("POST", "/x", gate=lambda: None)


def test_a_service_without_tls_is_named_with_the_cure_and_asked_once(environ: pytest.MonkeyPatch) -> None:
    with Server(("127.0.0.1", 0), Service) as plain:
        threading.Thread(target=plain.serve_forever, daemon=True).start()
        place = f"127.0.0.1:{plain.server_port}"
        with pytest.raises(Misconfigured, match=f"^{place} answers without TLS; is `http://{place}` meant"):
            http_of(f"https://{place}/v1").read("GET", "/x")
        with pytest.raises(EffectUnknown):
            http_of(f"https://{place}").write("POST", "/x", gate=lambda: None)
        plain.shutdown()
