"""A customer tops up by a channel in a real browser, phone and desktop, with scripts and without; axe looks at it."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User

from cryptopay_django.models import Channel
from cryptopay_django.pages.languages import LANGUAGES
from cryptopay_django.services import create_channel, disable_channel
from tests.browser.conftest import DESKTOP, PHONE, violations, wake
from tests.pages.channels import CHANNELS, tagged, with_history

playwright = pytest.importorskip("playwright.sync_api", reason="no playwright here: make .venv/.installed-browser")

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("shop")]


def address_of(live_server: Any, made: Channel) -> str:
    return f"{live_server.url}/cryptopay/channels/{made.pk}/"


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_a_top_up_from_the_first_look_to_the_credit(scripts, size, open_page, live_server, cryptopay_sandbox):
    made = create_channel(User.objects.create(), pay_currency="XRP", receiver_currency="EUR")
    page = open_page(java_script_enabled=scripts)
    page.set_viewport_size(size)
    page.goto(address_of(live_server, made))

    def sees(text: str) -> None:
        if scripts:
            wake(page)
        else:
            page.reload()
        playwright.expect(page.get_by_text(text, exact=True).first).to_be_visible()

    sees("You can send at any time")
    playwright.expect(page.get_by_text(made.destination_tag, exact=True)).to_be_visible()
    cryptopay_sandbox.pay(made, "20")
    cryptopay_sandbox.deliver()
    sees("Payment seen")
    cryptopay_sandbox.confirm(made)
    cryptopay_sandbox.deliver()
    sees("Credited to you")
    disable_channel(made)
    sees("This address is no longer in use")

    assert page.get_by_text(made.address).count() == 0
    assert page.locator(".cp-qr").count() == 0


def test_the_page_looks_by_itself(open_page, live_server):
    made = with_history()
    page = open_page()
    page.goto(address_of(live_server, made))

    Channel.objects.filter(pk=made.pk).update(quarantine_reason="x", version=9)

    playwright.expect(page.get_by_role("heading", name="We are checking this address")).to_be_visible()


def test_news_that_comes_while_the_page_is_looking_is_not_lost(open_page, live_server):
    made = tagged()  # which looks seldom by itself
    page = open_page()
    on_their_way: list[tuple[Any, Any]] = []

    def answer_late(route: Any) -> None:
        if on_their_way:
            route.continue_()
        else:
            on_their_way.append((route, route.fetch()))

    page.route("**/status/", answer_late)
    page.goto(address_of(live_server, made))
    wake(page)
    while not on_their_way:
        page.wait_for_timeout(20)

    Channel.objects.filter(pk=made.pk).update(quarantine_reason="x", version=9)
    wake(page)
    route, older = on_their_way[0]
    route.fulfill(response=older)

    playwright.expect(page.get_by_role("heading", name="We are checking this address")).to_be_visible()


def test_an_answer_that_never_comes_does_not_keep_the_page_from_looking(open_page, live_server):
    made = tagged()  # which looks seldom by itself
    page = open_page()
    page.add_init_script(
        "const timeout = AbortSignal.timeout; AbortSignal.timeout = () => timeout.call(AbortSignal, 800)"
    )
    never_answered: list[Any] = []

    def forget(route: Any) -> None:
        if len(never_answered) == 2:
            route.continue_()
        else:
            never_answered.append(route)

    page.route("**/status/", forget)
    page.goto(address_of(live_server, made))
    Channel.objects.filter(pk=made.pk).update(quarantine_reason="x", version=9)
    for number in (1, 2):
        wake(page)
        while len(never_answered) < number:
            page.wait_for_timeout(20)
    playwright.expect(page.locator("[data-cp-lost]")).to_be_visible()

    wake(page)

    playwright.expect(page.get_by_role("heading", name="We are checking this address")).to_be_visible()


def test_a_page_with_two_addresses_keeps_each_of_them_once(open_page, live_server):
    made = [with_history(), tagged()]
    page = open_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/status/" in request.url else None)
    page.goto(f"{live_server.url}/own-page/")

    with page.expect_response("**/status/**"):
        wake(page)
    page.wait_for_load_state("networkidle")

    assert sorted(asked) == sorted(f"{address_of(live_server, one)}status/" for one in made)


def test_every_language_fits_the_narrowest_phone(open_page, live_server):
    page = open_page()
    page.set_viewport_size({"width": 320, "height": 640})
    made = tagged()
    full = with_history()

    for language in LANGUAGES:
        for one in (made, full):
            page.goto(f"{address_of(live_server, one)}?lang={language}")
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), language


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_any_state(scheme, open_page, live_server, axe):
    page = open_page(color_scheme=scheme, reduced_motion="reduce")
    found = {}
    for name, make in CHANNELS.items():
        page.goto(address_of(live_server, make()))
        found[name] = violations(page, axe)

    assert {name: what for name, what in found.items() if what} == {}
