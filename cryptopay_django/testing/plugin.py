"""The pytest plugin, loaded by its entry point in every project that has this package installed.

It is imported before settings exist, so it imports nothing but pytest.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .inprocess import InProcessSandbox


@pytest.fixture
def cryptopay_sandbox() -> Iterator[InProcessSandbox]:
    """Stand in for the gateway of every configured account: no socket, no thread, no sleep.

    Use it beside a fixture that allows the database (`db`, `transactional_db`): callbacks are posted
    to the project's own URL through its whole middleware.
    """
    from .inprocess import InProcessSandbox  # noqa: PLC0415 - needs configured settings, the plugin loads before

    with InProcessSandbox() as sandbox:
        yield sandbox
