"""Stores what the shop sells, what customers owe, and what they hold with it.

An `Order` and a `TopUp` are both `Payable`: something an invoice can be made for. Only
`receivers.py` and `checkout.pay_from_balance` ever move one to paid. What arrives at a customer's
channel needs no row beforehand: each payment is a line of the ledger.
"""

from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import get_random_string

from cryptopay_django.models import ChannelPayment, Invoice


def new_reference() -> str:
    """A short name that people can read out and nobody can guess, without 0, O, 1, I and L."""
    return get_random_string(8, "23456789ABCDEFGHJKMNPQRSTUVWXYZ")


class Product(models.Model):
    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=60)
    tagline = models.CharField(max_length=120)
    description = models.TextField()
    price = models.DecimalField("price in EUR", max_digits=8, decimal_places=2)
    art = models.CharField("picture", max_length=60, help_text="A static file below shop/art/.")
    on_sale = models.BooleanField(default=True)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("shop:product", args=[self.slug])


class Payable(models.Model):
    """Something a customer pays for, once, by any one of the invoices made for it."""

    class Status(models.TextChoices):
        OPEN = "open", "not paid"
        ATTENTION = "attention", "needs attention"
        PAID = "paid", "paid"
        REFUNDED = "refunded", "refunded"
        CANCELLED = "cancelled", "cancelled"

    reference = models.CharField(max_length=8, unique=True, default=new_reference, editable=False)
    customer = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="%(class)ss")
    amount = models.DecimalField("amount in EUR", max_digits=10, decimal_places=2)
    status = models.CharField(max_length=10, choices=Status, default=Status.OPEN, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    paid_at = models.DateTimeField(null=True, editable=False)
    paid_by = models.ForeignKey(
        Invoice,
        models.PROTECT,
        null=True,
        editable=False,
        related_name="+",
        help_text="Empty for what was paid from the balance.",
    )

    class Meta:
        abstract = True
        ordering = ["-created_at", "-pk"]

    def __str__(self) -> str:
        return f"{self._meta.verbose_name} {self.reference}"

    @property
    def invoices(self) -> models.QuerySet[Invoice]:
        """Every invoice that was ever made for this, newest first."""
        return Invoice.objects.for_order(self)

    def move(self, to: str, *, only_from: list[str], **changes: Any) -> bool:
        """Change the status if it still is one of `only_from`, and tell whether it was.

        One UPDATE that carries its own condition: of two that race, one finds nothing to change.
        """
        if to == self.Status.PAID:
            changes["paid_at"] = timezone.now()
        rows = type(self)._default_manager.filter(pk=self.pk, status__in=only_from)
        moved = rows.update(status=to, **changes)
        self.refresh_from_db()
        return bool(moved)


class Order(Payable):
    ship_to = models.TextField("ship to", help_text="Name and address.")
    shipment_key = models.UUIDField(
        null=True, unique=True, editable=False, help_text="The warehouse ships once for each key."
    )
    returned_amount = models.DecimalField(
        "returned in EUR",
        max_digits=10,
        decimal_places=2,
        default=0,
        editable=False,
        help_text="The price of goods that came back and were refunded.",
    )

    def get_absolute_url(self) -> str:
        return reverse("shop:order", args=[self.reference])

    def get_payment_url(self) -> str:
        return reverse("shop:pay-order", args=[self.reference])

    @property
    def kept_amount(self) -> Decimal:
        """The price of what the customer keeps. A refund can be of more, where too much was paid."""
        return max(self.amount - self.returned_amount, Decimal(0))


class OrderLine(models.Model):
    """What was bought, at the price of that day."""

    order = models.ForeignKey(Order, models.CASCADE, related_name="lines")
    product = models.ForeignKey(Product, models.PROTECT)
    price = models.DecimalField("price in EUR", max_digits=8, decimal_places=2)
    quantity = models.PositiveSmallIntegerField()

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.quantity} × {self.product}"

    @property
    def total(self) -> Decimal:
        return self.price * self.quantity


class TopUp(Payable):
    """A customer's wish to add to the balance. What is added is what arrived, not `amount`."""

    class Meta(Payable.Meta):
        verbose_name = "top-up"

    def get_absolute_url(self) -> str:
        return reverse("shop:top-up", args=[self.reference])

    def get_payment_url(self) -> str:
        return reverse("shop:pay-top-up", args=[self.reference])


class LedgerEntry(models.Model):
    """One line of a customer's balance. Lines are added, never changed; the balance is their sum."""

    customer = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="ledger")
    amount = models.DecimalField("amount in EUR", max_digits=10, decimal_places=2)
    invoice = models.OneToOneField(
        Invoice, models.PROTECT, null=True, help_text="An invoice is credited once, says the database."
    )
    channel_payment = models.OneToOneField(
        ChannelPayment, models.PROTECT, null=True, help_text="A payment to a channel is credited once, too."
    )
    event_uuid = models.UUIDField(
        "event", null=True, unique=True, help_text="The event that credited it; empty for what the shop itself booked."
    )
    note = models.CharField(max_length=120)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-pk"]
        verbose_name_plural = "ledger"

    def __str__(self) -> str:
        return f"{self.amount} EUR: {self.note}"


def balance_of(customer: Any) -> Decimal:
    """What the customer has with the shop, in EUR."""
    return LedgerEntry.objects.filter(customer=customer).aggregate(sum=models.Sum("amount"))["sum"] or Decimal(0)
