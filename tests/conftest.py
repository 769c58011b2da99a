"""Fixtures that the whole suite shares. Factories and the sandbox's live in `cryptopay_django.testing`."""

import pytest

from cryptopay_django.services.worker import queue

pytest_plugins = ["tests.canary"]


@pytest.fixture(autouse=True)
def nobody_has_looked_lately() -> None:
    """What is overdue is looked for once a second: another test's look is not this one's."""
    queue.looks.forget()
