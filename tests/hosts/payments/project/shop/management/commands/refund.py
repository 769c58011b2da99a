"""Refund a payment, or print the link where the customer says where the coins go."""

from argparse import ArgumentParser
from decimal import Decimal
from typing import Any

from django.core.management.base import BaseCommand
from payments import get_payment_model

from cryptopay_django.contrib.payments.refunds import RefundAddressNeededError


class Command(BaseCommand):
    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("payment", type=int)
        parser.add_argument("amount", type=Decimal)

    def handle(self, *args: Any, payment: int, amount: Decimal, **options: Any) -> None:
        row = get_payment_model().objects.get(pk=payment)
        try:
            row.refund(amount)
        except RefundAddressNeededError as error:
            self.stdout.write(error.url)
        else:
            self.stdout.write(f"{row.status}, {row.captured_amount} {row.currency} are left")
