"""Print the link by which the customer of an order says where coins go back, as the admin makes it."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from salesman.core.utils import get_salesman_model

from cryptopay_django.models import Invoice
from cryptopay_django.services import make_refund_link


class Command(BaseCommand):
    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("ref")

    def handle(self, *args: Any, ref: str, **options: Any) -> None:
        order = get_salesman_model("Order").objects.get(ref=ref)
        self.stdout.write(make_refund_link(Invoice.objects.for_order(order)[0], actor="staff").path)
