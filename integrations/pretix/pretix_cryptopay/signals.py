"""Connects the plugin to pretix: the payment method, the periodic task, log entries, copies of events."""

from __future__ import annotations

import json
from typing import Any

from django.db.models.signals import pre_save
from django.dispatch import receiver
from django.utils.translation import gettext_lazy as _
from pretix.base.forms import SECRET_REDACTED
from pretix.base.logentrytypes import ClearDataShredderMixin, NoOpShredderMixin, OrderLogEntryType, log_entry_types
from pretix.base.models import Event, LogEntry
from pretix.base.signals import event_copy_data, periodic_task, register_payment_providers

from cryptopay_django.services import work_once

from . import refunds
from .accounts import MODES, OWNER, PREFIX, SECRETS, forget_accounts
from .provider import Cryptopay


@receiver(register_payment_providers, dispatch_uid="pretix_cryptopay_provider")
def register_provider(sender: Event, **kwargs: Any) -> type[Cryptopay]:
    """Add the payment method to an event."""
    return Cryptopay


@receiver(periodic_task, dispatch_uid="pretix_cryptopay_work")
def work(sender: Any, **kwargs: Any) -> None:
    """Do what is due: callbacks that failed, deliveries, invoices without a callback, refunds."""
    refunds.look_after()
    work_once()


@receiver(pre_save, sender=LogEntry, dispatch_uid="pretix_cryptopay_secrets")
def keep_secrets_out_of_log(sender: Any, instance: LogEntry, **kwargs: Any) -> None:
    """Take credentials out of the entry that pretix writes when the settings of a payment method are saved.

    pretix hides secrets in entries, but not the new values of payment methods, which are one level deeper.
    """
    if instance.action_type != "pretix.event.payment.provider":
        return
    data = instance.parsed_data
    names = {f"{PREFIX}{mode}_{name}" for mode in MODES.values() for name in SECRETS}
    if known := names & data.get("new_values", {}).keys():
        data["new_values"] |= dict.fromkeys(known, SECRET_REDACTED)
        instance.data = json.dumps(data, sort_keys=True)


@receiver(event_copy_data, dispatch_uid="pretix_cryptopay_copy")
def use_account_of_original(sender: Event, other: Event, **kwargs: Any) -> None:
    """Let a copy of an event use the account of the original; pretix has copied its credentials.

    An event of another organizer gets no credentials.
    """
    had_own = any(sender.settings.get(f"{PREFIX}{mode}_api_key") for mode in MODES.values())
    for mode in MODES.values():
        for name in SECRETS:
            sender.settings.delete(f"{PREFIX}{mode}_{name}")
    if sender.organizer_id != other.organizer_id:
        sender.settings.delete(PREFIX + OWNER)
    elif had_own:
        sender.settings.set(PREFIX + OWNER, str(other.pk))
    forget_accounts()


@log_entry_types.new_from_dict(
    {
        "pretix_cryptopay.order.payment_detected": _("Coins for payment {local_id} were seen on the network."),
        "pretix_cryptopay.order.invoice_quarantined": _(
            "Payment {local_id} contradicts the order and must be checked: {reason}"
        ),
        "pretix_cryptopay.order.invoice_unresolved": _("Payment {local_id} needs a decision: {reason}."),
    }
)
class PaymentLogEntryType(OrderLogEntryType, NoOpShredderMixin):
    """What happened to a payment."""


@log_entry_types.new("pretix_cryptopay.order.decided", _("Payment {local_id}: {act}. Reason: {reason}"))
class DecidedLogEntryType(OrderLogEntryType, ClearDataShredderMixin):
    """What the team decided about a payment."""
