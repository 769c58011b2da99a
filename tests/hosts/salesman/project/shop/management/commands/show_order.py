"""Print the status of an order, and what was paid for it."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from salesman.core.utils import get_salesman_model


class Command(BaseCommand):
    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("ref")

    def handle(self, *args: Any, ref: str, **options: Any) -> None:
        order = get_salesman_model("Order").objects.get(ref=ref)
        self.stdout.write(f"{order.status} {order.amount_paid}")
