"""Rows that must be there before a road is measured."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from benchmarks.bodies import SECRET, payment_intent
from cryptopay_django.conf import get_account
from cryptopay_django.models import Callback, Invoice


def migrate() -> None:
    """Make all tables, those of the benchmark's own models too."""
    call_command("migrate", run_syncdb=True, verbosity=0)


def make_invoices(count: int) -> list[str]:
    """Insert unpaid invoices that the gateway knows; return their ids there."""
    ids = [uuid.uuid4() for _ in range(count)]
    expires_at = timezone.now() + timedelta(minutes=10)
    Invoice.objects.bulk_create(
        [
            Invoice(
                environment=get_account("default").environment,
                gateway_id=key,
                custom_id=f"order-{key.hex}",
                price_amount=Decimal(100),
                price_currency="EUR",
                pay_amount=Decimal("0.002"),
                pay_currency="BTC",
                network="bitcoin",
                address=f"2N{key.hex}",
                uri=f"bitcoin:2N{key.hex}?amount=0.002",
                exchange_rate=Decimal(50000),
                fee_amount=Decimal(1),
                fee_currency="EUR",
                expires_at=expires_at,
            )
            for key in ids
        ],
        batch_size=500,
    )
    return [str(key) for key in ids]


def store_callbacks(bodies: Sequence[bytes], *, due_in: timedelta = timedelta()) -> None:
    """Insert callbacks as a server in front of workers leaves them: stored, due now unless they are to wait."""
    now = timezone.now()
    Callback.objects.bulk_create(
        [
            Callback(
                account="default",
                body=body,
                digest=hashlib.sha256(body).hexdigest(),
                secret_index=0,
                received_at=now,
                next_attempt_at=now + due_in,
            )
            for body in bodies
        ],
        batch_size=1000,
    )


def forget_pending() -> None:
    """Delete stored callbacks that nobody has processed, so that no later road meets them."""
    Callback.objects.filter(outcome="pending").delete()


def gather_statistics() -> None:
    """Let the planner know what is in the tables, as a database that is not an hour old does."""
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names() if connection.vendor == "mysql" else [""]:
            cursor.execute(f"ANALYZE {'TABLE ' + connection.ops.quote_name(table) if table else ''}")


def make_stripe_endpoint() -> str:
    """Insert dj-stripe's account, key and webhook endpoint; return the endpoint's path."""
    from djstripe.models import Account, APIKey, WebhookEndpoint

    account = Account.objects.create(id="acct_benchmark", livemode=False, stripe_data={})
    APIKey.objects.create(
        id="key_benchmark",
        type="secret",
        secret=settings.STRIPE_TEST_SECRET_KEY,
        livemode=False,
        djstripe_owner_account=account,
    )
    endpoint = WebhookEndpoint.objects.create(
        id="we_benchmark",
        livemode=False,
        djstripe_owner_account=account,
        enabled_events=["*"],
        secret=SECRET.decode(),
        status="enabled",
        url="http://127.0.0.1/stripe/",
        stripe_data={},
    )
    return f"/stripe/webhook/{endpoint.djstripe_uuid}/"


def make_intents(count: int) -> list[str]:
    """Insert dj-stripe's payments, not paid yet; return their keys."""
    from djstripe.models import Account, PaymentIntent

    keys = [uuid.uuid4().hex for _ in range(count)]
    account = Account.objects.get(id="acct_benchmark")
    PaymentIntent.objects.bulk_create(
        [
            PaymentIntent(
                id=f"pi_{key}",
                livemode=False,
                djstripe_owner_account=account,
                stripe_data=payment_intent(key, "processing"),
            )
            for key in keys
        ]
    )
    return keys


def make_payments(count: int) -> list[str]:
    """Insert django-payments' payments, not paid yet; return their tokens."""
    from benchmarks.peers.models import Payment

    tokens = [str(uuid.uuid4()) for _ in range(count)]
    Payment.objects.bulk_create(
        [
            Payment(variant="default", status="input", currency="EUR", total=Decimal(100), token=token)
            for token in tokens
        ]
    )
    return tokens
