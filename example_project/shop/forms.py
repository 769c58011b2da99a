from decimal import Decimal
from typing import Any

from django import forms

from .checkout import COINS

BALANCE = "balance"


def coin_field() -> forms.ChoiceField:
    return forms.ChoiceField(choices=[(key, coin.label) for key, coin in COINS.items()], initial="btc")


class CoinForm(forms.Form):
    coin = coin_field()


class CheckoutForm(forms.Form):
    name = forms.CharField(max_length=80, widget=forms.TextInput({"autocomplete": "name"}))
    address = forms.CharField(max_length=300, widget=forms.Textarea({"rows": 3, "autocomplete": "street-address"}))
    coin = coin_field()

    def __init__(self, *args: Any, can_pay_from_balance: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.can_pay_from_balance = can_pay_from_balance
        if can_pay_from_balance:
            self.fields["coin"].choices += [(BALANCE, "Balance")]

    @property
    def ship_to(self) -> str:
        return "{name}\n{address}".format(**self.cleaned_data)


class TopUpForm(CoinForm):
    amount = forms.DecimalField(
        label="Amount in EUR", min_value=Decimal(5), max_value=Decimal(2000), decimal_places=2, initial=Decimal(50)
    )
