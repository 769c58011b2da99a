"""Shows details only to requests that send CRYPTOPAY_MONITORING_TOKEN."""

from __future__ import annotations

import hmac

from django.http import HttpRequest

from ..conf import app_settings
from ..redaction import hide_locals


@hide_locals
def may_see_details(request: HttpRequest) -> bool:
    """Return whether a request has the token, as `Authorization: Bearer ...`.

    Without a token in the settings, return False.
    """
    token = app_settings.MONITORING_TOKEN
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    is_same = hmac.compare_digest(given.strip().encode(), token.encode())
    return bool(token) and scheme.lower() == "bearer" and is_same
