"""The trouble maker: each fault by itself, as planned; and by chance, the same again with the same seed."""

from __future__ import annotations

import threading
from decimal import Decimal

import pytest
import requests

from cryptopay_django.exceptions import SignatureError
from cryptopay_django.gateway.signing import SIGNATURE_HEADER, verify_callback
from cryptopay_django.sandbox.adapter import SandboxAdapter
from cryptopay_django.sandbox.callbacks import Answer
from cryptopay_django.sandbox.core import Sandbox
from cryptopay_django.sandbox.network_faults import API_FAULTS, CALLBACK_FAULTS, MEANINGS, Fault, Trouble
from cryptopay_django.sandbox.refusals import RefusalError

from .conftest import Merchant, Shop, pass_time

ORDER = {"price_amount": "100.0", "price_currency": "EUR", "pay_currency": "BTC"}


@pytest.fixture
def strict(sandbox: Sandbox, shop: Shop) -> Shop:
    """A shop that answers 401 to what was not signed by the gateway, and remembers what was."""

    def receive(url: str, headers: dict[str, str], body: bytes) -> Answer:
        try:
            verify_callback(body, headers[SIGNATURE_HEADER], secrets=sandbox.account.callback_secrets)
        except SignatureError:
            return Answer(401)
        return shop.receive(url, headers, body)

    sandbox.post = receive
    return shop


def pay_with(sandbox: Sandbox, merchant: Merchant, fault: str, *, after_effect: bool = False) -> None:
    invoice = merchant.order()["id"]
    sandbox.pay(invoice)
    sandbox.fail_next(fault, after_effect=after_effect)
    sandbox.deliver()


def test_there_is_none_until_it_is_asked_for(sandbox: Sandbox, merchant: Merchant, shop: Shop) -> None:
    sandbox.pay(merchant.order()["id"])
    (attempt,) = sandbox.deliver()

    assert (attempt.ok, attempt.trouble, sandbox.state.trouble.drawn) == (True, "", 0)


def test_every_fault_belongs_to_one_side_and_has_a_meaning() -> None:
    assert [*CALLBACK_FAULTS, *API_FAULTS] == list(Fault) == list(MEANINGS)


def test_a_duplicate_arrives_twice(sandbox: Sandbox, merchant: Merchant, shop: Shop) -> None:
    pay_with(sandbox, merchant, "duplicate")
    pass_time(sandbox, minutes=5)

    assert shop.posts[0] == shop.posts[1]
    assert shop.story[:2] == ["transaction_created(new)"] * 2
    assert len(shop.posts) == 2


def test_duplicates_arrive_at_the_same_time_where_there_are_threads(sandbox: Sandbox, merchant: Merchant) -> None:
    both = threading.Barrier(2, timeout=10)

    def receive(url: str, headers: dict[str, str], body: bytes) -> Answer:
        both.wait()
        return Answer(200)

    sandbox.post, sandbox.parallel = receive, True
    sandbox.pay(merchant.order()["id"])
    sandbox.fail_next("duplicate")

    assert [attempt.status for attempt in sandbox.deliver()] == [200, 200]


def test_a_reordered_callback_is_overtaken(sandbox: Sandbox, merchant: Merchant, shop: Shop) -> None:
    invoice = merchant.order()["id"]
    sandbox.pay(invoice)
    sandbox.fail_next("reorder")
    sandbox.confirm(invoice)
    sandbox.deliver()
    pass_time(sandbox, minutes=1)

    assert shop.story == ["transaction_confirmed(new)", "status_changed(completed)", "transaction_created(new)"]


def test_a_callback_is_held_back_once_and_then_arrives(sandbox: Sandbox, merchant: Merchant, shop: Shop) -> None:
    sandbox.trouble({"reorder": 1})
    sandbox.pay(merchant.order()["id"], double_spend=True)
    sandbox.deliver()
    assert shop.posts == []

    pass_time(sandbox, minutes=1)

    assert shop.story == ["transaction_created(new)"]


def test_a_dropped_callback_never_arrives_but_can_be_resent(sandbox: Sandbox, merchant: Merchant, shop: Shop) -> None:
    pay_with(sandbox, merchant, "drop")
    (callback,) = sandbox.state.outbox.log.values()
    assert (callback.state, shop.posts) == ("gone", [])

    sandbox.resend(callback.id)
    sandbox.deliver()

    assert len(shop.posts) == 1


@pytest.mark.parametrize(
    ("fault", "after_effect", "arrivals"),
    [("delay", False, 2), ("reset", False, 1), ("reset", True, 2)],
)
def test_a_lost_answer_or_a_broken_connection_is_tried_again(
    sandbox: Sandbox, merchant: Merchant, shop: Shop, fault: str, after_effect: bool, arrivals: int
) -> None:
    pay_with(sandbox, merchant, fault, after_effect=after_effect)
    assert len(shop.posts) == arrivals - 1

    pass_time(sandbox, seconds=30)

    assert len(shop.posts) == arrivals


