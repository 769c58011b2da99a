"""Answers calls of `requests` as a transport adapter: the same answers as the server's, without a socket."""

from __future__ import annotations

import io
from collections.abc import Mapping
from email.utils import format_datetime
from http.client import responses
from typing import Any

import requests
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict
from urllib3 import HTTPResponse

from .core import Sandbox
from .routing import Request


class SandboxAdapter(BaseAdapter):
    """Answers every request from the sandbox, whatever host its URL names."""

    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__()
        self.sandbox = sandbox

    def send(  # noqa: PLR0917 - the signature is that of requests
        self,
        request: requests.PreparedRequest,
        stream: bool = False,  # noqa: FBT001, FBT002
        timeout: float | tuple[float, float] | tuple[float, None] | None = None,
        verify: bool | str = True,  # noqa: FBT001, FBT002
        cert: bytes | str | tuple[bytes | str, bytes | str] | None = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """Answer a prepared request."""
        del timeout, verify, cert, proxies
        answer = self.sandbox.handle(
            Request(request.method or "GET", request.path_url, request.headers, _read_body(request.body))
        )
        if answer.silent:
            raise requests.exceptions.ReadTimeout("the sandbox's trouble maker gives no answer", request=request)
        headers = {
            "Content-Type": answer.content_type,
            "Content-Length": str(len(answer.body)),
            "Date": format_datetime(self.sandbox.clock.wall(), usegmt=True),
            **answer.headers,
        }
        response = requests.Response()
        response.status_code = answer.status
        response.reason = responses.get(answer.status, "")
        response.headers = CaseInsensitiveDict(headers)
        response.encoding = "utf-8"
        response.raw = HTTPResponse(
            body=io.BytesIO(answer.body), headers=headers, status=answer.status, preload_content=False
        )
        response.url = request.url or ""
        response.request = request
        if not stream:
            response.content  # noqa: B018 - reads the body, as a real adapter's caller would
        return response

    def close(self) -> None:
        """Nothing is open."""


def _read_body(body: Any) -> bytes:
    if body is None:
        return b""
    return body.encode() if isinstance(body, str) else bytes(body)
