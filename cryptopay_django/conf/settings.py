"""Defines every setting of the app as a typed attribute. Values are read live, so `override_settings` works.

`app_settings.NAME` is the Django setting `CRYPTOPAY_NAME`; `app_settings.of(account).NAME` is the value for one
account.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.conf import settings

from ..gateway.coins import COINS
from .option_descriptor import Option
from .validators import (
    amounts,
    boolean,
    coins,
    count,
    days,
    email,
    events,
    explorers,
    fiat,
    fonts,
    fraction,
    function,
    label,
    link,
    mails,
    mode,
    names,
    offered,
    order_fields,
    pause,
    policy,
    price_currencies,
    recipients,
    seconds,
    secret,
    sender,
    site,
    text,
)

if TYPE_CHECKING:
    from requests.adapters import BaseAdapter


class AppSettings:
    """The settings of the app. An attribute returns the current value, after its check.

    Settings marked `per_account` can be overridden for one account: {"OPTIONS": {"SHOP_NAME": "Tern & Tide"}}.
    """

    PROCESSING = Option(
        "request",
        mode,
        "Where callbacks are processed: in their own request, by cryptopay_worker, or in a task of Django's task "
        "framework.",
    )
    TASK_BACKEND = Option(
        "default", text, 'The entry of TASKS to enqueue tasks with, if CRYPTOPAY_PROCESSING is "task".'
    )
    TASK_QUEUE = Option("default", text, "The queue of this backend.")
    REQUEST_BUDGET = Option(
        5.0,
        seconds,
        "Seconds that a callback's request may spend on processing. The gateway waits ten seconds for the answer.",
    )
    CONFIRM_WITH_API = Option(
        True,
        boolean,
        "Ask the gateway (GET) before a callback changes a status or adds a transaction, an amount or a risk. An "
        "invoice's id and address, contradictions, changed final statuses and channel payments are always "
        "confirmed.",
    )
    SHORTFALL_TOLERANCE = Option(
        Decimal(0),
        fraction,
        "How much less than the ordered amount may be settled and still count as paid, as a fraction.",
        per_account=True,
    )
    FULFIL_SHORT_SETTLEMENTS = Option(
        False,
        boolean,
        "Also send invoice_completed if less than the ordered amount is settled. For shops that credit "
        "settled_amount to a balance.",
        per_account=True,
    )
    CONNECT_TIMEOUT = Option(3.05, seconds, "Seconds to wait for a connection to the gateway.")
    TOTAL_TIMEOUT = Option(10.0, seconds, "Seconds that one call to the gateway may take, including retries of a GET.")
    EXTRA_COINS: Option[Mapping[str, Mapping[str, int]]] = Option(
        {},
        coins,
        "Coins and networks that neither the built-in list nor the account has, or that should be offered although "
        'this version does not know them well: {"AVAX": {"avalanche": 8}} (coin, network, decimal places).',
    )
    HTTP_ADAPTER: Option[Callable[[str], BaseAdapter] | None] = Option(
        None,
        function,
        "A callable (or its dotted path) that takes an account's name and returns the `requests` adapter to use.",
    )

    FOUR_EYES_ABOVE: Option[Mapping[str, Decimal]] = Option(
        {},
        amounts,
        'Limits by price currency, as in {"EUR": Decimal(1000)}: a settlement or refund of an invoice above the '
        "limit waits for a second person. The price of the invoice counts, or what was paid if that is more, so a "
        "small part of a large order waits too. A currency without a limit needs no second person.",
        per_account=True,
    )
    BOOKS_CURRENCY = Option(
        "EUR",
        fiat,
        "The fiat currency in which statements value coins that were not converted, such as refunds to the account.",
    )
    REFUND_LINK_LIFETIME = Option(
        604_800.0,
        seconds,
        "Seconds until a link expires by which a customer can name the address for a refund.",
    )
    ASK_REFUND_ADDRESS = Option(
        False,
        boolean,
        "Let the payment page of an underpaid, overpaid or late invoice ask the customer for the address of a refund. "
        "Everybody who has the link to the payment page can answer, once.",
        per_account=True,
    )
    MONITORING_CONTACT = Option(
        "the gateway's support",
        text,
        "Contact for staff about a payment on hold (illicit_resource): an address, a name or a telephone number.",
        per_account=True,
    )
    NOTICE_RECIPIENTS: Option[Mapping[str, Sequence[str]]] = Option(
        {},
        recipients,
        "E-mail addresses by kind of notice: unresolved, held, quarantined, high_risk, undelivered, "
        "approval, unknown_resolution.",
        per_account=True,
    )
    NOTICE_INTERVAL = Option(
        900.0,
        seconds,
        "Seconds between two notices of the same kind. Events in between are sent in one digest.",
    )
    NOTICE_FAILED_DELIVERIES = Option(
        5,
        count,
        "Number of failed deliveries of an event, to receivers or to one handler, after which the teams are notified.",
    )
    REQUIRED_EVENTS: Option[Sequence[str]] = Option(
        ("invoice_completed",),
        events,
        "Events that a shop must not miss. If no receiver and no handler is connected, the event stays pending, and "
        "`check` and the doctor report it. Other events without a receiver count as delivered.",
    )
    SEPARATE_DATABASES: Option[Sequence[str]] = Option(
        (),
        names,
        "Other databases that cryptopay.E016 accepts: receivers do not write to them, or only together with "
        "`event.uuid`.",
    )
    HANDLER_ATTEMPTS = Option(
        15,
        count,
        "Number of failed calls after which a durable handler is given up for an event, until someone retries it. "
        "The pauses grow from ten seconds to an hour, so fifteen calls take six and a half hours.",
    )
    NOTIFIER: Option[Callable[..., Any] | None] = Option(
        None,
        function,
        "A callable (or its dotted path) that takes a Notice and its recipients, and sends it. Default: e-mail.",
    )
    SITE_URL = Option(
        "",
        site,
        "The site's URL, as in https://shop.example, for links in notices and mails. Empty: no links in notices, "
        "and no mails to customers.",
    )

    BLOCK_EXPLORERS: Option[Mapping[str, str | None]] = Option(
        {},
        explorers,
        'URLs by network where customers and staff can look up a transaction: {"bitcoin": '
        '"https://explorer.example/tx/{txid}"}. They replace the built-in ones; None removes the link.',
    )
    ORDER_SEARCH: Option[Mapping[str, str]] = Option(
        {},
        order_fields,
        'Model and field by which staff search for an order: {"shop.Order": "reference"}. A text is found from '
        "its first six characters, other values only if complete. Give the field an index.",
    )

    SHOP_NAME = Option(
        "",
        label,
        "The shop's name on the payment page. Empty: the invoice's name.",
        per_account=True,
    )
    SUPPORT_EMAIL = Option(
        "",
        email,
        "The support address for customers, shown on the payment page.",
        per_account=True,
    )
    SUPPORT_URL = Option(
        "",
        link,
        "The support page for customers, linked from the payment page.",
        per_account=True,
    )
    ANSWER_WITHIN_DAYS = Option(
        0,
        days,
        "Days within which the shop writes to a customer whose payment needs a decision, or answers a question. The "
        "payment page and the mails promise it. 0: they promise no time.",
        per_account=True,
    )
    CUSTOMER_MAILS: Option[Sequence[str]] = Option(
        (),
        mails,
        "The mails that customers get: created, partly_paid, expired, paid, review, refunded. Empty: none.",
        per_account=True,
    )
    CUSTOMER_MAIL_FROM = Option(
        "",
        sender,
        "The sender of mails to customers. Empty: DEFAULT_FROM_EMAIL. Answers go to CRYPTOPAY_SUPPORT_EMAIL.",
        per_account=True,
    )
    CUSTOMER_ADDRESS: Option[Callable[..., Any] | None] = Option(
        None,
        function,
        "A callable (or its dotted path) that takes an invoice and returns the customer's e-mail address, or an empty "
        "text for no mail. Default: the invoice's payer_email.",
    )
    NEW_INVOICE_URL: Option[Callable[..., Any] | None] = Option(
        None,
        function,
        "A callable (or its dotted path) that takes an invoice and returns the URL where the customer gets a new one. "
        "Default: the invoice's unsuccess_redirect_url.",
    )
    OFFERED_COINS: Option[Sequence[str]] = Option(
        (),
        offered,
        'Coins that customers can choose, in this order: ["BTC", "USDT/tron"]. Empty: all coins of the account.',
        per_account=True,
    )
    COUNTER_CURRENCIES: Option[Sequence[str]] = Option(
        ("EUR",),
        price_currencies,
        'Currencies of the amounts at the counter, the usual one first: ["EUR", "CHF"].',
    )
    PAGE_POLICY: Option[Mapping[str, str | None] | None] = Option(
        {},
        policy,
        "Directives laid over those of the payment page's Content-Security-Policy, as in "
        """{"frame-ancestors": "https://app.shop.example", "font-src": None}: None takes one away. X-Frame-Options """
        "follows frame-ancestors. None for the whole: the page sends neither header, and the project's own middleware "
        "decides.",
    )
    RECEIPT_FONTS: Option[Mapping[str, str]] = Option(
        {},
        fonts,
        'Font files for receipts as PDF, by language: {"": "/fonts/DejaVuSans.ttf", "ja": "/fonts/NotoSansJP.ttf"}; '
        '"" is for all other languages. Without a font that has every letter, a receipt is not offered as PDF.',
    )
    MAX_STREAMS = Option(
        1000,
        count,
        "Maximum number of payment pages with server-sent events for each ASGI process, never more than half of the "
        "files that the process may open. Other pages poll.",
    )

    RETENTION_DAYS = Option(
        365,
        count,
        "Number of days after which cryptopay_prune deletes processed callbacks and delivered events.",
    )
    RECONCILE_INTERVAL = Option(
        300.0,
        pause,
        "Seconds between two reconciliations by cryptopay_worker. Older invoices are polled less often. Channel "
        "payments are read too. 0: never.",
    )
    MONITORING_TOKEN = Option(
        "",
        secret,
        "Token for the details in cryptopay_django.health_urls, sent as `Authorization: Bearer ...`. Empty: no "
        "request gets them.",
    )
    ACCOUNT_RESOLVER: Option[Callable[..., Any] | None] = Option(
        None,
        function,
        "A callable (or its dotted path) that takes an order (or None) and the known arguments of create_invoice, "
        'and returns the name of the account. Default: the account "default".',
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
    CHECKLIST_CHANNEL: Option[Callable[..., Any] | None] = Option(
        None,
        function,
        "For cryptopay_checklist: a callable (or its dotted path) that takes a django.test.Client, opens a channel of "
        "a customer with the shop's own code, and returns it. A later call may return the same one.",
    )
    CHECKLIST_CHANNEL_PROBE: Option[Callable[..., Any] | None] = Option(
        None,
        function,
        "For cryptopay_checklist: a callable (or its dotted path) that takes a ChannelPayment and returns the total "
        "that the shop has credited for it, in the received currency.",
    )

    def __init__(self, account: str | None = None) -> None:
        self.account = account

    def of(self, account: str) -> AppSettings:
        """Return the settings for one account: its OPTIONS, and the general settings for the rest."""
        return AppSettings(account)

    @property
    def coins(self) -> Mapping[str, Mapping[str, int]]:
        """The built-in coins, extended by EXTRA_COINS."""
        merged = {coin: dict(networks) for coin, networks in COINS.items()}
        for coin, networks in self.EXTRA_COINS.items():
            merged.setdefault(coin, {}).update(networks)
        return merged


app_settings = AppSettings()


def is_development() -> bool:
    """Return whether DEBUG is on, or was on before Django's test runner turned it off."""
    test_state = getattr(sys.modules.get("django.test.utils"), "_TestState", None)
    return bool(settings.DEBUG or getattr(getattr(test_state, "saved_data", None), "debug", False))
