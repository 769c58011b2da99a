"""Stores the books of an account: what has changed its balances, and the periods that are closed.

An entry is never changed or deleted. What comes later, or is taken back, is an entry of its own. Who writes them:
`services/statements/`.
"""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from ..fields import AmountField, CodeField, SignedAmountField
from .locking import LockingManager
from .orders import KEY_LENGTH


class EntryKind(models.TextChoices):
    """What an entry is about, for people."""

    OPENING = "opening", _("opening balance")
    INVOICE = "invoice", _("invoice")
    CHANNEL_PAYMENT = "channel payment", _("channel payment")
    REFUND = "refund", _("refund")
    RETURN = "return", _("return of a completed order")
    WITHDRAWAL = "withdrawal", _("withdrawal")
    DEPOSIT = "deposit", _("deposit")
    EXCHANGE = "exchange", _("exchange")
    OTHER = "other", _("other")
    ADJUSTMENT = "adjustment", _("adjustment")


class RateSource(models.TextChoices):
    """Where the rate of an entry comes from."""

    PAYMENT = "payment", _("the rate that the gateway used")
    MARKET = "market", _("the gateway's rate when the entry was made, soon afterwards")
    ORDER = "order", _("the rate of the order")
    MARKET_LATER = "market later", _("the gateway's rate when the entry was made, later")


class Books(models.Model):
    """One row for each account and environment. It is locked while entries are made or a period is closed."""

    account = models.CharField(max_length=32, help_text=_("Key in CRYPTOPAY_ACCOUNTS."))
    environment = models.CharField(max_length=255, help_text=_("The gateway that has the account."))
    begin_at = models.DateTimeField(help_text=_("What was before is in the opening balances."))
    closed_until = models.DateTimeField(help_text=_("What was before is closed: no entry is made there any more."))
    read_until = models.DateTimeField(help_text=_("When the gateway's ledger was last read."))
    last_event = models.BigIntegerField(default=0, help_text=_("All events up to this one are in the books."))

    objects = LockingManager["Books"]()

    class Meta:
        default_permissions = ()
        verbose_name = _("books")
        verbose_name_plural = _("books")
        constraints = [models.UniqueConstraint(fields=["account", "environment"], name="cryptopay_books_account")]

    def __str__(self) -> str:
        return f"books of {self.account} at {self.environment}"


class BookEntry(models.Model):
    """One change of one balance. `amount` is negative for what leaves the account; with `fee_amount` it is the gross.

    An invoice of 100 has 99 and a fee of 1. A withdrawal of 100, with which 99 are sent, has -100 and a fee of 1.

    The sum of the amounts of a thing is what it has moved in all, so a correction has the difference.
    """

    books = models.ForeignKey(Books, on_delete=models.PROTECT, related_name="entries", db_index=False)
    kind = models.CharField(max_length=16, choices=EntryKind.choices)
    family = models.CharField(max_length=32, help_text=_("The gateway's reference_type; empty for our own entries."))
    reference = models.UUIDField(help_text=_("The gateway's id of the thing."))
    currency = models.CharField(max_length=32)
    number = models.PositiveIntegerField(
        default=0, help_text=_("0 is the first entry of a thing in a currency, the others correct it.")
    )
    status = models.CharField(max_length=32, blank=True, help_text=_("The thing's status then."))
    is_open = models.BooleanField(default=False, help_text=_("The gateway can still change it."))

    happened_at = models.DateTimeField(help_text=_("When it happened, as far as is known."))
    booked_at = models.DateTimeField(help_text=_("In which period it is: when it happened, or was learned."))
    created_at = models.DateTimeField()

    amount = SignedAmountField(help_text=_("What the balance changed by: the fee is taken off."))
    fee_amount = SignedAmountField(help_text=_("The gateway's fee, in the same currency."))
    network_fee_amount = AmountField(null=True, help_text=_("What the network took, in the coin."))
    coin_amount = AmountField(null=True, help_text=_("The coins that the customer paid, or that arrive."))
    coin = models.CharField(max_length=32, blank=True)
    value_amount = SignedAmountField(null=True, help_text=_("What the amount was worth; empty if not known."))
    value_currency = models.CharField(max_length=32, blank=True)
    rate = AmountField(null=True, help_text=_("The price of one coin in the value's currency."))
    rate_source = models.CharField(max_length=16, blank=True, choices=RateSource.choices)

    custom_id = CodeField(max_length=128, blank=True)
    order_id = CodeField(max_length=KEY_LENGTH, blank=True)
    txid = CodeField(max_length=256, blank=True)
    note = models.TextField(blank=True)

    objects = LockingManager["BookEntry"]()

    class Meta:
        default_permissions = ()
        verbose_name = _("book entry")
        verbose_name_plural = _("book entries")
        constraints = [
            models.UniqueConstraint(
                fields=["reference", "family", "currency", "number", "books"], name="cryptopay_entry_number"
            )
        ]
        indexes = [models.Index(fields=["books", "booked_at"], name="cryptopay_entry_booked")]

    def __str__(self) -> str:
        return f"{self.amount:f} {self.currency} of {self.kind} {self.reference}"


class ClosedPeriod(models.Model):
    """A period that is closed, and what its statement said. `since` is in it, `until` is not."""

    books = models.ForeignKey(Books, on_delete=models.PROTECT, related_name="periods", db_index=False)
    since = models.DateTimeField()
    until = models.DateTimeField()
    time_zone = models.CharField(max_length=64, help_text=_("In which the days of its statement are."))
    balances = models.JSONField(help_text=_("The closing balance of each currency, as text."))
    lines = models.PositiveIntegerField(help_text=_("How many entries it has."))
    digest = models.CharField(max_length=64, help_text=_("SHA-256 of all that its entries say."))
    differences = models.JSONField(
        default=list, help_text=_("How the gateway differed when it was closed, if that was accepted.")
    )
    closed_at = models.DateTimeField()
    closed_by = models.CharField(max_length=150, blank=True)
    mails = models.JSONField(default=dict, help_text=_("To whom it was mailed, and when."))

    objects = LockingManager["ClosedPeriod"]()

    class Meta:
        default_permissions = ()
        verbose_name = _("closed period")
        verbose_name_plural = _("closed periods")
        constraints = [models.UniqueConstraint(fields=["books", "since"], name="cryptopay_period_since")]

    def __str__(self) -> str:
        return f"{self.since:%Y-%m-%d} to {self.until:%Y-%m-%d} of {self.books_id}"
