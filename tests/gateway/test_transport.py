"""The wire below the calls: one connection for many calls, deadlines that hold, proxies, TLS."""

import gzip
import io
import socket
from time import monotonic

import pytest
import requests
from requests.adapters import BaseAdapter
from urllib3 import PoolManager
from urllib3.exceptions import ConnectTimeoutError, MaxRetryError

from cryptopay_django.exceptions import (
    GatewayAnswerError,
    GatewayNotFoundError,
    GatewayTimeoutError,
    GatewayUnreachableError,
)
from cryptopay_django.gateway.transport import DeadlineAdapter

from . import examples
from .server import data, drip, html, raw, silence

OK = b"HTTP/1.1 200 OK\r\n"
SOON = 0.2


@pytest.fixture
def hurried(connect):
    """A client on the real clock with little time for a call."""

    def make(**options):
        return connect(clock=monotonic, sleep=lambda _: None, total_timeout=SOON, **options)

    return make


@pytest.mark.parametrize(
    "script",
    [
        drip(OK + b"X-Slow: ", b"\r\nContent-Length: 12\r\n\r\n" + b'{"data": []}'),
        drip(OK, b'Content-Length: 12\r\n\r\n{"data": []}', piece=b"X: y\r\n"),
        drip(b"", OK + b'Content-Length: 12\r\n\r\n{"data": []}', piece=b"HTTP/1.1 100 Continue\r\n\r\n"),
        drip(OK + b"Connection: close\r\n\r\n", b'{"data": []}', piece=b" "),
        drip(OK + b"Content-Length: 100000\r\n\r\n", b"", piece=b" "),
        drip(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"0\r\n\r\n", piece=b"1\r\n \r\n"),
        drip(
            b"", OK + b'Content-Length: 12\r\n\r\n{"data": []}', piece=b"HTTP/1.1 100 Continue\r\n\r\n" * 1000, wait=0
        ),
        silence,
    ],
    ids=[
        "a header",
        "headers",
        "informational answers",
        "a body",
        "a body of known length",
        "chunks",
        "a flood",
        "silence",
    ],
)
def test_no_drip_outlasts_the_time_for_a_call(script, gateway, hurried):
    gateway.answers(script)

    with pytest.raises(GatewayTimeoutError) as raised:
        hurried().create_refund(examples.INVOICE_ID)

    assert raised.value.outcome_unknown
    assert len(gateway.received) == 1
    assert not gateway.outlasted


def test_packed_drips_do_not_outlast_it_either(gateway, hurried):
    head = OK + b"Content-Encoding: gzip\r\nConnection: close\r\n\r\n"
    gateway.answers(drip(head + gzip.compress(b'{"data": [')[:-8], b""))

    with pytest.raises((GatewayTimeoutError, GatewayAnswerError)):
        hurried().create_refund(examples.INVOICE_ID)

    assert not gateway.outlasted


def test_without_a_timeout_the_adapter_waits_as_the_standard_one_does(gateway):
    gateway.answers(data([]))

    with requests.Session() as session:
        session.mount("http://", DeadlineAdapter())
        assert session.get(gateway.url, timeout=None).json() == {"data": []}


def test_a_socket_has_its_whole_timeout_back_after_an_answer(gateway):
    gateway.answers(data([]))

    with requests.Session() as session:
        session.mount("http://", DeadlineAdapter())
        response = session.get(gateway.url, timeout=5, stream=True)
        connection = response.raw._connection.sock
        during = connection.gettimeout()
        assert response.json() == {"data": []}

        assert during < connection.gettimeout() == 5


def test_calls_share_a_connection(gateway, client):
    gateway.answers(html(404), data([]))

    with pytest.raises(GatewayNotFoundError):
        client.retrieve_customer("nobody")
    client.list_coins()
    client.list_customers()

    assert len({request.connection for request in gateway.received}) == 1


def test_a_connection_that_the_gateway_closed_is_replaced(gateway, client):
    def answer_and_close(handler):
        data([])(handler)
        handler.close_connection = True

    gateway.answers(answer_and_close)

    client.list_coins()
    client.list_coins()

    assert len({request.connection for request in gateway.received}) == 2


