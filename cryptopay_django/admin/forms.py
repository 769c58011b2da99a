"""Defines the forms of the staff. Each carries the shown state: the invoice's version, and the signed quote."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..exceptions import AddressError, CryptopayError, RefundAmountError, RefundRefusedError
from ..gateway.tags import LARGEST_TAG, split_address
from ..models import Invoice, InvoiceStatus, StatusContext
from ..permissions import Act, may
from ..services import FeeBearer, named_refund_address
from .display import is_short, network
from .refund_link_text import named_text

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

    def __init__(self, *args: Any, row: Any = None, user: Any = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)


class SettleForm(ActForm):
    """Settle: of an overpaid invoice also how much of it."""

    quote = forms.CharField(widget=forms.HiddenInput, required=False, max_length=4000)

    def __init__(self, *args: Any, row: Invoice, user: Any, **kwargs: Any) -> None:
        super().__init__(*args, row=row, user=user, **kwargs)
        if row.status_context == StatusContext.OVERPAID:
            choices = [(EVERYTHING, _("Credit everything"))]
            if may(user, Act.REFUND):
                choices.append((ORDERED, _("Credit the ordered amount, refund the overage to our own coin account")))
            self.fields["choice"] = forms.ChoiceField(label=_("How much"), choices=choices, widget=forms.RadioSelect)
            self.order_fields(["choice", "reason"])

    @property
    def is_ordered_only(self) -> bool:
        """Return whether the overage is to be refunded."""
        return self.cleaned_data.get("choice") == ORDERED


def fill_in_named(form: forms.Form, row: Invoice, **more: Any) -> None:
    """Begin with the address that the customer named by a link, if there is one, and say so beside it."""
    if named := named_refund_address(row):
        given = {"address": named.address, "tag": named.destination_tag, "without_tag": named.without_tag, **more}
        form.initial = {**given, **form.initial}
        form.fields["address"].help_text = named_text(named)


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

    def __init__(self, *args: Any, row: Invoice, user: Any, **kwargs: Any) -> None:
        super().__init__(*args, row=row, user=user, **kwargs)
        choices = []
        if may(user, Act.REFUND_TO_ADDRESS):
            theirs = _("To the customer, at the %(network)s address below")
            choices.append((ADDRESS, theirs % {"network": network(row.network, row.pay_currency)}))
        else:
            del self.fields["address"]
        if "address" in self.fields:
            fill_in_named(self, row, destination=ADDRESS)
        if "address" in self.fields and row.network in LARGEST_TAG:
            self.fields["tag"].label = _("Memo ID") if row.network == "stellar" else _("Destination tag")
        else:
            del self.fields["tag"], self.fields["without_tag"]
        if may(user, Act.REFUND):
            own = _("To OUR OWN %(coin)s account at the gateway. The customer gets nothing.")
            choices.append((OWN_ACCOUNT, own % {"coin": row.pay_currency}))
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
            self.add_error("tag", _("You chose our own account, which has no tag. Leave this field empty."))
        elif values.get("destination") == ADDRESS and not (tag or inside or values.get("without_tag")):
            self.add_error(
                "tag", _("Enter the destination tag or memo. Without the right one, the coins may be lost.")
            )


class ReturnForm(ActForm):
    """Refund a completed invoice: how much, where to, and who bears the network's fee. The quote comes second."""

    amount = forms.DecimalField(
        label=gettext_lazy("Amount"),
        max_digits=38,
        decimal_places=18,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
    )
    currency = forms.ChoiceField(label=gettext_lazy("Currency of the amount"))
    address = RefundForm.declared_fields["address"]
    tag = RefundForm.declared_fields["tag"]
    without_tag = RefundForm.declared_fields["without_tag"]
    network_fee_borne_by = forms.ChoiceField(label=gettext_lazy("Who bears the network fee"), widget=forms.RadioSelect)
    quote = forms.CharField(widget=forms.HiddenInput, required=False, max_length=4000)
    field_order = ["amount", "currency", "address", "tag", "without_tag", "network_fee_borne_by", "reason"]

    def __init__(self, *args: Any, row: Invoice, user: Any, **kwargs: Any) -> None:
        super().__init__(*args, row=row, user=user, **kwargs)
        self.fields["address"].required = True
        fill_in_named(self, row)
        self._choose("currency", {row.price_currency: row.price_currency, row.pay_currency: row.pay_currency})
        ours = _("We do: the customer gets the whole amount")
        theirs = _("The customer: the fee is taken out of the coins")
        self._choose("network_fee_borne_by", {FeeBearer.MERCHANT.value: ours, FeeBearer.CUSTOMER.value: theirs})
        if row.network in LARGEST_TAG:
            self.fields["tag"].label = _("Memo ID") if row.network == "stellar" else _("Destination tag")
        else:
            del self.fields["tag"], self.fields["without_tag"]

    def _choose(self, name: str, choices: dict[str, Any]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101  for the type checker
        field.choices = list(choices.items())
        field.initial = next(iter(choices))

    def asked(self) -> dict[str, Any]:
        """Return what is asked for, as `quote_refund` takes it."""
        values = self.cleaned_data
        return {
            "amount": values["amount"],
            "currency": values["currency"],
            "address": values["address"].strip(),
            "tag": (values.get("tag") or "").strip() or None,
            "without_tag": values.get("without_tag", False),
            "network_fee_borne_by": values["network_fee_borne_by"],
        }

    def hide(self) -> None:
        """Let the browser carry every field, and show none: the quote has been shown, and is what counts."""
        for field in self.fields.values():
            field.widget = forms.HiddenInput()

    def take_refusal(self, error: CryptopayError) -> bool:
        """Put an error at the fields that it is about; return whether it is about the input at all."""
        if isinstance(error, RefundRefusedError):
            problems = error.problems or (("", str(error)),)
        elif isinstance(error, AddressError | RefundAmountError):
            problems = ((error.field, str(error)),)
        else:
            return False
        for field, text in problems:
            self.add_error(field if field in self.fields else None, text)
        return True


class ReleaseForm(ActForm):
    """Release: of an invoice that was also settled short, whether that is accepted."""

    def __init__(self, *args: Any, row: Invoice, user: Any, **kwargs: Any) -> None:
        super().__init__(*args, row=row, user=user, **kwargs)
        if row.quarantine_reason and row.status == InvoiceStatus.COMPLETED and is_short(row):
            self.fields["accept_shortfall"] = forms.BooleanField(
                label=_("Accept the shortfall too: the shop ships"), required=False
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
