"""Receives a callback: verifies its signature and stores it, no more. `process.py` reads what the callback says."""

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
"""How long a process has a claimed callback for itself. After that, another process may claim it."""


@hide_locals
def receive_callback(body: bytes, signature: str, *, account: str = "default") -> Callback:
    """Verify and store a callback; return its row, which is pending and already committed.

    One SELECT for the same body, and one INSERT. The body is not parsed. If the body is stored already and brings no
    news, the repeat is counted on that row, and that row is returned (`duplicates.py`). Raises SignatureError if no
    current secret of the account signed the body (nothing is stored), ImproperlyConfigured for an unknown account, and
    DatabaseError if the callback could not be stored.
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
