"""Everything a shop can set, each a typed attribute read live, so that `override_settings` just works.

`app_settings.NAME` is the Django setting `CRYPTOPAY_NAME`; `app_settings.of(account).NAME` is what is in force
for one account.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from django.conf import settings
from requests.adapters import BaseAdapter

from ..gateway.currencies import COINS
from .options import Option
from .validators import (
    amounts,
    boolean,
    coins,
    count,
    email,
    events,
    explorers,
    fraction,
    function,
    label,
    link,
    mode,
    names,
    offered,
    order_fields,
    pause,
    recipients,
    seconds,
    secret,
    site,
    text,
)


class AppSettings:
    """The settings of the app. Read an attribute to get the checked value in force.

    Those marked `per_account` may have another value in one account: {"OPTIONS": {"SHOP_NAME": "Tern & Tide"}}.
    """

    PROCESSING = Option(
        "request",
        mode,
        "Where a stored callback is processed: at once in the request that brought it, by cryptopay_worker, or as a "
        "task of Django's task framework.",
    )
    TASK_BACKEND = Option(
        "default", text, 'The entry of TASKS that tasks are enqueued with, where CRYPTOPAY_PROCESSING is "task".'
    )
    TASK_QUEUE = Option("default", text, "The queue of that backend that they are put into.")
    REQUEST_BUDGET = Option(
        5.0,
        seconds,
        "Seconds a callback's request may spend on processing; the gateway waits ten for its answer.",
    )
    CONFIRM_WITH_API = Option(
        True,
        boolean,
        "Ask the gateway (GET) before a callback moves a status or adds a transaction, an amount or a risk. What "
        "names an invoice's identity, contradicts it or goes back on its end is checked in any case.",
    )
    SHORTFALL_TOLERANCE = Option(
        Decimal(0),
        fraction,
        "Fraction of the ordered amount by which a settled amount may fall short and still count as paid.",
        per_account=True,
    )
    FULFIL_SHORT_SETTLEMENTS = Option(
        False,
        boolean,
        "Send invoice_completed for a short settlement too. For shops that credit settled_amount to a balance.",
        per_account=True,
    )
    CONNECT_TIMEOUT = Option(3.05, seconds, "Seconds to wait for a connection to the gateway.")
    TOTAL_TIMEOUT = Option(10.0, seconds, "Seconds one call to the gateway may take, retries of a GET included.")
    EXTRA_COINS: Option[Mapping[str, Mapping[str, int]]] = Option(
        {},
        coins,
        'Coins and networks that the built-in list lacks: {"SOL": {"solana": 9}} (coin, network, decimal places).',
    )
    HTTP_ADAPTER: Option[Callable[[str], BaseAdapter] | None] = Option(
        None,
        function,
        "A callable (or its dotted path) that takes an account's name and returns the `requests` adapter to use.",
    )

    FOUR_EYES_ABOVE: Option[Mapping[str, Decimal]] = Option(
        {},
        amounts,
        'Amounts by price currency, as in {"EUR": Decimal(1000)}: a settlement or refund of more waits for a second '
        "person. Currencies that are not named need none.",
        per_account=True,
    )
    MONITORING_CONTACT = Option(
        "the service's support",
        text,
        "Whom staff contact about a payment on hold (illicit_resource): an address, a name, a telephone number.",
        per_account=True,
    )
    NOTICE_RECIPIENTS: Option[Mapping[str, Sequence[str]]] = Option(
        {},
        recipients,
        "E-mail addresses by kind of notice: unresolved, held, quarantined, high_risk, undelivered, "
        "unknown_resolution.",
        per_account=True,
    )
    NOTICE_INTERVAL = Option(
        900.0,
        seconds,
        "Seconds between two notices of a kind; what happens in between is sent in one digest.",
    )
    NOTICE_FAILED_DELIVERIES = Option(
        5,
        count,
        "After how many failed deliveries of an event, to receivers or to one handler, the teams are notified.",
    )
    REQUIRED_EVENTS: Option[Sequence[str]] = Option(
        ("invoice_completed",),
        events,
        "Events that a shop must not miss. Where neither a receiver nor a handler is connected to one, it stays "
        "pending, and `check` and the doctor say so. Other events without a receiver count as delivered.",
    )
    SEPARATE_DATABASES: Option[Sequence[str]] = Option(
        (),
        names,
        "Databases beside that of this app which the project writes to, and receivers do not, or only together with "
        "`event.uuid`: what cryptopay.E016 accepts.",
    )
    HANDLER_ATTEMPTS = Option(
        15,
        count,
        "After how many failed calls a durable handler is given up for an event, until somebody tries it again. "
        "The pauses grow from ten seconds to an hour: fifteen calls are six and a half hours.",
    )
    NOTIFIER: Option[Callable[..., Any] | None] = Option(
        None,
        function,
        "What sends a notice: a callable (or its dotted path) for a Notice and its recipients. Default: e-mail.",
    )
    SITE_URL = Option(
        "",
        site,
        "Where the site is, as in https://shop.example: links in notices begin with it. Empty: no links.",
    )

    BLOCK_EXPLORERS: Option[Mapping[str, str]] = Option(
        {},
        explorers,
        'Where staff look a transaction up, by network: {"bitcoin": "https://explorer.example/tx/{txid}"}.',
    )
    ORDER_SEARCH: Option[Mapping[str, str]] = Option(
        {},
        order_fields,
        'By which field of which model staff find an order\'s invoices: {"shop.Order": "reference"}. It is compared '
        "in full; give the field an index.",
    )

    SHOP_NAME = Option(
        "",
        label,
        "What the payment page calls the shop. Empty: the invoice's own name.",
        per_account=True,
    )
    SUPPORT_EMAIL = Option(
        "",
        email,
        "Whom customers ask about a payment: an address that the payment page shows.",
        per_account=True,
    )
    SUPPORT_URL = Option(
        "",
        link,
        "Where customers ask about a payment: a page that the payment page links to.",
        per_account=True,
    )
    NEW_INVOICE_URL: Option[Callable[..., Any] | None] = Option(
        None,
        function,
        "A callable (or its dotted path) that takes an invoice and returns the URL where its customer gets a new one. "
        "Default: the invoice's unsuccess_redirect_url.",
    )
    OFFERED_COINS: Option[Sequence[str]] = Option(
        (),
        offered,
        'What customers may choose to pay with, in this order: ["BTC", "USDT/tron"]. Empty: all that the account has.',
        per_account=True,
    )
    MAX_STREAMS = Option(
        1000,
        count,
        "How many payment pages one ASGI process keeps informed by server-sent events; further ones poll.",
    )

    RETENTION_DAYS = Option(
        365,
        count,
        "After how many days cryptopay_prune deletes processed callbacks and delivered events.",
    )
    RECONCILE_INTERVAL = Option(
        300.0,
        pause,
        "Seconds between two rounds in which cryptopay_worker asks the gateway about open invoices, the older the "
        "less often. 0: never.",
    )
    MONITORING_TOKEN = Option(
        "",
        secret,
        "What monitoring sends as `Authorization: Bearer ...` to see figures of cryptopay_django.health_urls. "
        "Empty: no request sees them.",
    )
    ACCOUNT_RESOLVER: Option[Callable[..., Any] | None] = Option(
        None,
        function,
        "A callable (or its dotted path) that takes an order (or None) and a mapping of what is known of the request, "
        'and returns the name of the account for it. Default: the account "default".',
    )

    CHECKLIST_ORDER: Option[Callable[..., Any] | None] = Option(
        None,
        function,
        "For cryptopay_checklist: a callable (or its dotted path) that takes a django.test.Client, places an order "
        "with the shop's own code, and returns its Invoice.",
    )
    CHECKLIST_PROBE: Option[Callable[..., Any] | None] = Option(
        None,
        function,
        "For cryptopay_checklist: a callable (or its dotted path) that takes an Invoice and returns the total that "
        "the shop has credited for it, in the price currency.",
    )

    def __init__(self, account: str | None = None) -> None:
        self.account = account

    def of(self, account: str) -> AppSettings:
        """Return the settings in force for one account: its own OPTIONS, and the general ones for the rest."""
        return AppSettings(account)

    @property
    def coins(self) -> Mapping[str, Mapping[str, int]]:
        """The built-in coins with those of EXTRA_COINS laid over them."""
        merged = {coin: dict(networks) for coin, networks in COINS.items()}
        for coin, networks in self.EXTRA_COINS.items():
            merged.setdefault(coin, {}).update(networks)
        return merged


app_settings = AppSettings()


def is_development() -> bool:
    """Return whether DEBUG is on, or was before Django's test runner switched it off for its tests."""
    test_state = getattr(sys.modules.get("django.test.utils"), "_TestState", None)
    return bool(settings.DEBUG or getattr(getattr(test_state, "saved_data", None), "debug", False))
