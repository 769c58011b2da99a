"""What staff fill in. What they were shown travels with it: the invoice's version, and the quote, sealed."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..models import Invoice, InvoiceStatus, StatusContext
from ..permissions import Act, may
from .display import is_short

EVERYTHING, ORDERED = "everything", "ordered"
OWN_ACCOUNT, ADDRESS = "own_account", "address"


class ActForm(forms.Form):
    """What every act asks: why, and of which state of the invoice."""

    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 3, "cols": 60}),
        help_text=gettext_lazy("For whoever reads this later: who asked for it, which ticket, what was agreed."),
    )
    version = forms.IntegerField(widget=forms.HiddenInput)


class SettleForm(ActForm):
    """Settle: of an overpaid invoice also how much of it."""

    quote = forms.CharField(widget=forms.HiddenInput, required=False, max_length=4000)

    def __init__(self, *args: Any, invoice: Invoice, user: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if invoice.status_context == StatusContext.OVERPAID:
            choices = [(EVERYTHING, _("Credit everything"))]
            if may(user, Act.REFUND):
                choices.append((ORDERED, _("Credit the ordered amount, refund the overage to our own coin account")))
            self.fields["choice"] = forms.ChoiceField(label=_("How much"), choices=choices, widget=forms.RadioSelect)
            self.order_fields(["choice", "reason"])

    @property
    def is_ordered_only(self) -> bool:
        """Whether the overage is to be refunded."""
        return self.cleaned_data.get("choice") == ORDERED


class RefundForm(ActForm):
    """Refund: to whom. Only what the person may do can be chosen."""

    destination = forms.ChoiceField(label=gettext_lazy("To whom"), widget=forms.RadioSelect)
    address = forms.CharField(
        label=gettext_lazy("Customer's address"),
        max_length=256,
        required=False,
        widget=forms.TextInput(attrs={"size": 60, "autocomplete": "off", "spellcheck": "false"}),
    )
    field_order = ["destination", "address", "reason"]

    def __init__(self, *args: Any, invoice: Invoice, user: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = []
        if may(user, Act.REFUND_TO_ADDRESS):
            theirs = _("To the customer, at the %(network)s address below")
            choices.append((ADDRESS, theirs % {"network": invoice.network}))
        else:
            del self.fields["address"]
        if may(user, Act.REFUND):
            own = _("To OUR OWN %(coin)s account with the service. The customer gets nothing by this.")
            choices.append((OWN_ACCOUNT, own % {"coin": invoice.pay_currency}))
        destination = self.fields["destination"]
        assert isinstance(destination, forms.ChoiceField)  # noqa: S101  for the type checker
        destination.choices = choices

    def clean(self) -> dict[str, Any]:
        """An address, or none: never one that is then not used."""
        values: dict[str, Any] = super().clean() or self.cleaned_data
        address = (values.get("address") or "").strip()
        if values.get("destination") == ADDRESS and not address:
            self.add_error("address", _("Where are the coins to go?"))
        if values.get("destination") == OWN_ACCOUNT and address:
            self.add_error("address", _("You chose our own account: the address would not be used. Empty it."))
        values["address"] = address or None
        return values


class ReleaseForm(ActForm):
    """Release: of an invoice that was also settled short, whether that is accepted."""

    def __init__(self, *args: Any, invoice: Invoice, user: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if invoice.quarantine_reason and invoice.status == InvoiceStatus.COMPLETED and is_short(invoice):
            self.fields["accept_shortfall"] = forms.BooleanField(
                label=_("Accept the shortfall too: the shop delivers"), required=False
            )

    def accepts_shortfall(self, invoice: Invoice) -> bool:
        """Without a quarantine to end, accepting is all there is."""
        return not invoice.quarantine_reason or bool(self.cleaned_data.get("accept_shortfall"))


class ReasonForm(forms.Form):
    """Withdraw: why."""

    reason = ActForm.declared_fields["reason"]


class QuoteForm(forms.Form):
    """Approve a settlement: at which quote."""

    quote = forms.CharField(widget=forms.HiddenInput, required=False, max_length=4000)
