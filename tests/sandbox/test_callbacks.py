"""Callbacks on their way: signature, retries on the virtual clock, resend, rotation, the log."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from cryptopay_django.gateway.signing import SIGNATURE_HEADER, verify_callback
from cryptopay_django.sandbox.callbacks import retry_delay
from cryptopay_django.sandbox.core import Sandbox

from .conftest import Merchant, Shop, pass_time


@pytest.mark.parametrize(("retry", "seconds"), [(0, 30), (1, 32), (2, 48), (3, 114), (19, 130_370)])
def test_the_wait_before_a_retry_follows_the_schedule(retry: int, seconds: int) -> None:
    assert retry_delay(retry) == timedelta(seconds=seconds)


def test_a_callback_is_signed_over_its_very_bytes(sandbox: Sandbox, merchant: Merchant, shop: Shop) -> None:
    sandbox.pay(merchant.order()["id"])
    sandbox.deliver()

    headers, body = shop.posts[0]
    assert verify_callback(body, headers[SIGNATURE_HEADER], secrets=sandbox.account.callback_secrets) == 0
    assert list(json.loads(body)) == ["type", "event", "data"]


@pytest.mark.parametrize("status", [201, 204, 301, 404, 500])
def test_anything_but_a_200_is_tried_again(sandbox: Sandbox, merchant: Merchant, shop: Shop, status: int) -> None:
    shop.answers = [status]
    sandbox.pay(merchant.order()["id"])
    sandbox.deliver()
    pass_time(sandbox, seconds=29)
    assert len(shop.posts) == 1

    pass_time(sandbox, seconds=1)

    assert len(shop.posts) == 2
    assert shop.posts[0] == shop.posts[1]


def test_a_callback_is_gone_after_twenty_retries(sandbox: Sandbox, merchant: Merchant, shop: Shop) -> None:
    shop.answers = [500] * 50
    sandbox.pay(merchant.order()["id"], double_spend=True)
    sandbox.deliver()

    pass_time(sandbox, days=13)

    (callback,) = sandbox.state.outbox.log.values()
    waits = [later.at - earlier.at for earlier, later in zip(callback.attempts, callback.attempts[1:], strict=False)]
    assert waits == [retry_delay(retry) for retry in range(20)]
    assert callback.state == "gone"


def test_a_host_that_breaks_down_is_tried_again(sandbox: Sandbox, merchant: Merchant) -> None:
    def break_down(url: str, headers: dict[str, str], body: bytes) -> None:
        raise ConnectionResetError("reset by peer")

    sandbox.post = break_down
    sandbox.pay(merchant.order()["id"])

    (attempt,) = sandbox.deliver()

    assert (attempt.status, attempt.answer.error) == (None, "ConnectionResetError: reset by peer")
    assert sandbox.state.outbox.next_due() == attempt.at + timedelta(seconds=30)


def test_a_resend_posts_the_old_body_with_the_secret_of_today(
    sandbox: Sandbox, merchant: Merchant, shop: Shop
) -> None:
    sandbox.pay(merchant.order()["id"])
    (attempt,) = sandbox.deliver()
    sandbox.change_settings({"callback_secret": "brand new"})
    pass_time(sandbox, days=90)

    sandbox.resend(attempt.callback_id)
    sandbox.deliver()

    headers, body = shop.posts[-1]
    assert body == shop.posts[0][1]
    assert verify_callback(body, headers[SIGNATURE_HEADER], secrets=["brand new"]) == 0


def test_both_secrets_are_in_use_while_they_are_rotated(sandbox: Sandbox, merchant: Merchant, shop: Shop) -> None:
    old = sandbox.account.callback_secrets[0]
    invoice = merchant.order()["id"]
    sandbox.pay(invoice)
    sandbox.change_settings({"callback_secret": "brand new"})
    sandbox.confirm(invoice)
    sandbox.deliver()

    used = [
        verify_callback(body, headers[SIGNATURE_HEADER], secrets=["brand new", old]) for headers, body in shop.posts
    ]
    assert used == [1, 0, 0]


def test_a_host_may_ask_the_api_while_it_receives(sandbox: Sandbox, merchant: Merchant, shop: Shop) -> None:
    seen = []

    def ask(url: str, headers: dict[str, str], body: bytes) -> object:
        seen.append(merchant.read(json.loads(body)["data"])["status"])
        assert sandbox.deliver() == []
        return shop.receive(url, headers, body)

    sandbox.post = ask
    invoice = merchant.order()["id"]
    sandbox.pay(invoice)
    sandbox.confirm(invoice)
    sandbox.deliver()

    assert seen == ["completed"] * 3


def test_the_log_forgets_the_oldest_that_are_done(sandbox: Sandbox, merchant: Merchant) -> None:
    sandbox.state.outbox.log_length = 30
    for _ in range(50):
        sandbox.pay(merchant.order()["id"])
        sandbox.deliver()

    assert len(sandbox.state.outbox.log) <= 30
