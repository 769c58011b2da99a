"""What real servers make of odd requests: the one right status, and nothing stored but what is answered 200.

Where the servers part, it is before the request reaches us; the table says so, server by server.
"""

from __future__ import annotations

import gzip
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field

import pytest
from django.db import connection

from cryptopay_django.testing.factories import callback_headers
from tests.proofs.report import tried
from tests.servers.process import COMMANDS, Site, serving
from tests.servers.raw import BODY, PATH, SIGNATURE, chunked, exchange, request

# The servers of this table keep SQLite, whatever the suite runs on.
pytestmark = pytest.mark.skipif(connection.vendor != "sqlite", reason="tried on SQLite: make test")

CLOSED = None
LIMIT = 256 * 1024


@dataclass(frozen=True)
class Case:
    """What is sent, and what has to come back: `status`, but for servers that differ."""

    status: int | None
    parts: list[bytes]
    differs: dict[str, int | None] = field(default_factory=dict)
    pause: float = 0
    is_ended: bool = False


def one(status: int | None, raw: bytes, *, is_ended: bool = False, **differs: int | None) -> Case:
    return Case(status, [raw], differs, is_ended=is_ended)


def signed(body: bytes, *headers: str, **options: str | None) -> bytes:
    """Return a request with a body of which every byte is signed."""
    return request(*headers, body=body, signature=callback_headers(body)["X-Cryptopay-Signature"], **options)


IN_CHUNKS = ("Transfer-Encoding: chunked",)
MULTIPART = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nb\r\n--x--\r\n'
FORM = b"a=1&b=%zz&" + b"x=y&" * 2000
OVER = b" " * (LIMIT + 1)

