"""Defines the form by which staff make a payment link. `create_payment_link` checks what it means for money."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..conf import account_names, app_settings
from ..models import PaymentLinkKind
from ..models.payment_link import DESCRIPTION_LENGTH, REFERENCE_LENGTH

ONCE, OFTEN = "once", "often"


def _amount(label: Any, help_text: Any = "") -> forms.CharField:
    widget = forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off", "size": 12})
    return forms.CharField(label=label, help_text=help_text, required=False, max_length=40, widget=widget)


class PaymentLinkForm(forms.Form):
    """The arguments of `create_payment_link`. Amounts are texts here: the service reads them exactly."""

    description = forms.CharField(
        label=gettext_lazy("Text for the customer"),
        max_length=DESCRIPTION_LENGTH,
        required=False,
        widget=forms.TextInput(attrs={"size": 60}),
        help_text=gettext_lazy("What is paid for. It is on the page, on the receipt, and at the gateway."),
    )
    price_amount = _amount(
        gettext_lazy("Amount"), gettext_lazy("As in 49.90. Empty: the customer chooses, as for a donation.")
    )
    price_currency = forms.CharField(
        label=gettext_lazy("Currency"),
        max_length=32,
        widget=forms.TextInput(attrs={"size": 6, "autocomplete": "off"}),
        help_text=gettext_lazy("An ISO 4217 code such as EUR."),
    )
    least_amount = _amount(gettext_lazy("At least"), gettext_lazy("Only if the customer chooses the amount."))
    most_amount = _amount(gettext_lazy("At most"), gettext_lazy("Only if the customer chooses the amount."))
    uses = forms.ChoiceField(
        label=gettext_lazy("How often it can be paid"),
        choices=[(ONCE, gettext_lazy("Once")), (OFTEN, gettext_lazy("Any number of times"))],
        initial=ONCE,
        widget=forms.RadioSelect,
    )
    kind = forms.ChoiceField(
        label=gettext_lazy("For"),
        choices=[
            (PaymentLinkKind.LINK.value, gettext_lazy("a payment")),
            (PaymentLinkKind.DONATION.value, gettext_lazy("a donation")),
        ],
        widget=forms.RadioSelect,
        initial=PaymentLinkKind.LINK.value,
        help_text=gettext_lazy("It selects the words on the page."),
    )
    expires_at = forms.DateTimeField(
        label=gettext_lazy("Valid until"),
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        help_text=gettext_lazy("Empty: until it is cancelled."),
    )
    reference = forms.CharField(
        label=gettext_lazy("Reference"),
        max_length=REFERENCE_LENGTH,
        required=False,
        help_text=gettext_lazy("For staff, such as an order number. The customer does not see it."),
    )
    account = forms.ChoiceField(label=gettext_lazy("Account"), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["price_currency"].initial = app_settings.COUNTER_CURRENCIES[0]
        names = account_names()
        if len(names) > 1:
            account = self.fields["account"]
            assert isinstance(account, forms.ChoiceField)  # noqa: S101  for the type checker
            account.choices = [("", _("as the project chooses")), *((name, name) for name in names)]
        else:
            del self.fields["account"]

    def clean(self) -> dict[str, Any]:
        """Return the arguments by their names; what was left empty is None."""
        values: dict[str, Any] = super().clean() or self.cleaned_data
        for name in ("price_amount", "least_amount", "most_amount", "account"):
            values[name] = (values.get(name) or "").strip().replace(",", ".") or None
        values["price_currency"] = (values.get("price_currency") or "").strip().upper()
        values["is_reusable"] = values.pop("uses", ONCE) == OFTEN
        return values
