"""Uses up what a use may call in a minute, for tests of what happens then."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from cryptopay_django.models import Schedule
from cryptopay_django.services.rate_limit_by_use import Use


def use_up(use: Use, *, left: int = 0) -> None:
    """Leave the default account so many calls for a use.

    None is left for minutes: on a busy machine a call would come back meanwhile. Where some are left, freeze the time.
    """
    rate = use.value
    due_at = timezone.now() + (rate.interval * (rate.burst - left) if left else timedelta(minutes=5))
    Schedule.objects.update_or_create(name=f"{use.name.lower()} default", defaults={"due_at": due_at})