SIGNATURES = {
    "a good one": one(200, request()),
    "the header's name in lower case": one(200, request(f"x-cryptopay-signature: {SIGNATURE}", signature=None)),
    "white space around it, which is not part of a header": one(200, request(signature=f"   {SIGNATURE} \t")),
    "none": one(401, request(signature=None)),
    "an empty one": one(401, request(signature="")),
    "upper case": one(401, request(signature=SIGNATURE.upper())),
    "a space in it": one(401, request(signature=f"{SIGNATURE[:32]} {SIGNATURE[32:]}")),
    "too short": one(401, request(signature=SIGNATURE[:-1])),
    "too long": one(401, request(signature=f"{SIGNATURE}0")),
    "with the name of its algorithm": one(401, request(signature=f"sha256={SIGNATURE}")),
    "twice the good one": one(401, request(f"X-Cryptopay-Signature: {SIGNATURE}")),
    "a bad one after the good one": one(401, request(f"X-Cryptopay-Signature: {'0' * 64}")),
    "joined by a comma": one(401, request(signature=f"{SIGNATURE},{SIGNATURE}")),
    "not ASCII": one(401, request(signature="é" * 64)),
    "digits of another script": one(401, request(signature="０" * 64)),
    "folded over two lines": one(
        400, request(f"X-Cryptopay-Signature: {SIGNATURE[:32]}\r\n {SIGNATURE[32:]}", signature=None), uvicorn=401
    ),
    "a NUL in it": one(400, request(signature=f"{SIGNATURE[:10]}\0{SIGNATURE[11:]}")),
    "only under an alias with underscores": one(401, request(f"X_Cryptopay_Signature: {SIGNATURE}", signature=None)),
    "an alias with underscores beside it": one(200, request(f"X_Cryptopay_Signature: {'0' * 64}")),
    "of another account": one(
        401, request(signature=callback_headers(BODY, account="second")["X-Cryptopay-Signature"])
    ),
    "to another account": one(401, request(path=f"{PATH}second/")),
    "to the body before it was compressed": one(401, request("Content-Encoding: gzip", body=gzip.compress(BODY))),
}
BODIES = {
    "no content type": one(200, request(content_type=None)),
    "a form": one(200, signed(FORM, content_type="application/x-www-form-urlencoded")),
    "multipart": one(200, signed(MULTIPART, content_type="multipart/form-data; boundary=x")),
    "multipart without its boundary": one(200, signed(MULTIPART, content_type="multipart/form-data")),
    "charset utf-16": one(200, request(content_type="application/json; charset=utf-16")),
    "a charset that there is not": one(200, request(content_type='application/x-www-form-urlencoded; charset="klingon')),
    "compressed, and signed so": one(200, signed(gzip.compress(BODY), "Content-Encoding: gzip")),
    "empty and signed": one(200, signed(b"")),
    "empty": one(401, request(body=b"")),
    "as large as may be": one(200, signed(b" " * LIMIT)),
    "too large": one(413, signed(OVER)),
    "too large and unsigned": one(413, request(body=OVER)),
    "drop by drop": Case(200, [request()[start : start + 40] for start in range(0, len(request()), 40)], pause=0.02),
    "announced, and waited for": one(200, request("Expect: 100-continue")),
    "with an expectation that nobody knows": one(200, request("Expect: 200-ok"), gunicorn=417),
    "in chunks": one(200, request(*IN_CHUNKS, length=None, body=chunked(BODY))),
    "in chunks, too large": one(413, request(*IN_CHUNKS, length=None, body=chunked(OVER, 65536))),
    "in chunks, changed": one(401, request(*IN_CHUNKS, length=None, body=chunked(BODY.replace(b"nobody", b"nobodY")))),
    "in chunks and with a length": one(
        200, request(*IN_CHUNKS, length="5", body=chunked(BODY)), gunicorn=400
    ),
    "in chunks that are none": one(
        400, request(*IN_CHUNKS, length=None, body=b"zz\r\nabc\r\n0\r\n\r\n"), granian=500
    ),
    "in chunks, broken off": one(
        400, request(*IN_CHUNKS, length=None, body=chunked(BODY)[:-30]), is_ended=True, uvicorn=CLOSED, granian=500
    ),
    "compressed on the way": one(
        401, request("Transfer-Encoding: gzip, chunked", length=None, body=chunked(gzip.compress(BODY))), uvicorn=400
    ),
    "longer than it says": one(401, request(length="10")),
    "shorter than it says, and broken off": one(
        400, request(length=str(len(BODY) + 1), body=BODY[:-1]), is_ended=True, gunicorn=401, uvicorn=CLOSED, granian=500
    ),
    "of a length below nothing": one(400, request(length="-1")),
    "of two lengths": one(400, request("Content-Length: 7")),
    "of a length in words": one(400, request(length="many")),
    "of a length with a sign": one(400, request(length=f"+{len(BODY)}")),
    "of no length": one(401, request(length=None)),
}  # fmt: skip
ROADS = {
    "GET": one(405, request(method="GET", body=b"")),
    "HEAD": one(405, request(method="HEAD", body=b"")),
    "PUT": one(405, request(method="PUT")),
    "OPTIONS": one(405, request(method="OPTIONS")),
    "TRACE": one(405, request(method="TRACE")),
    "a method of nobody's": one(405, request(method="BREW")),
    "a method that another header names": one(200, request("X-HTTP-Method-Override: GET")),
    "without the slash": one(200, request(path=PATH[:-1])),
    "an account's, without the slash": one(401, request(path=f"{PATH}second")),
    "an unknown account": one(404, request(path=f"{PATH}third/")),
    "two slashes": one(404, request(path="/cryptopay//callbacks/")),
    "up and down": one(404, request(path="/cryptopay/callbacks/../callbacks/")),
    "up and down, hidden": one(404, request(path="/cryptopay/%2e%2e/cryptopay/callbacks/")),
    "a NUL": one(400, request(path="/cryptopay/callbacks/\0/")),
    "a NUL, hidden": one(404, request(path="/cryptopay/callbacks/%00/")),
    "not UTF-8": one(404, request(path="/cryptopay/callbacks/%ff%fe/")),
    "a query": one(200, request(path=f"{PATH}?account=second&a=%00")),
    "another host": one(400, request().replace(b"Host: localhost", b"Host: evil.example")),
    "another host, by way of a proxy's header": one(200, request("X-Forwarded-Host: evil.example")),
    "HTTP/1.0": one(200, request().replace(b"HTTP/1.1", b"HTTP/1.0")),
}


@pytest.fixture(scope="module")
def site_of(tmp_path_factory) -> Iterator[Callable[[str], Site]]:
    """Return a function that starts a server when it is first asked for, and gives it again later."""
    folder = tmp_path_factory.mktemp("site")
    sites: dict[str, Site] = {}
    with ExitStack() as servers:

        def start(server: str) -> Site:
            if server not in sites:
                site = Site(server, f"sqlite:///{folder / 'db.sqlite3'}", folder)
                if not sites:
                    site.manage("migrate", "--verbosity=0")
                sites[server] = servers.enter_context(serving(site))
            return sites[server]

        yield start


def stored(site: Site) -> int:
    """Return how many callbacks the site has taken; a body that comes again is counted on its row."""
    # A connection's own context manager ends a transaction and does not close.
    with closing(sqlite3.connect(site.folder / "db.sqlite3")) as connection:
        return connection.execute("SELECT COALESCE(SUM(1 + repeats), 0) FROM cryptopay_django_callback").fetchone()[0]


@pytest.mark.parametrize("server", COMMANDS)
@pytest.mark.parametrize(
    "case", [*SIGNATURES.values(), *BODIES.values(), *ROADS.values()], ids=[*SIGNATURES, *BODIES, *ROADS]
)
def test_an_odd_request_gets_the_one_right_status(site_of, server, case):
    site = site_of(server)
    before = stored(site)

    status = exchange(site.port, case.parts, pause=case.pause, is_ended=case.is_ended)

    tried("odd requests to real servers", 1)
    assert status == case.differs.get(server, case.status)
    assert stored(site) - before == (status == 200)
