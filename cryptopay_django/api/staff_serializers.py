"""Serializes an invoice for staff: its row in the list, its details, payments, resolutions and timeline."""

from __future__ import annotations

from typing import Any

from django.contrib.contenttypes.models import ContentType
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from ..models import Channel, ChannelPayment, Invoice, InvoiceEvent, Resolution
from .fields import AmountField


class OrderSerializer(serializers.Serializer[Any]):
    """The shop's order."""

    type = serializers.CharField(help_text="The model: app label and name.")
    id = serializers.CharField()


def pointer_of(row: Invoice | Channel, name: str) -> dict[str, str] | None:
    """Return the model and key of a row's order, or owner; None where it has none."""
    type_id = getattr(row, f"{name}_content_type_id")
    if type_id is None:
        return None
    try:
        kind = ContentType.objects.db_manager(row._state.db).get_for_id(type_id)
    except ContentType.DoesNotExist:
        return None
    return {"type": f"{kind.app_label}.{kind.model}", "id": getattr(row, f"{name}_object_id")}


class InvoiceRowSerializer(serializers.Serializer[Any]):
    """An invoice in the list."""

    id = serializers.UUIDField()
    account = serializers.CharField()
    environment = serializers.CharField(help_text="The gateway that has it: sandbox, production, or a host.")
    custom_id = serializers.CharField()
    gateway_id = serializers.UUIDField(allow_null=True)
    order = serializers.SerializerMethodField()
    status = serializers.CharField(help_text="The gateway's: new, unresolved, completed, refunded, cancelled.")
    status_context = serializers.CharField(help_text="Why it is unresolved.")
    quarantine_reason = serializers.CharField(help_text="Why it is held for a person; empty when it is not.")
    price_amount = AmountField(help_text="The ordered amount.")
    price_currency = serializers.CharField()
    settled_amount = AmountField(allow_null=True, help_text="What was credited in the end, in the price currency.")
    pay_amount = AmountField(allow_null=True)
    pay_currency = serializers.CharField()
    network = serializers.CharField()
    paid_amount = AmountField()
    version = serializers.IntegerField(help_text="Give it back as `expected_version`.")
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)

    @extend_schema_field(OrderSerializer(allow_null=True))
    def get_order(self, invoice: Invoice) -> dict[str, str] | None:
        """Name the order without loading it."""
        return pointer_of(invoice, "order")


class PaymentSerializer(serializers.Serializer[Any]):
    """A transaction with its risk."""

    txid = serializers.CharField()
    status = serializers.CharField()
    amount = AmountField(allow_null=True, help_text="In the pay currency; null where it cannot be known.")
    risk_score = AmountField(allow_null=True)
    risk_level = serializers.CharField()
    risk_resource_name = serializers.CharField()
    risk_resource_category = serializers.CharField()
    source_addresses = serializers.ListField(child=serializers.CharField())
    detected_at = serializers.DateTimeField()
    confirmed_at = serializers.DateTimeField(allow_null=True)


class RefundRecordSerializer(serializers.Serializer[Any]):
    """A refund, finished or pending."""

    gateway_id = serializers.UUIDField()
    status = serializers.CharField(help_text="pending, succeeded or failed.")
    cause = serializers.CharField(help_text="Who started it: person, account, email, monitoring or unknown.")
    resolution_id = serializers.UUIDField(allow_null=True)
    amount = AmountField()
    currency = serializers.CharField()
    value_amount = AmountField(allow_null=True, help_text="What it returns of the price, at the rate of the order.")
    present_value_amount = AmountField(
        allow_null=True, help_text="What the coins were worth in the price currency when they were sent back."
    )
    received_amount = AmountField(allow_null=True, help_text="The coins that arrive, if known.")
    network_fee_amount = AmountField(allow_null=True, help_text="In the coin.")
    charged_amount = AmountField(allow_null=True, help_text="Taken from the account, of a completed invoice.")
    charged_currency = serializers.CharField()
    withdrawal_status = serializers.CharField(
        help_text="The gateway's, of a completed invoice: pending, processing, on_hold, sent, completed, failed "
        "(not final) or cancelled; else empty."
    )
    fee_amount = AmountField(allow_null=True)
    fee_currency = serializers.CharField()
    address = serializers.CharField(help_text="Empty for the merchant's own coin account.")
    destination_tag = serializers.CharField()
    network = serializers.CharField()
    txid = serializers.CharField()
    created_at = serializers.DateTimeField()
    succeeded_at = serializers.DateTimeField(allow_null=True)


class ResolutionSerializer(serializers.Serializer[Any]):
    """A settlement or refund in its current state."""

    id = serializers.UUIDField()
    invoice_id = serializers.UUIDField()
    invoice_status = serializers.CharField(source="invoice.status")
    invoice_version = serializers.IntegerField(source="invoice.version")
    kind = serializers.CharField(help_text="settle or refund.")
    status = serializers.CharField(help_text="planned, sent, succeeded, failed or unknown.")
    awaits_approval = serializers.BooleanField(help_text="A second person has to confirm it; nothing was sent.")
    actor = serializers.CharField()
    reason = serializers.CharField()
    needs_approval = serializers.BooleanField()
    approver = serializers.CharField()
    approved_at = serializers.DateTimeField(allow_null=True)
    parameters = serializers.DictField(help_text="The request, with the amounts that the person saw.")
    result = serializers.DictField(help_text="What the gateway answered, or what was found.")
    error = serializers.CharField(help_text="Why it failed; of one that succeeded: what is not as it was asked.")
    created_at = serializers.DateTimeField()
    sent_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)


