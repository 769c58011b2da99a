"""The pages of customers in a project with several databases: `python -m tests.servers.look`."""

from __future__ import annotations

import sys

import django
from django.core.management import call_command


def look() -> str:
    """Open the pages about rows that were made just now; return their statuses, and what they show."""
    from django.test import Client  # noqa: PLC0415

    from cryptopay_django.links import path_of  # noqa: PLC0415
    from cryptopay_django.models import Callback, Invoice  # noqa: PLC0415
    from cryptopay_django.pages.event_stream import _read_versions  # noqa: PLC0415
    from cryptopay_django.testing.factories import (  # noqa: PLC0415
        CallbackFactory,
        ChannelFactory,
        ChannelPaymentFactory,
        InvoiceFactory,
        PaymentFactory,
    )

    for database in ("default", "other"):
        call_command("migrate", database=database, run_syncdb=True, verbosity=0)
    waiting = InvoiceFactory()
    refunded = InvoiceFactory(status="refunded", paid_amount="0.001")
    payment = PaymentFactory(invoice=refunded, txid="tx-of-the-invoice")
    credit = ChannelPaymentFactory(channel=ChannelFactory(), txid="tx-of-the-channel")
    client = Client()
    seen = [
        (client.get(path_of("checkout", waiting.pk)), waiting.address),
        (client.get(path_of("invoice-status", waiting.pk)), "waiting"),
        (client.get(path_of("checkout", refunded.pk)), payment.txid),
        (client.get(path_of("receipt", refunded.pk)), payment.txid),
        (client.get(path_of("channel", credit.channel_id)), credit.txid),
        (client.get(path_of("channel-status", credit.channel_id)), ""),
    ]
    found = [f"{answer.status_code}{'' if text in answer.text else ' without ' + text}" for answer, text in seen]
    callback = CallbackFactory()
    found.append(str(bytes(Callback.objects.using(callback._state.db).defer("body").get().body) == callback.body))
    found.append(str(Invoice.objects.primary().only("version").get(pk=waiting.pk).address == waiting.address))
    found.append(str(_read_versions([waiting.pk]) == {waiting.pk: waiting.version}))
    return " ".join(found)


if __name__ == "__main__":
    django.setup()
    sys.stdout.write(look())
