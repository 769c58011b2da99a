"""Fixtures of the services' tests."""

from __future__ import annotations

import pytest

from .desk import Wire


@pytest.fixture
def wire(cryptopay_sandbox, settings):
    """The sandbox of every account, behind a wire that can fail."""
    wire = Wire(cryptopay_sandbox)
    settings.CRYPTOPAY_HTTP_ADAPTER = wire.adapter_for
    return wire
