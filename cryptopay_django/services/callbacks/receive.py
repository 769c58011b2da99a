"""Receiving a callback: verify its signature, store it, and nothing else. What it says is read in `process.py`."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any

from django.utils import timezone

from ...conf import app_settings, get_account
from ...gateway.signing import verify_callback
from ...models import Callback
from ...redaction import hide_locals
from ...tracing import span
from .duplicates import count_repeat

LEASE = timedelta(seconds=60)
"""How long a callback in work is left alone by every other process."""


@hide_locals
def receive_callback(body: bytes, signature: str, *, account: str = "default") -> Callback:
    """Verify and store a callback; return its row, pending and committed by itself.

    A look and one INSERT. Nothing is parsed. One that is stored already, and has no news, is counted on
    its row instead, which is returned (`duplicates.py`). Raises SignatureError when no current secret
    of the account signed the body (nothing is stored), ImproperlyConfigured for an account that is not
    there, DatabaseError when it could not be stored.
    """
    with span("cryptopay.receive_callback", account=account) as note:
        configured = get_account(account)
        index = verify_callback(body, signature, secrets=configured.callback_secrets)
        now = timezone.now()
        known: dict[str, Any] = {
            "account": account,
            "body": body,
            "digest": hashlib.sha256(body).hexdigest(),
            "secret_index": index,
            "secret_mark": configured.secret_marks[index],
            "received_at": now,
        }
        due = now + LEASE if app_settings.PROCESSING == "request" else now
        callback = count_repeat(account=account, digest=known["digest"], at=now, due=due)
        if callback is None:
            callback = Callback.objects.insert(Callback(**known, next_attempt_at=due))
        note(callback_id=callback.pk)
    return callback
