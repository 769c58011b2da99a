"""Provides the pytest plugin. Its entry point loads it in every project that has this package installed.

It is imported before settings exist, so it imports only pytest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pytest_django import Settings

    from .inprocess import InProcessSandbox


@pytest.fixture
def cryptopay_sandbox(settings: Settings) -> InProcessSandbox:
    """Replace the gateway of every configured account: no socket, no thread, no sleep.

    Use it together with `db` or `transactional_db`. Callbacks are posted to the project's own URL, through all of its
    middleware.
    """
    from .inprocess import InProcessSandbox  # noqa: PLC0415 - needs configured settings, the plugin loads before

    sandbox = InProcessSandbox()
    # Through the same fixture as the test's own changes: two stacks of overrides undo each other.
    settings.CRYPTOPAY_HTTP_ADAPTER = sandbox.adapter_for
    return sandbox
