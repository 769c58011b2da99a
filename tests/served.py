"""A sandbox that is really served on loopback, in a thread, and the site's settings that point at it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

from django.conf import settings as project

from cryptopay_django.sandbox.account import Account
from cryptopay_django.sandbox.clock import Clock
from cryptopay_django.sandbox.core import Sandbox
from cryptopay_django.sandbox.post_callback import post
from cryptopay_django.sandbox.server import SandboxServer


@contextmanager
def served_sandbox(settings: Any, *, callback_url: str = "", seed: str = "served") -> Iterator[SandboxServer]:
    """Serve the gateway of the account "default" on a free port until the block ends.

    With an API key of its own each time: the requests of one test are not counted together with another's.
    """
    site = project.CRYPTOPAY_ACCOUNTS["default"]
    account = Account(
        api_key=site["API_KEY"],
        api_secret=site["API_SECRET"],
        callback_secrets=site["CALLBACK_SECRETS"][:1],
        callback_url=callback_url,
    )
    server = SandboxServer(("127.0.0.1", 0), Sandbox(account=account, seed=seed, clock=Clock(), post=post))
    server.sandbox.state.base_url = server.url
    settings.CRYPTOPAY_ACCOUNTS = {"default": site | {"BASE_URL": server.url}}
    give_new_key(server, settings)
    server.start()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.stop()


def give_new_key(server: SandboxServer, settings: Any) -> None:
    """Let the site use an API key from which nothing was sent yet: an account may send 200 requests a minute."""
    key = server.sandbox.account.api_key = f"key-{uuid4()}"
    server.sandbox.state.recent_requests.clear()
    settings.CRYPTOPAY_ACCOUNTS = {"default": project.CRYPTOPAY_ACCOUNTS["default"] | {"API_KEY": key}}
