"""Provides a `requests` adapter whose read timeout is a deadline for the whole answer.

A failure to connect has an error of its own, so `calls.py` can tell that nothing was sent. Retries and signatures are
in `calls.py`, the meaning of answers in `answers.py`.
"""

from __future__ import annotations

import http.client
import io
import socket
import time
from contextlib import suppress
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError
from urllib3.poolmanager import PoolManager, ProxyManager


class DeadlineAdapter(HTTPAdapter):
    """HTTP(S) with the read timeout as the time for status line, headers and body together.

    The standard adapter gives each read the whole timeout, so a sender that drips a byte a second is never
    cut off. Looking up a host name is the one step that no timeout bounds.
    """

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        _use_deadlines(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **proxy_kwargs: Any) -> ProxyManager:
        manager: ProxyManager = super().proxy_manager_for(proxy, **proxy_kwargs)
        # The pools of a SOCKS proxy must stay: ours would go past it.
        if not proxy.lower().startswith("socks"):
            _use_deadlines(manager)
        return manager

    def close(self) -> None:
        """Close all connections now; the standard adapter leaves that to the collector of garbage."""
        for manager in (self.poolmanager, *self.proxy_manager.values()):
            for key in manager.pools.keys():  # noqa: SIM118 - urllib3's container refuses to be iterated
                manager.pools[key].close()
        super().close()


class _DeadlineReader(io.RawIOBase):
    """Reads a socket until one moment, however many reads that takes."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._timeout = sock.gettimeout()
        self._deadline = None if self._timeout is None else time.monotonic() + self._timeout
        self._raw = sock.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if self._deadline is not None:
            left = self._deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError("the answer took too long")
            self._sock.settimeout(left)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        # The connection may be used again, the socket may be closed already.
        with suppress(OSError):
            self._sock.settimeout(self._timeout)
        self._raw.close()
        super().close()


class _DeadlineSocket:
    """The part of a socket that `HTTPResponse` needs."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def makefile(self, *_: Any, **__: Any) -> io.BufferedReader:
        return io.BufferedReader(_DeadlineReader(self._sock))


class _DeadlineResponse(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(_DeadlineSocket(sock), *args, **kwargs)  # type: ignore[arg-type]


class _Connection(HTTPConnection):
    response_class = _DeadlineResponse


class _TlsConnection(HTTPSConnection):
    response_class = _DeadlineResponse

    def connect(self) -> None:
        try:
            super().connect()
        except ConnectTimeoutError:
            raise
        except (OSError, ValueError, http.client.HTTPException, HTTPError) as error:
            # A proxy's refusal and a failed or slow TLS handshake would look like a break after sending.
            raise NewConnectionError(self, f"cannot connect: {error}") from error


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


def _use_deadlines(manager: PoolManager) -> None:
    manager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}
