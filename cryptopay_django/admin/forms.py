"""Forms of the staff. Each carries the state that was shown: the invoice's version, and the sealed quote."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..gateway.schemas import split_address
from ..gateway.tags import TAG_NAMES
from ..models import Invoice, InvoiceStatus, StatusContext
from ..permissions import Act, may
from .display import is_short

EVERYTHING, ORDERED = "everything", "ordered"
OWN_ACCOUNT, ADDRESS = "own_account", "address"


class ActForm(forms.Form):
    """The fields of every act: the reason, and the state of the invoice that was shown."""

    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 3, "cols": 60}),
        help_text=gettext_lazy("For later readers: who asked for it, which ticket, what was agreed."),
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
        """Return whether the overage is to be refunded."""
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
    tag = forms.CharField(
        max_length=64, required=False, widget=forms.TextInput(attrs={"autocomplete": "off", "inputmode": "numeric"})
    )
    without_tag = forms.BooleanField(
        label=gettext_lazy("This address needs none"),
        required=False,
        help_text=gettext_lazy("Only for a wallet of the customer's own. At an exchange the coins would be lost."),
    )
    field_order = ["destination", "address", "tag", "without_tag", "reason"]

    def __init__(self, *args: Any, invoice: Invoice, user: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = []
        if may(user, Act.REFUND_TO_ADDRESS):
            theirs = _("To the customer, at the %(network)s address below")
            choices.append((ADDRESS, theirs % {"network": invoice.network}))
        else:
            del self.fields["address"]
        if "address" in self.fields and invoice.network in TAG_NAMES:
            self.fields["tag"].label = _("Memo ID") if invoice.network == "stellar" else _("Destination tag")
        else:
            del self.fields["tag"], self.fields["without_tag"]
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
        if "tag" in self.fields:
            self._clean_tag(values)
        return values

    def _clean_tag(self, values: dict[str, Any]) -> None:
        """A tag, in the address or beside it, or the word that none is needed: nothing is assumed."""
        tag, inside = (values.get("tag") or "").strip(), split_address(values["address"] or "")[1]
        values["tag"] = tag
        if values.get("destination") == OWN_ACCOUNT and (tag or values.get("without_tag")):
            self.add_error("tag", _("You chose our own account: it has no tag. Empty this."))
        elif values.get("destination") == ADDRESS and not (tag or inside or values.get("without_tag")):
            self.add_error("tag", _("Which destination tag or memo? Without the right one the coins may be lost."))


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


class EndForm(ActForm):
    """End by hand: why, and that what was asked has been read and looked for."""

    checked = forms.BooleanField(
        label=gettext_lazy("I have read what was asked, and found in the account that nothing of it was done")
    )
    field_order = ["checked", "reason"]


class QuoteForm(forms.Form):
    """Approve a settlement: at which quote."""

    quote = forms.CharField(widget=forms.HiddenInput, required=False, max_length=4000)