def test_a_connection_with_an_unread_answer_is_not_used_again(gateway, client):
    gateway.answers(raw(b" " * 3_000_000), data([]))

    with pytest.raises(GatewayAnswerError):
        client.list_coins()
    client.list_coins()

    assert len({request.connection for request in gateway.received}) == 2


def test_a_netrc_file_does_not_replace_the_signature(gateway, client, tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password something\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    gateway.answers(data([]))

    client.list_coins()

    assert gateway.received[0].headers["Authorization"].startswith("HMAC ")


def test_a_proxy_of_the_environment_is_used(gateway, connect, monkeypatch):
    monkeypatch.setenv("http_proxy", gateway.url)
    gateway.answers(data([]))

    connect("http://gateway.invalid").list_coins()

    assert gateway.received[0].path == "http://gateway.invalid/api/coins"


def test_a_proxy_that_is_not_there_means_nothing_was_sent(connect, monkeypatch):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{taken.getsockname()[1]}")

        with pytest.raises(GatewayUnreachableError):
            connect("http://gateway.invalid").create_refund(examples.INVOICE_ID)


def test_a_proxy_that_refuses_the_tunnel_means_nothing_was_sent(gateway, connect, monkeypatch):
    monkeypatch.setenv("https_proxy", gateway.url)

    with pytest.raises(GatewayUnreachableError):
        connect("https://gateway.invalid").create_refund(examples.INVOICE_ID)


def test_a_socks_proxy_keeps_pools_of_its_own():
    adapter = DeadlineAdapter()
    adapter.proxy_manager["socks5://proxy.invalid"] = manager = PoolManager()
    its_own = manager.pool_classes_by_scheme

    assert adapter.proxy_manager_for("socks5://proxy.invalid").pool_classes_by_scheme is its_own
    assert adapter.poolmanager.pool_classes_by_scheme is not its_own


def test_failed_tls_means_nothing_was_sent(gateway, connect):
    client = connect(gateway.url.replace("http:", "https:"))

    with pytest.raises(GatewayUnreachableError):
        client.create_refund(examples.INVOICE_ID)

    assert not gateway.received


def test_tls_that_never_comes_about_means_nothing_was_sent(connect):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        client = connect(f"https://127.0.0.1:{listening.getsockname()[1]}", connect_timeout=SOON)

        with pytest.raises(GatewayUnreachableError):
            client.create_refund(examples.INVOICE_ID)


class ScriptedAdapter(BaseAdapter):
    """A network in process: raises an error, or gives an answer chunk by chunk."""

    def __init__(self, error=None, read=None):
        super().__init__()
        self.error = error
        self.read = read

    def send(self, request, **options):
        if self.error:
            raise self.error
        response = requests.Response()
        response.status_code = 200
        response.request = request
        response.raw = io.BytesIO()
        response.raw.read = self.read
        return response

    def close(self):
        pass


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (requests.ConnectTimeout(), GatewayUnreachableError),
        (requests.ConnectionError(MaxRetryError(None, "/", ConnectTimeoutError())), GatewayUnreachableError),
        (requests.exceptions.InvalidURL("no"), GatewayUnreachableError),
        (requests.ReadTimeout(), GatewayTimeoutError),
        (requests.ConnectionError(), GatewayTimeoutError),
        (requests.ConnectionError("reset"), GatewayTimeoutError),
        (requests.exceptions.InvalidHeader("theirs or ours"), GatewayTimeoutError),
        (requests.exceptions.SSLError(), GatewayTimeoutError),
        (OSError("broken"), GatewayTimeoutError),
    ],
)
def test_another_adapter_may_fail_in_its_own_words(error, kind, connect):
    client = connect(adapter=ScriptedAdapter(error))

    with pytest.raises(kind):
        client.create_refund(examples.INVOICE_ID)


def test_the_deadline_holds_on_another_adapter_too(connect, time):
    def read(size):
        time.passed += 3
        return b" "

    with pytest.raises(GatewayTimeoutError, match="too long"):
        connect(adapter=ScriptedAdapter(read=read)).create_refund(examples.INVOICE_ID)

    assert time.passed == 12
