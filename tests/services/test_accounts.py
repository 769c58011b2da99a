"""Several accounts: options of their own, who chooses one, and that nothing crosses from one to another."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from cryptopay_django.conf import AppSettings, Option, app_settings, get_account
from cryptopay_django.exceptions import CreationUnknownError, GatewayAuthenticationError, GatewayOutageError
from cryptopay_django.models import Callback, Invoice
from cryptopay_django.services import (
    create_invoice,
    list_offers,
    process_callback,
    resolve_account,
    send_notices,
    try_credentials,
)
from cryptopay_django.services.snapshots.merge import is_covered
from cryptopay_django.testing.factories import (
    CallbackFactory,
    InvoiceEventFactory,
    InvoiceFactory,
    callback_body,
    callback_headers,
    invoice_wire,
)

from ..served import served_sandbox

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "accounts.md").read_text(encoding="utf-8")

pytestmark = pytest.mark.django_db

ORDER = {"price_amount": "100", "price_currency": "EUR", "pay_currency": "BTC"}


@pytest.fixture
def own(settings):
    """Set options of the account "second"."""

    def change(**options):
        accounts = settings.CRYPTOPAY_ACCOUNTS
        settings.CRYPTOPAY_ACCOUNTS = accounts | {"second": accounts["second"] | {"OPTIONS": options}}

    return change


@pytest.fixture
def buyer():
    return User.objects.create(username="ada")


def by_user(order, data):
    return "second" if getattr(order, "username", "") == "ada" else "default"


def test_an_account_has_its_own_options_and_the_general_ones_for_the_rest(own, settings):
    settings.CRYPTOPAY_SHORTFALL_TOLERANCE = Decimal("0.02")
    own(SHOP_NAME="Tern & Tide")

    assert (app_settings.of("second").SHOP_NAME, app_settings.of("default").SHOP_NAME) == ("Tern & Tide", "")
    assert Decimal("0.02") == app_settings.of("second").SHORTFALL_TOLERANCE
    assert Decimal("0.02") == app_settings.of("one that is gone").SHORTFALL_TOLERANCE


def test_a_shortfall_that_one_account_tolerates_is_short_in_another(own):
    own(SHORTFALL_TOLERANCE=Decimal("0.05"))
    values = {"price_amount": Decimal(100), "settled_amount": Decimal(96)}

    assert is_covered(Invoice(account="second", **values))
    assert not is_covered(Invoice(account="default", **values))


def test_each_account_offers_its_own_coins(own, cryptopay_sandbox):
    own(OFFERED_COINS=["ETH/ethereum"])

    assert [offer.choice for offer in list_offers(account="second")] == ["ETH/ethereum"]
    assert len(list_offers(account="default")) > 5


def test_each_account_tells_its_own_people_and_those_that_share_them_get_one_digest(own, settings):
    settings.CRYPTOPAY_ACCOUNTS = settings.CRYPTOPAY_ACCOUNTS | {"third": settings.CRYPTOPAY_ACCOUNTS["default"]}
    settings.CRYPTOPAY_NOTICE_RECIPIENTS = {"quarantined": ["team@shop.example"]}
    own(NOTICE_RECIPIENTS={"quarantined": ["team@brand.example"]})
    for account in ("default", "second", "third"):
        invoice = InvoiceFactory(account=account)
        InvoiceEventFactory(
            invoice=invoice, kind="invoice_quarantined", next_attempt_at=None, notice_due_at=timezone.now()
        )

    assert send_notices() == 2

    assert {(*message.to, message.body.count("ordered")) for message in mail.outbox} == {
        ("team@shop.example", 2),
        ("team@brand.example", 1),
    }


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"SHORTFALL_TOLERANCE": 0.5}, r'["second"]["OPTIONS"]["SHORTFALL_TOLERANCE"] must be a Decimal'),
        ({"TOTAL_TIMEOUT": 3}, "TOTAL_TIMEOUT, which cannot be set for one account"),
        ({"SHOPNAME": "x"}, "these can: ANSWER_WITHIN_DAYS, ASK_REFUND_ADDRESS, CUSTOMER_MAILS"),
    ],
)
def test_a_wrong_option_of_an_account_is_found_by_the_check(own, options, says):
    own(**options)

    assert says in " ".join(message.msg for message in run_checks(tags=["cryptopay"]))


def test_the_resolver_chooses_by_the_order_and_is_told_what_is_known(settings, buyer, cryptopay_sandbox):
    heard = []

    def resolver(order, data):
        heard.append(data)
        return by_user(order, data)

    settings.CRYPTOPAY_ACCOUNT_RESOLVER = resolver

    chosen, other = create_invoice(buyer, metadata={"brand": "tern"}, **ORDER), create_invoice(**ORDER)

    assert (chosen.account, other.account) == ("second", "default")
    assert heard[0]["metadata"] == {"brand": "tern"}
    assert heard[0]["price_currency"] == "EUR"
    assert len(cryptopay_sandbox.invoices("second")) == 1


def test_an_account_that_is_named_is_not_resolved(settings, buyer, cryptopay_sandbox):
    settings.CRYPTOPAY_ACCOUNT_RESOLVER = by_user

    assert create_invoice(buyer, account="default", **ORDER).account == "default"


def test_a_resolver_that_names_no_account_is_an_error_and_writes_nothing(settings):
    settings.CRYPTOPAY_ACCOUNT_RESOLVER = lambda order, data: "thrid"

    with pytest.raises(
        ImproperlyConfigured, match="returned 'thrid' for None; CRYPTOPAY_ACCOUNTS has: default, second"
    ):
        create_invoice(**ORDER)

    assert not Invoice.objects.exists()


def test_without_a_resolver_it_is_the_default_account(buyer):
    assert resolve_account(buyer, ORDER) == "default"


def test_an_invoice_stays_where_it_was_begun_when_the_resolver_changes_its_mind(settings, buyer, cryptopay_sandbox):
    settings.CRYPTOPAY_ACCOUNT_RESOLVER = by_user
    cryptopay_sandbox.fail_next("timeout", account="second", count=2)
    with pytest.raises(CreationUnknownError):
        create_invoice(buyer, custom_id="order-7", **ORDER)
    settings.CRYPTOPAY_ACCOUNT_RESOLVER = lambda order, data: "default"

    invoice = create_invoice(buyer, custom_id="order-7", **ORDER)

    assert (invoice.account, Invoice.objects.count()) == ("second", 1)
    assert (len(cryptopay_sandbox.invoices("second")), len(cryptopay_sandbox.invoices("default"))) == (1, 0)


def test_a_callback_signed_for_one_account_is_refused_at_the_url_of_another():
    body = callback_body(invoice_wire(InvoiceFactory(account="second"), status="completed"))
    url = reverse("cryptopay_django:account-callback", args=["second"])

    response = Client().post(
        url, body, content_type="application/json", headers=callback_headers(body, account="default")
    )

    assert (response.status_code, Callback.objects.count()) == (401, 0)


def test_the_same_ids_in_two_accounts_are_two_invoices(settings):
    settings.CRYPTOPAY_CONFIRM_WITH_API = False
    ours = InvoiceFactory(account="second", custom_id="order-1")
    theirs = InvoiceFactory(account="default", custom_id="order-1", gateway_id=ours.gateway_id)

    body = callback_body(invoice_wire(ours, status="completed", paid_amount="0.002"))
    process_callback(CallbackFactory(account="second", body=body))

    assert Invoice.objects.get(pk=ours.pk).status == "completed"
    assert Invoice.objects.get(pk=theirs.pk).status == "new"


def test_a_nameless_invoice_of_one_account_is_not_found_by_the_custom_id_of_another(settings):
    nameless = InvoiceFactory(account="default", custom_id="order-1", gateway_id=None)
    body = callback_body(invoice_wire(InvoiceFactory.build(custom_id="order-1"), paid_amount="0.001"))

    callback = process_callback(CallbackFactory(account="second", body=body))

    assert callback.outcome == "orphan"
    assert Invoice.objects.get(pk=nameless.pk).gateway_id is None


def test_an_account_shows_its_options_but_no_secret(own):
    own(SHOP_NAME="Tern & Tide")

    assert get_account("second").api_secret not in repr(get_account("second"))


def test_the_page_on_accounts_is_right(settings, monkeypatch):
    accounts, resolver, *_ = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    for name in re.findall(r'os.environ\["(\w+)"\]', accounts):
        monkeypatch.setenv(name, "a-secret-of-more-than-sixteen-characters")
    names = {}

    exec(accounts + resolver, names)
    settings.CRYPTOPAY_ACCOUNTS = names["CRYPTOPAY_ACCOUNTS"]
    settings.CRYPTOPAY_ACCOUNT_RESOLVER = names["account_of"]

    assert app_settings.of("outlet").SHOP_NAME == "Tern & Tide Outlet"
    assert (resolve_account(SimpleNamespace(brand="outlet")), resolve_account()) == ("outlet", "default")


def test_the_page_names_every_setting_that_an_account_can_have():
    per_account = {
        name for name, option in vars(AppSettings).items() if isinstance(option, Option) and option.per_account
    }

    assert {name for name in per_account if f"`{name}`" not in PAGE} == set()


def test_options_that_are_no_dictionary_are_named(settings):
    entry = settings.CRYPTOPAY_ACCOUNTS["second"] | {"OPTIONS": ["SHOP_NAME"]}
    settings.CRYPTOPAY_ACCOUNTS = settings.CRYPTOPAY_ACCOUNTS | {"second": entry}

    with pytest.raises(ImproperlyConfigured, match=r"OPTIONS.* must be a dictionary"):
        get_account("second")


def entry_of(server, **changes):
    account = server.sandbox.account
    entry = {"API_KEY": account.api_key, "API_SECRET": account.api_secret, "CALLBACK_SECRETS": ["x"]}
    return {**entry, "BASE_URL": server.url, **changes}


def test_new_credentials_are_tried_before_they_are_stored(settings):
    with served_sandbox(settings) as server:
        good = entry_of(server)
        settings.CRYPTOPAY_ACCOUNTS = {}

        try_credentials(good)
        for wrong in ({"API_KEY": "another"}, {"API_SECRET": "another"}):
            with pytest.raises(GatewayAuthenticationError):
                try_credentials({**good, **wrong})


def test_credentials_that_cannot_be_tried_are_not_called_wrong(settings):
    with served_sandbox(settings) as server:
        good = entry_of(server)

    with pytest.raises(GatewayOutageError):
        try_credentials(good)


@pytest.mark.parametrize("wrong", [{"API_KEY": "two words"}, {"BASE_URL": "elsewhere"}, {"CALLBACK_SECRETS": []}])
def test_an_entry_that_is_wrong_is_named_and_nothing_is_sent(wrong):
    entry = {"API_KEY": "k", "API_SECRET": "s", "CALLBACK_SECRETS": ["c"], "BASE_URL": "http://127.0.0.1:1", **wrong}

    with pytest.raises(ImproperlyConfigured, match=re.escape(f'CRYPTOPAY_ACCOUNTS["e12"]["{next(iter(wrong))}"]')):
        try_credentials(entry, name="e12")
