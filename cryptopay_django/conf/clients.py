"""Keeps one client for each account and thread, with its pool of connections."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..gateway.rate_limit import Limiter
from ..redaction import hide_locals
from .accounts import Account, get_account, read_account
from .settings import app_settings

if TYPE_CHECKING:
    from ..gateway.client import Client

_kept = threading.local()
_make_limiter: Callable[[str, float], Limiter] | None = None


def limit_with(make: Callable[[str, float], Limiter] | None) -> None:
    """Set what makes the limiter of a new client, from the API key and the seconds of a call that are not for waiting.

    Without it, each process counts its own calls.
    """
    global _make_limiter  # noqa: PLW0603  set once, when the app is ready
    _make_limiter = make


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

    adapter, timeout = app_settings.HTTP_ADAPTER, app_settings.TOTAL_TIMEOUT
    # An adapter from outside stands for a network of its own, which has no limit.
    limiter = _make_limiter(account.api_key, timeout / 2) if _make_limiter and adapter is None else None
    return Client(
        account.api_key,
        account.api_secret,
        account.base_url,
        adapter=adapter(account.name) if adapter else None,
        limiter=limiter,
        connect_timeout=app_settings.CONNECT_TIMEOUT,
        total_timeout=timeout,
    )
