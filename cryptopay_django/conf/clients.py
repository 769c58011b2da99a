"""Keeps one client for each account and thread, with its pool of connections."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any

from ..redaction import hide_locals
from .accounts import Account, get_account, read_account
from .settings import app_settings

if TYPE_CHECKING:
    from ..gateway.client import Client

_kept = threading.local()


@hide_locals
def client_for(account_name: str) -> Client:
    """Return this thread's client for an account, with its connection pool. A change of settings creates a new one.

    The process id is part of the key, because a connection must not be shared after a fork.
    """
    account = get_account(account_name)
    adapter = app_settings.HTTP_ADAPTER
    key = (os.getpid(), account, adapter, app_settings.CONNECT_TIMEOUT, app_settings.TOTAL_TIMEOUT)
    clients: dict[str, tuple[Any, Client]] = _kept.__dict__.setdefault("clients", {})
    if account_name not in clients or clients[account_name][0] != key:
        clients[account_name] = (key, _new_client(account))
    return clients[account_name][1]


@hide_locals
def client_for_entry(account_name: str, entry: object) -> Client:
    """Return a new client for an entry as CRYPTOPAY_ACCOUNTS has it, which need not be in there.

    Raises ImproperlyConfigured if the entry is wrong.
    """
    return _new_client(read_account(account_name, entry))


def _new_client(account: Account) -> Client:
    from ..gateway.client import Client  # noqa: PLC0415  brings requests: a process that calls nobody needs none

    adapter = app_settings.HTTP_ADAPTER
    return Client(
        account.api_key,
        account.api_secret,
        account.base_url,
        adapter=adapter(account.name) if adapter else None,
        connect_timeout=app_settings.CONNECT_TIMEOUT,
        total_timeout=app_settings.TOTAL_TIMEOUT,
    )
