"""The outside world: a warehouse that ships what it is asked to, once for each key.

A real one is an HTTP API that takes an idempotency key. This one is a folder, and a file that exists
already is a request that was made already.
"""

import json
from pathlib import Path
from uuid import UUID, uuid4

from django.conf import settings

from .models import Order


def request_shipment(order: Order, *, key: UUID) -> bool:
    """Ask for the order to be shipped; False if that was asked for before with this key."""
    outbox = Path(settings.SHOP_OUTBOX)
    outbox.mkdir(parents=True, exist_ok=True)
    request = {
        "key": str(key),
        "order": order.reference,
        "ship_to": order.ship_to,
        "items": [{"product": line.product.slug, "quantity": line.quantity} for line in order.lines.all()],
    }
    # Written whole under a name of our own, then linked to the final one: the link is made or
    # refused in one step, so neither half a request nor a second one is ever seen.
    draft = outbox / f".{uuid4()}.draft"
    draft.write_text(json.dumps(request, indent=2))
    try:
        (outbox / f"{key}.json").hardlink_to(draft)
    except FileExistsError:
        return False
    finally:
        draft.unlink()
    return True