class InvoiceDetailSerializer(InvoiceRowSerializer):
    """An invoice with all details."""

    address = serializers.CharField()
    destination_tag = serializers.CharField()
    uri = serializers.CharField()
    hosted_page_url = serializers.CharField()
    fee_amount = AmountField(allow_null=True)
    fee_currency = serializers.CharField()
    exchange_rate = AmountField(allow_null=True)
    customer_id = serializers.CharField()
    payer_email = serializers.CharField()
    name = serializers.CharField()
    description = serializers.CharField()
    metadata = serializers.DictField()
    updated_at = serializers.DateTimeField()
    polled_at = serializers.DateTimeField(allow_null=True)
    payments = serializers.SerializerMethodField()
    refunds = serializers.SerializerMethodField()
    resolutions = serializers.SerializerMethodField()

    @extend_schema_field(PaymentSerializer(many=True))
    def get_payments(self, invoice: Invoice) -> Any:
        """List them as they were seen."""
        return PaymentSerializer(invoice.payments.order_by("detected_at", "txid"), many=True).data

    @extend_schema_field(RefundRecordSerializer(many=True))
    def get_refunds(self, invoice: Invoice) -> Any:
        """List them as they were learned of."""
        return RefundRecordSerializer(invoice.refunds.order_by("created_at", "gateway_id"), many=True).data

    @extend_schema_field(ResolutionSerializer(many=True))
    def get_resolutions(self, invoice: Invoice) -> Any:
        """List them, the newest first."""
        found: list[Resolution] = list(invoice.resolutions.order_by("-created_at"))
        for resolution in found:
            resolution.invoice = invoice
        return ResolutionSerializer(found, many=True).data


class EntrySerializer(serializers.Serializer[Any]):
    """An entry of the timeline."""

    at = serializers.DateTimeField()
    source = serializers.ChoiceField(  # type: ignore[assignment]
        choices=["callback", "event", "person"], help_text="The gateway's callback, an event, or a person."
    )
    kind = serializers.CharField(help_text="Of an event its kind; of a callback the gateway's own word.")
    actor = serializers.CharField(help_text="Who did it; empty for the gateway.")
    txid = serializers.CharField(help_text="The transaction it is about; empty for the whole invoice.")
    detail = serializers.DictField()
    uuid = serializers.UUIDField(allow_null=True, help_text="Of an event: what receivers deduplicate by.")
    delivered_at = serializers.DateTimeField(allow_null=True, help_text="When it was delivered to the shop.")
    attempts = serializers.IntegerField(help_text="How often the delivery to the shop has failed.")
    next_attempt_at = serializers.DateTimeField(allow_null=True, help_text="Set while there is more to be tried.")


class TimelineSerializer(serializers.Serializer[Any]):
    """The history of an invoice, or of a payment on a channel, oldest first."""

    entries = EntrySerializer(many=True)
    is_cut = serializers.BooleanField(help_text="Whether older entries are left out.")


MOST = 200
"""How many callbacks, and how many events, a timeline has at most: the newest."""


def timeline_of(row: Invoice | ChannelPayment) -> dict[str, Any]:
    """Return the timeline of an invoice, or of a payment on a channel. Two queries; no bodies and no tracebacks."""
    callbacks = list(row.callbacks.defer("body").order_by("-pk")[: MOST + 1])
    events = list(row.events.select_related("payment").order_by("-pk")[: MOST + 1])
    entries = [_of_event(event) for event in events[:MOST]]
    entries += [
        {
            "at": callback.received_at,
            "source": "callback",
            "kind": callback.event,
            "actor": "",
            "txid": "",
            "detail": {"outcome": callback.outcome, "error": callback.error},
            "uuid": None,
            "delivered_at": None,
            "attempts": callback.attempts,
            "next_attempt_at": callback.next_attempt_at,
        }
        for callback in callbacks[:MOST]
    ]
    # At the same time: the callback first, then its events in order.
    entries.reverse()
    entries.sort(key=lambda entry: (entry["at"], entry["source"] != "callback"))
    return {"entries": entries, "is_cut": max(len(callbacks), len(events)) > MOST}


def _of_event(event: InvoiceEvent) -> dict[str, Any]:
    return {
        "at": event.created_at,
        "source": "person" if event.actor else "event",
        "kind": event.kind,
        "actor": event.actor,
        "txid": event.payment.txid if event.payment else "",
        "detail": event.detail,
        "uuid": event.uuid,
        "delivered_at": event.delivered_at,
        "attempts": event.attempts,
        "next_attempt_at": event.next_attempt_at,
    }
