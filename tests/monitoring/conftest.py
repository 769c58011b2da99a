"""A token, requests with and without it, and a cache that remembers nothing of the test before."""

from __future__ import annotations

import pytest
from django.core.cache import cache

TOKEN = "a-token-for-the-machines-that-watch"


@pytest.fixture(autouse=True)
def _fresh(db, settings):
    cache.clear()
    settings.CRYPTOPAY_MONITORING_TOKEN = TOKEN


@pytest.fixture
def ask(client):
    """Ask for a page below /cryptopay/, with the token unless told otherwise."""

    def get(page: str, token: str = f"Bearer {TOKEN}", **headers: str):
        if token:
            headers["Authorization"] = token
        return client.get(f"/cryptopay/{page}/", headers=headers)

    return get
