"""Put a mug on sale, and let the admin in."""

from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand

from shop.models import Product


class Command(BaseCommand):
    def handle(self, *args: Any, **options: Any) -> None:
        Product.objects.create(name="Mug", price=50)
        get_user_model().objects.create_superuser("admin", password="admin")
