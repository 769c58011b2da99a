"""Receives callbacks: bytes in, status code out. `services` decides what the bytes mean.

Answers 401 (signature), 404 (account), 405 (method), 411 (a chunked body that the server does not read), 413 (size),
503 (cannot store), or 200, which means only: stored.
"""

from __future__ import annotations

import logging
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from .atomic_requests import non_atomic_requests
from .conf import account_names, app_settings
from .exceptions import SignatureError
from .gateway.signing import SIGNATURE_HEADER
from .logs import about
from .services.callbacks.receive import receive_callback
from .services.diagnosis.middleware_selftest import PROBE, Probe
from .services.dispatch.wake_or_enqueue import dispatch_callback
from .services.worker.due_work import process_within_budget

logger = logging.getLogger("cryptopay_django")

MAX_BODY = 256 * 1024


@non_atomic_requests
@csrf_exempt
@login_not_required
@require_POST
def callback(request: HttpRequest, account: str = "default") -> HttpResponse:
    """Store a signed callback and answer 200. Process it afterwards in the request, or let a worker or task do it.

    Exempt from CSRF (the signature is the proof), from login, and from ATOMIC_REQUESTS, because that transaction could
    roll back the stored callback.
    """
    try:
        body = _read_body(request)
    except (RequestDataTooBig, OSError) as error:
        return _refuse_body(error, account)
    probe, signature = request.META.get(PROBE), request.headers.get(SIGNATURE_HEADER, "")
    if isinstance(probe, Probe):
        return _answer(*probe.take(body, signature, account))
    try:
        if account not in account_names():
            return _answer(404, "no such account")
        stored = receive_callback(body, signature, account=account)
    except SignatureError as error:
        logger.warning("callback for account %s refused: %s", account, error, extra=about(account=account))
        return _answer(401, "the signature does not match")
    except Exception:
        # Wrong settings, database errors, and the driver's own errors when the server disappears: nothing is lost yet.
        logger.exception(
            "callback for account %s could not be stored; the gateway will send it again",
            account,
            extra=about(account=account),
        )
        return _answer(503, "it could not be stored, send it again")
    if app_settings.PROCESSING == "request":
        process_within_budget(stored)
    elif not stored.is_counted_only:
        dispatch_callback(stored)
    return _answer(200, "stored")


class _UnreadChunksError(OSError):
    """A chunked body, and a server that does not read such bodies."""


def _refuse_body(error: Exception, account: str) -> HttpResponse:
    if isinstance(error, RequestDataTooBig):
        return _answer(413, "the body is larger than 256 KiB")
    if isinstance(error, _UnreadChunksError):
        logger.error(
            "callback for account %s came in chunks, and this server does not read them: let the proxy before it "
            "send a Content-Length",
            account,
            extra=about(account=account),
        )
        return _answer(411, "this server reads no chunked body")
    return _answer(400, "the body broke off")


def _read_body(request: HttpRequest) -> bytes:
    """Return the raw body; raise RequestDataTooBig above the limit, and OSError if the connection broke.

    Raises _UnreadChunksError for chunks that the server does not read: the signature would be compared with that of an
    empty body.
    """
    if _is_chunked(request) and _is_cut_short(request):
        raise _UnreadChunksError
    stream, body = _raw_stream(request), b""
    try:
        while len(body) <= MAX_BODY and (part := stream.read(MAX_BODY + 1 - len(body))):
            body += part
    except Exception as error:
        # Servers raise their own exceptions for malformed chunks.
        raise OSError("the body cannot be read") from error
    if len(body) > MAX_BODY:
        raise RequestDataTooBig
    return body


def _raw_stream(request: HttpRequest) -> Any:
    """Return the stream to read the body from.

    Without a Content-Length, Django reads nothing under WSGI, so a chunked body from a proxy would seem empty. A
    server that can detect the end of such a body declares it.
    """
    if _is_chunked(request) and request.META.get("wsgi.input_terminated"):
        return request.META["wsgi.input"]
    return request


def _is_chunked(request: HttpRequest) -> bool:
    return "chunked" in request.META.get("HTTP_TRANSFER_ENCODING", "").lower()


def _is_cut_short(request: HttpRequest) -> bool:
    """Return whether this is a WSGI server that neither passes a length on nor declares that it detects the end."""
    known = request.META.get("CONTENT_LENGTH") or request.META.get("wsgi.input_terminated")
    return "wsgi.input" in request.META and not known


def _answer(status: int, text: str) -> HttpResponse:
    return HttpResponse(f"{text}\n", status=status, content_type="text/plain")
