"""The shop's ways to pay."""

from cryptopay_django.contrib.salesman.payment import CryptopayPayment


class Coins(CryptopayPayment):
    identifier = "coins"
    label = "Any coin"
    currency = "EUR"


class Bitcoin(CryptopayPayment):
    identifier = "bitcoin"
    label = "Bitcoin"
    currency = "EUR"
    pay_currency = "BTC"
    network = "bitcoin"
    return_url = "https://shop.example/orders/{ref}?token={token}"
