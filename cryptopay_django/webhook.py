"""The gateway's side door: bytes in, status code out. What the bytes mean is decided in `services`.

401 signature, 404 account, 405 method, 413 size, 503 cannot store; 200 means stored, and nothing else.
"""

from __future__ import annotations

import logging
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import RequestDataTooBig
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from .conf import account_names, app_settings
from .exceptions import SignatureError
from .gateway.signing import SIGNATURE_HEADER
from .logs import about
from .services.callbacks.receive import receive_callback
from .services.dispatch.wake_or_enqueue import dispatch_callback
from .services.worker.queue import process_within_budget

logger = logging.getLogger("cryptopay_django")

MAX_BODY = 256 * 1024


@transaction.non_atomic_requests
@csrf_exempt
@login_not_required
@require_POST
def callback(request: HttpRequest, account: str = "default") -> HttpResponse:
    """Store one signed callback and answer 200; process it afterwards, within the request, or have it done.

    Exempt from CSRF (the signature is the proof), from login, and from ATOMIC_REQUESTS: a transaction
    around the whole would roll the stored callback back.
    """
    try:
        body = _read_body(request)
    except RequestDataTooBig:
        return _answer(413, "the body is larger than 256 KiB")
    except OSError:
        return _answer(400, "the body broke off")
    try:
        if account not in account_names():
            return _answer(404, "no such account")
        stored = receive_callback(body, request.headers.get(SIGNATURE_HEADER, ""), account=account)
    except SignatureError as error:
        logger.warning("callback for account %s refused: %s", account, error, extra=about(account=account))
        return _answer(401, "the signature does not match")
    except Exception:
        # Settings, the database, and what its driver raises by itself when the server goes away: nothing is lost yet.
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


def _read_body(request: HttpRequest) -> bytes:
    """Return the raw body; raise RequestDataTooBig past the limit, OSError when the connection broke."""
    stream, body = _raw_stream(request), b""
    try:
        while len(body) <= MAX_BODY and (part := stream.read(MAX_BODY + 1 - len(body))):
            body += part
    except Exception as error:
        # What servers raise for malformed chunks is of classes of their own.
        raise OSError("the body cannot be read") from error
    if len(body) > MAX_BODY:
        raise RequestDataTooBig
    return body


def _raw_stream(request: HttpRequest) -> Any:
    """Return what to read the body from.

    Without a Content-Length Django reads nothing under WSGI, so a body that a proxy sends on in chunks would be
    taken for an empty one. A server that knows where such a body ends says so.
    """
    is_chunked = "chunked" in request.META.get("HTTP_TRANSFER_ENCODING", "").lower()
    if is_chunked and request.META.get("wsgi.input_terminated"):
        return request.META["wsgi.input"]
    return request


def _answer(status: int, text: str) -> HttpResponse:
    return HttpResponse(f"{text}\n", status=status, content_type="text/plain")
