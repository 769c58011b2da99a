"""The floor: a view that checks the HMAC and inserts the raw body, and nothing else."""

from __future__ import annotations

import hashlib
import hmac

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from benchmarks.site.models import RawBody

SECRET = b"benchmark-callback-secret"


@csrf_exempt
def floor(request: HttpRequest) -> HttpResponse:
    body = request.body
    given = request.headers.get("X-Cryptopay-Signature", "").encode()
    if not hmac.compare_digest(hmac.new(SECRET, body, hashlib.sha256).hexdigest().encode(), given):
        return HttpResponse(status=401)
    RawBody.objects.create(body=body)
    return HttpResponse("stored\n", content_type="text/plain")