@pytest.mark.parametrize("fault", ["cut", "wrong_secret"])
def test_what_was_tampered_with_does_not_verify_and_comes_again_whole(
    sandbox: Sandbox, merchant: Merchant, strict: Shop, fault: str
) -> None:
    pay_with(sandbox, merchant, fault)
    pass_time(sandbox, seconds=30)

    (callback,) = sandbox.state.outbox.log.values()
    assert [(attempt.status, attempt.trouble) for attempt in callback.attempts] == [(401, fault), (200, "")]
    assert [body for _, body in strict.posts] == [callback.body]


@pytest.mark.parametrize(("after_effect", "invoices"), [(False, 0), (True, 1)])
def test_an_api_error_comes_before_or_after_the_effect(
    sandbox: Sandbox, merchant: Merchant, after_effect: bool, invoices: int
) -> None:
    sandbox.fail_next("error", after_effect=after_effect)

    response = merchant.call("POST", "/api/invoices", ORDER)

    assert response.status in {500, 502, 503}
    assert response.body.startswith(b"<html>")
    assert len(sandbox.state.invoices) == invoices


@pytest.mark.parametrize(("after_effect", "invoices"), [(False, 0), (True, 1)])
def test_a_time_out_comes_before_or_after_the_effect(
    sandbox: Sandbox, merchant: Merchant, after_effect: bool, invoices: int
) -> None:
    sandbox.fail_next("timeout", after_effect=after_effect)

    assert merchant.call("POST", "/api/invoices", ORDER).silent
    assert len(sandbox.state.invoices) == invoices


def test_a_silent_answer_is_a_time_out_to_requests(sandbox: Sandbox) -> None:
    session = requests.Session()
    session.mount("https://", SandboxAdapter(sandbox))
    sandbox.fail_next("timeout")

    with pytest.raises(requests.ReadTimeout):
        session.get("https://gateway.test/api/rates")
    assert session.get("https://gateway.test/api/rates").status_code == 200


def test_a_storm_lasts_a_few_requests(sandbox: Sandbox, merchant: Merchant) -> None:
    sandbox.fail_next("storm")

    statuses = [merchant.call("GET", "/api/invoices").status for _ in range(15)]

    assert statuses == sorted(statuses, reverse=True)
    assert 2 <= statuses.count(503) <= 11


def test_the_same_seed_makes_the_same_trouble() -> None:
    def draw(seed: str) -> list[object]:
        trouble = Trouble(seed)
        trouble.set({"all": "0.1"})
        return [trouble.befall_callback() for _ in range(200)] + [trouble.befall_request() for _ in range(200)]

    assert draw("one") == draw("one")
    assert draw("one") != draw("two")


def test_every_fault_comes_about_as_often_as_it_is_asked_for() -> None:
    trouble = Trouble("often")
    trouble.set({"all": 0.1, "drop": 0})

    drawn = [mishap.fault if mishap else None for mishap in (trouble.befall_callback() for _ in range(2000))]

    assert Fault.DROP not in drawn
    for fault in set(CALLBACK_FAULTS) - {Fault.DROP}:
        assert 140 < drawn.count(fault) < 260


@pytest.mark.parametrize(
    "values", [{"rain": "0.5"}, {"drop": "2"}, {"drop": -1}, {"drop": "often"}, {"drop": True}, {"all": "0.5"}]
)
def test_trouble_that_cannot_be_made_is_refused_and_changes_nothing(values: dict[str, object]) -> None:
    trouble = Trouble("bad")
    trouble.set({"drop": "0.25"})

    with pytest.raises(RefusalError):
        trouble.set(values)

    assert trouble.probabilities == {Fault.DROP: Decimal("0.25")}


def test_it_can_be_stopped(sandbox: Sandbox, merchant: Merchant) -> None:
    sandbox.trouble({"all": "0.14"})
    sandbox.fail_next("timeout", count=5)

    sandbox.state.trouble.stop()

    assert all(merchant.call("GET", "/api/invoices").status == 200 for _ in range(50))


def test_in_the_end_a_merchant_in_trouble_has_heard_of_everything_but_what_was_dropped(
    sandbox: Sandbox, merchant: Merchant, strict: Shop
) -> None:
    sandbox.trouble({"all": "0.1", "drop": 0, "error": 0, "storm": 0, "timeout": 0})
    for _ in range(30):
        invoice = merchant.order()["id"]
        sandbox.pay(invoice)
        sandbox.confirm(invoice)
    sandbox.deliver()
    pass_time(sandbox, days=2)

    arrived = [body for _, body in strict.posts]
    assert {callback.body for callback in sandbox.state.outbox.log.values()} == set(arrived)
    assert len(arrived) > 90
