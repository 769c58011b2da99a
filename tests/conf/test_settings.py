"""Settings: typed, read live, and every mistake named."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.core.exceptions import ImproperlyConfigured

from cryptopay_django.conf import NOTICE_KINDS, app_settings
from cryptopay_django.models import NoticeKind


def test_an_option_has_its_default_until_it_is_set(settings):
    assert app_settings.CONFIRM_WITH_API is True

    settings.CRYPTOPAY_CONFIRM_WITH_API = False

    assert app_settings.CONFIRM_WITH_API is False


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PROCESSING", "thread"),
        ("REQUEST_BUDGET", 0),
        ("REQUEST_BUDGET", "5"),
        ("REQUEST_BUDGET", True),
        ("CONFIRM_WITH_API", "no"),
        ("CONFIRM_WITH_API", 0),
        ("SHORTFALL_TOLERANCE", 0.01),
        ("SHORTFALL_TOLERANCE", Decimal(1)),
        ("SHORTFALL_TOLERANCE", Decimal(-1)),
        ("FULFIL_SHORT_SETTLEMENTS", None),
        ("TOTAL_TIMEOUT", -1),
        ("CONNECT_TIMEOUT", None),
        ("EXTRA_COINS", ["SOL"]),
        ("EXTRA_COINS", {"SOL": 9}),
        ("EXTRA_COINS", {"SOL": {"solana": "9"}}),
        ("HTTP_ADAPTER", 5),
        ("HTTP_ADAPTER", "nowhere.adapter"),
        ("FOUR_EYES_ABOVE", 1000),
        ("FOUR_EYES_ABOVE", {"EUR": 10.5}),
        ("FOUR_EYES_ABOVE", {"EUR": Decimal(-1)}),
        ("FOUR_EYES_ABOVE", {"EUR": Decimal("NaN")}),
        ("FOUR_EYES_ABOVE", {"EUR": True}),
        ("FOUR_EYES_ABOVE", {978: Decimal(1)}),
        ("MONITORING_CONTACT", " "),
        ("MONITORING_CONTACT", None),
        ("NOTICE_RECIPIENTS", ["ops@shop.example"]),
        ("NOTICE_RECIPIENTS", {"unresolved": "ops@shop.example"}),
        ("NOTICE_RECIPIENTS", {"unresolved": ["ops"]}),
        ("NOTICE_RECIPIENTS", {"resolved": ["ops@shop.example"]}),
        ("NOTICE_INTERVAL", "900"),
        ("NOTICE_FAILED_DELIVERIES", 0),
        ("NOTICE_FAILED_DELIVERIES", True),
        ("NOTIFIER", "nowhere.notify"),
        ("NOTIFIER", 5),
        ("SITE_URL", "shop.example"),
        ("SITE_URL", None),
        ("BLOCK_EXPLORERS", ["https://explorer.example"]),
        ("BLOCK_EXPLORERS", {"bitcoin": "https://explorer.example/tx/"}),
        ("BLOCK_EXPLORERS", {"bitcoin": "javascript:{txid}"}),
        ("PAGE_POLICY", "default-src 'self'"),
        ("PAGE_POLICY", {"img-src": "a; script-src b"}),
        ("PAGE_POLICY", {"img-src": "a\r\nSet-Cookie: b"}),
        ("PAGE_POLICY", {"IMG SRC": "a"}),
        ("ORDER_SEARCH", ["shop.Order"]),
        ("ORDER_SEARCH", {"Order": "reference"}),
        ("ORDER_SEARCH", {"shop.Order": ""}),
        ("OFFERED_COINS", "BTC"),
        ("OFFERED_COINS", ["btc"]),
        ("OFFERED_COINS", ["USDT/"]),
        ("SHOP_NAME", "two\nlines"),
        ("SHOP_NAME", None),
        ("SUPPORT_EMAIL", "help"),
        ("SUPPORT_EMAIL", "a@b?subject=x"),
        ("SUPPORT_URL", "javascript:alert()"),
        ("SUPPORT_URL", None),
        ("MONITORING_TOKEN", "short"),
        ("MONITORING_TOKEN", "é" * 20),
    ],
)
def test_a_mistake_is_named_with_what_it_must_be(settings, name, value):
    setattr(settings, f"CRYPTOPAY_{name}", value)

    with pytest.raises(ImproperlyConfigured, match=f"CRYPTOPAY_{name} must be "):
        getattr(app_settings, name)


@pytest.mark.parametrize(
    ("name", "value", "taken"),
    [
        ("FOUR_EYES_ABOVE", {"EUR": 1000, "BTC": Decimal("0.1")}, {"EUR": Decimal(1000), "BTC": Decimal("0.1")}),
        ("NOTICE_RECIPIENTS", {"held": ("fraud@shop.example",)}, {"held": ("fraud@shop.example",)}),
        ("NOTIFIER", "cryptopay_django.services.mail_notice", None),
        ("SITE_URL", "https://shop.example/", "https://shop.example"),
    ],
)
def test_what_is_right_is_taken(settings, name, value, taken):
    setattr(settings, f"CRYPTOPAY_{name}", value)

    assert getattr(app_settings, name) == taken or callable(getattr(app_settings, name))


def test_the_kinds_of_notices_are_those_of_the_events():
    assert set(NOTICE_KINDS) == set(NoticeKind.values)


def test_extra_coins_lie_over_the_built_in_ones(settings):
    settings.CRYPTOPAY_EXTRA_COINS = {"NEW": {"newnet": 4}, "BTC": {"lightning": 8}}

    assert app_settings.coins["NEW"] == {"newnet": 4}
    assert {"bitcoin", "lightning"} <= set(app_settings.coins["BTC"])
