"""Fills the shelves. Safe to run again: what is there is brought up to date, never doubled."""

from argparse import ArgumentParser
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError

from ...models import Product

PRODUCTS = [
    ("enamel-mug", "Enamel mug", "16.50", "Chips in time, lasts for ever",
     "Steel under two coats of enamel. Light enough for a rucksack, tough enough for the fire."),
    ("harbour-roast", "Harbour roast", "12.90", "250 g of coffee, medium dark",
     "Beans from three growers, roasted on Tuesdays. Cocoa first, then something like dried plum.", "coffee"),
    ("moka-pot", "Moka pot", "39.00", "Three cups, one gurgle",
     "Cast aluminium with a spout that does not drip. Unscrew, fill, wait for the sound."),
    ("tide-notebook", "Tide notebook", "14.90", "160 pages that lie flat",
     "Thread-sewn, 100 g paper, a ribbon to find your way back. Takes ink without complaint.", "notebook"),
    ("stoneware-teapot", "Stoneware teapot", "49.90", "Keeps a litre warm",
     "Thrown, glazed and fired twice in a small pottery by the estuary. No two are quite alike.", "teapot"),
    ("desk-lamp", "Desk lamp", "89.00", "Warm light, two joints",
     "A heavy foot, a head that stays where you put it, and a bulb that you can change yourself.", "lamp"),
    ("beeswax-candle", "Beeswax candle", "19.00", "Forty quiet hours",
     "Poured into amber glass. It smells of very little, which is the point.", "candle"),
    ("linen-tote", "Linen tote", "24.00", "Carries a week of bread",
     "Heavy washed linen with handles long enough for a shoulder in a winter coat.", "tote"),
]  # fmt: skip

# (user name, password, first name, may enter the admin): for a laptop, in plain sight.
DEMO_USERS = [("staff", "staff-demo", "Stella", True), ("ada", "ada-demo", "Ada", False)]


class Command(BaseCommand):
    help = "Put the products on the shelves; with --demo-users also make a staff login and a customer."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--demo-users", action="store_true", help="Only where DEBUG is on.")

    def handle(self, *args: Any, demo_users: bool, verbosity: int, **options: Any) -> None:
        for slug, name, price, tagline, description, *art in PRODUCTS:
            defaults = {
                "name": name,
                "price": Decimal(price),
                "tagline": tagline,
                "description": description,
                "art": f"{art[0] if art else slug}.svg",
            }
            Product.objects.update_or_create(slug=slug, defaults=defaults)
        if demo_users:
            if not settings.DEBUG:
                raise CommandError("--demo-users makes logins whose passwords everybody can read: set DEBUG.")
            for username, password, first_name, is_staff in DEMO_USERS:
                user, _ = get_user_model().objects.get_or_create(username=username)
                user.first_name, user.is_staff, user.is_superuser = first_name, is_staff, is_staff
                user.set_password(password)
                user.save()
        if verbosity:
            self.stdout.write(f"{Product.objects.count()} products on the shelves.")
