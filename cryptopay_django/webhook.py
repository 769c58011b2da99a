"""The gateway's side door: bytes in, status code out. What the bytes mean is decided in `services`.

401 signature, 404 account, 405 method, 413 size, 503 cannot store; 200 means stored, and nothing else.
"""

from __future__ import annotations

import logging

from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import ImproperlyConfigured, RequestDataTooBig
from django.db import DatabaseError, InterfaceError, transaction
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from .conf import account_names, app_settings
from .exceptions import SignatureError
from .gateway.signing import SIGNATURE_HEADER
from .services.callbacks import process_within_budget, receive_callback

logger = logging.getLogger("cryptopay_django")

MAX_BODY = 256 * 1024


@transaction.non_atomic_requests
@csrf_exempt
@login_not_required
@require_POST
def callback(request: HttpRequest, account: str = "default") -> HttpResponse:
    """Store one signed callback and answer 200; process it afterwards, within the request or by a worker.

    Exempt from CSRF (the signature is the proof), from login, and from ATOMIC_REQUESTS: a transaction
    around the whole would roll the stored callback back.
    """
    try:
        if account not in account_names():
            return _answer(404, "no such account")
        body = _read_body(request)
        stored = receive_callback(body, request.headers.get(SIGNATURE_HEADER, ""), account=account)
    except RequestDataTooBig:
        return _answer(413, "the body is larger than 256 KiB")
    except OSError:
        return _answer(400, "the body broke off")
    except SignatureError as error:
        logger.warning("callback for account %s refused: %s", account, error)
        return _answer(401, "the signature does not match")
    except (DatabaseError, InterfaceError, ImproperlyConfigured):
        logger.exception("callback for account %s could not be stored; the gateway will send it again", account)
        return _answer(503, "it could not be stored, send it again")
    if app_settings.PROCESSING == "request":
        process_within_budget(stored)
    return _answer(200, "stored")


def _read_body(request: HttpRequest) -> bytes:
    """Return the raw body; raise RequestDataTooBig past the limit, OSError when the connection broke."""
    body = request.read(MAX_BODY + 1)
    if len(body) > MAX_BODY:
        raise RequestDataTooBig
    return body


def _answer(status: int, text: str) -> HttpResponse:
    return HttpResponse(f"{text}\n", status=status, content_type="text/plain")
