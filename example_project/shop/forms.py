from decimal import Decimal

from django import forms


class CheckoutForm(forms.Form):
    name = forms.CharField(max_length=80, widget=forms.TextInput({"autocomplete": "name"}))
    address = forms.CharField(max_length=300, widget=forms.Textarea({"rows": 3, "autocomplete": "street-address"}))

    @property
    def ship_to(self) -> str:
        return "{name}\n{address}".format(**self.cleaned_data)


class TopUpForm(forms.Form):
    amount = forms.DecimalField(
        label="Amount in EUR", min_value=Decimal(5), max_value=Decimal(2000), decimal_places=2, initial=Decimal(50)
    )


class AddressForm(forms.Form):
    coin = forms.ChoiceField(choices=[("BTC/bitcoin", "Bitcoin"), ("ETH/ethereum", "Ethereum"), ("XRP/ripple", "XRP")])
