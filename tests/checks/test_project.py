"""Settings of Django's that spoil payments elsewhere: what is said of each, and what happens with it all the same."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.checks import run_checks
from django.db import connection, connections
from django.test import Client
from django.urls import reverse, set_script_prefix
from django.utils.translation import trans_real

from cryptopay_django.checks.databases import check_databases
from cryptopay_django.gateway.signing import sign_callback
from cryptopay_django.links import path_of, url_of
from cryptopay_django.models import Callback
from cryptopay_django.sandbox.account import SANDBOX_API_KEY, SANDBOX_API_SECRET, SANDBOX_CALLBACK_SECRET
from cryptopay_django.services import deliver_events
from cryptopay_django.signals import invoice_created
from cryptopay_django.testing.factories import (
    InvoiceEventFactory,
    InvoiceFactory,
    callback_body,
    callback_headers,
    invoice_wire,
)
from tests.effects.models import Effect
from tests.wire import ScriptedGateway

pytestmark = pytest.mark.django_db

ROOT = Path(__file__).parent.parent.parent
URL = "/cryptopay/callbacks/"


def said(id_: str, *, deploy: bool = False) -> list[str]:
    messages = run_checks(tags=["cryptopay", "caches"], include_deployment_checks=deploy)
    return [message.msg for message in messages if message.id == f"cryptopay.{id_}"]


def post(body: bytes = b"{}", *, headers: dict[str, str] | None = None, content_type: str = "application/json"):
    headers = callback_headers(body) if headers is None else headers
    return Client().post(URL, body, content_type=content_type, headers=headers)


def account_with(settings, **changes: object) -> None:
    accounts = settings.CRYPTOPAY_ACCOUNTS
    settings.CRYPTOPAY_ACCOUNTS = {**accounts, "default": {**accounts["default"], **changes}}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("API_KEY", SANDBOX_API_KEY),
        ("API_SECRET", SANDBOX_API_SECRET),
        ("CALLBACK_SECRETS", ["a-secret-of-the-shop", SANDBOX_CALLBACK_SECRET]),
    ],
)
def test_the_sandboxs_credentials_are_refused_unless_debugging(settings, key, value):
    account_with(settings, **{key: value})

    assert '"default"' in said("E012")[0]
    assert not any(word in said("E012")[0] for word in (SANDBOX_API_KEY, SANDBOX_API_SECRET, SANDBOX_CALLBACK_SECRET))
    settings.DEBUG = True
    assert said("E012") == []


@pytest.mark.parametrize("key", ["API_KEY", "API_SECRET", "CALLBACK_SECRETS"])
def test_two_accounts_share_nothing(settings, key):
    shared = settings.CRYPTOPAY_ACCOUNTS["second"][key]
    assert said("E013") == []

    account_with(settings, **{key: shared})

    assert "default, second" in said("E013")[0]
    assert "canary" not in said("E013")[0]


def test_a_callback_signed_with_a_shared_secret_changes_no_invoice_of_the_other_account(settings):
    account_with(settings, CALLBACK_SECRETS=settings.CRYPTOPAY_ACCOUNTS["second"]["CALLBACK_SECRETS"])
    invoice = InvoiceFactory(account="second")
    body = callback_body(invoice_wire(invoice, paid_amount="0.001"))

    assert post(body).status_code == 200

    invoice.refresh_from_db()
    assert (invoice.paid_amount, Callback.objects.get().outcome) == (0, "orphan")


def test_an_empty_secret_signs_nothing(settings):
    account_with(settings, CALLBACK_SECRETS=[""])

    response = post(headers={"X-Cryptopay-Signature": sign_callback(b"{}", secret="")})

    assert (response.status_code, Callback.objects.count()) == (503, 0)
    assert "CALLBACK_SECRETS" in said("E001")[0]


def test_nothing_is_let_through_under_debug(settings):
    settings.DEBUG = True

    assert post(headers={"X-Cryptopay-Signature": "0" * 64}).status_code == 401
    assert post(headers={}).status_code == 401
    assert Client().get(URL).status_code == 405
    assert Client().post(f"{URL}third/", b"{}", content_type="application/json").status_code == 404


def test_times_without_a_zone_are_refused_and_lose_no_callback(settings):
    body = callback_body(invoice_wire(InvoiceFactory(), paid_amount="0.001"))
    settings.USE_TZ = False

    assert "USE_TZ" in said("E014")[0]
    assert post(body).status_code == 200
    assert bytes(Callback.objects.get().body) == body


def test_callbacks_that_would_be_redirected_are_told_of(settings):
    settings.SECURE_SSL_REDIRECT = True

    assert "SECURE_PROXY_SSL_HEADER" in said("W015")[0]
    assert post().status_code == 301


def test_callbacks_that_a_host_without_www_redirects_are_told_of(settings):
    settings.PREPEND_WWW = True

    assert "is redirected to https://www." in said("W015")[0]
    assert post().status_code == 301


def test_a_language_in_the_callback_url_is_told_of(settings):
    settings.ROOT_URLCONF = "tests.urls_languages"

    assert "language" in said("W015")[0]


@pytest.mark.parametrize("chosen", [None, [("en", "English"), ("de", "German"), ("fr", "French"), ("it", "Italian")]])
def test_the_check_of_the_callback_url_loads_no_languages_that_the_project_has_not_chosen(
    monkeypatch, settings, chosen
):
    if chosen is not None:
        settings.LANGUAGES = chosen
    monkeypatch.setattr(trans_real, "_translations", {})

    assert said("W015") == []

    assert 1 < len(trans_real._translations) <= 1 + len(chosen or ["its own", "another one"])


def test_a_project_without_our_urls_is_told_so(settings):
    settings.ROOT_URLCONF = "tests.urls_nothing"

    assert "this project has no callback URL" in said("W024")[0]


def test_urls_below_a_namespace_of_the_shop_serve_the_payment_page_and_callbacks(settings, client):
    settings.ROOT_URLCONF = "tests.urls_nested"
    invoice = InvoiceFactory()

    page = client.get(f"/pay/crypto/checkout/{invoice.pk}/")

    assert said("W024") == []
    assert page.status_code == 200
    assert f"/pay/crypto/checkout/{invoice.pk}/status/" in page.text
    assert path_of("callback") == "/pay/crypto/callbacks/"


@pytest.mark.parametrize(
    ("site", "prefix", "url"),
    [
        ("https://shop.example", "/", "https://shop.example/admin/"),
        ("https://shop.example/shop", "/", "https://shop.example/shop/admin/"),
        ("https://shop.example/shop", "/shop/", "https://shop.example/shop/admin/"),
        ("https://shop.example/shop", "/shopping/", "https://shop.example/shop/shopping/admin/"),
    ],
)
def test_links_lead_below_the_path_of_the_site_once(settings, site, prefix, url):
    settings.CRYPTOPAY_SITE_URL = site
    set_script_prefix(prefix)
    try:
        assert url_of(reverse("admin:index")) == url
    finally:
        set_script_prefix("/")


@pytest.mark.parametrize(
    ("trap", "headers"),
    [
        ({"SECURE_PROXY_SSL_HEADER": ("HTTP_X_FORWARDED_PROTO", "https")}, {"X-Forwarded-Proto": "https"}),
        ({"SECURE_REDIRECT_EXEMPT": [r"^cryptopay/callbacks/"]}, {}),
    ],
)
def test_callbacks_come_through_a_proxy_that_ends_tls(settings, trap, headers):
    settings.SECURE_SSL_REDIRECT = True
    for name, value in trap.items():
        setattr(settings, name, value)

    assert said("W015") == []
    assert post(headers={**callback_headers(b"{}"), **headers}).status_code == 200


@pytest.mark.parametrize("is_on", [True, False])
@pytest.mark.parametrize("debug", [True, False])
def test_the_slash_at_the_end_matters_to_no_callback(settings, is_on, debug):
    settings.APPEND_SLASH, settings.DEBUG = is_on, debug

    response = Client().post(URL.rstrip("/"), b"{}", content_type="application/json", headers=callback_headers(b"{}"))

    assert response.status_code == 200


@pytest.mark.parametrize(
    ("backend", "is_said"), [("locmem.LocMemCache", True), ("dummy.DummyCache", True), ("db.DatabaseCache", False)]
)
def test_a_cache_of_one_process_is_told_of_before_going_live(settings, backend, is_said):
    settings.CACHES = {"default": {"BACKEND": f"django.core.cache.backends.{backend}"}}

    assert bool(said("W017", deploy=True)) is is_said
    assert said("W017") == []


@pytest.mark.parametrize(
    "caches",
    [
        {},
        {"other": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}},
        {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}},
    ],
)
def test_without_any_cache_the_gateway_is_still_not_asked_by_every_click(settings, client, caches):
    settings.CACHES = caches
    assert said("W017", deploy=True)
    invoice = InvoiceFactory()
    gateway = ScriptedGateway(lambda *_: (200, {"data": invoice_wire(invoice)}))
    settings.CRYPTOPAY_HTTP_ADAPTER = lambda account: gateway
    page = reverse("cryptopay_django:checkout", args=[invoice.pk])

    assert [client.post(page).status_code for _ in range(5)] == [303] * 5

    assert gateway.count("GET") == 1


@pytest.mark.parametrize("level", [3, 4])
def test_an_isolation_level_that_refuses_instead_of_waiting_is_told_of(monkeypatch, level):
    monkeypatch.setitem(connection.settings_dict, "OPTIONS", {"isolation_level": level})
    monkeypatch.setattr(type(connections["default"]), "vendor", "postgresql")

    assert "READ COMMITTED" in said("W018")[0]


def test_a_driver_that_drops_microseconds_is_told_of(monkeypatch):
    assert said("W029") == []
    monkeypatch.setitem(connection.settings_dict, "ENGINE", "mysql.connector.django")

    assert "microseconds" in said("W029")[0]


class ReadsTheFormFirst:
    """What some middleware do before any view."""

    def __init__(self, get_response) -> None:
        self.get_response = get_response

    def __call__(self, request):
        assert request.POST is not None
        return self.get_response(request)


class ReadsTheBodyFirst(ReadsTheFormFirst):
    def __call__(self, request):
        assert request.body is not None
        return self.get_response(request)


@pytest.mark.parametrize("middleware", [ReadsTheFormFirst, ReadsTheBodyFirst])
@pytest.mark.parametrize("content_type", ["application/json", "application/x-www-form-urlencoded", "text/plain"])
def test_a_middleware_that_reads_the_request_first_changes_nothing(settings, middleware, content_type):
    settings.MIDDLEWARE = [f"{__name__}.{middleware.__name__}", *settings.MIDDLEWARE]
    body = callback_body({}, type="Other")

    assert post(body, content_type=content_type).status_code == 200
    assert bytes(Callback.objects.get().body) == body


def test_a_small_limit_for_uploads_is_not_that_of_callbacks(settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 10

    assert post(callback_body(invoice_wire(InvoiceFactory()))).status_code == 200


def test_what_customers_see_needs_no_login_even_where_everything_else_does(settings):
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "django.contrib.auth.middleware.LoginRequiredMiddleware"]
    invoice = InvoiceFactory()

    for name in ("cryptopay_django:checkout", "cryptopay_django:invoice-status", "cryptopay_django_api:invoice-state"):
        assert Client().get(reverse(name, args=[invoice.pk])).status_code == 200
    assert Client().get(reverse("cryptopay_django:invoice-events", args=[invoice.pk])).status_code == 204


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_broken", [True, False])
def test_what_an_async_receiver_writes_is_part_of_the_delivery(is_broken):
    event = InvoiceEventFactory()

    async def receive(event, **_) -> None:
        await Effect.objects.acreate(event_uuid=event.uuid, kind=event.kind, invoice_id=event.invoice_id)
        if is_broken:
            raise RuntimeError("the shop is on fire")

    invoice_created.connect(receive)
    try:
        deliver_events(event.invoice)
    finally:
        invoice_created.disconnect(receive)

    event.refresh_from_db()
    assert (Effect.objects.count(), event.delivered_at is None) == ((0, True) if is_broken else (1, False))


@pytest.mark.parametrize("layout", ["elsewhere", "replica"])
def test_the_whole_road_with_several_databases(layout, tmp_path):
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "tests.servers.databases", "SITE_FOLDER": str(tmp_path), "SITE_LAYOUT": layout,
    }  # fmt: skip

    done = subprocess.run(
        [sys.executable, "-m", "tests.servers.road"], env=environment, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "completed 5 events, 5 effects"
    assert ("cryptopay.E016" in done.stderr) is (layout == "elsewhere")
    assert ("servers.SeenEvent" in done.stderr) is (layout == "elsewhere")


@pytest.mark.parametrize("layout", ["elsewhere", "replica"])
def test_a_customer_sees_what_was_made_just_now_with_several_databases(layout, tmp_path):
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "tests.servers.databases", "SITE_FOLDER": str(tmp_path), "SITE_LAYOUT": layout,
    }  # fmt: skip

    done = subprocess.run(
        [sys.executable, "-m", "tests.servers.look"], env=environment, capture_output=True, text=True, check=False
    )

    # A library may warn, as django-fsm 3.0 does of itself; a failure may not be logged either.
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr[-3000:]
    assert done.stdout == "200 200 200 200 200 200 True True True"


@pytest.mark.parametrize(("receiver", "count"), [("inbox.credit", 3), ("inbox.fulfil_once", 1)])
def test_an_effect_in_another_database_happens_once_where_the_event_is_remembered_beside_it(receiver, count, tmp_path):
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "tests.servers.databases", "SITE_FOLDER": str(tmp_path), "SITE_LAYOUT": "elsewhere",
    }  # fmt: skip

    done = subprocess.run(
        [sys.executable, "-m", "tests.servers.remembered", receiver], env=environment, capture_output=True, text=True,
        check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert done.stdout == f"delivered, {count} credits"


def test_the_recipe_in_the_docs_is_the_one_that_is_tried():
    page = (ROOT / "docs" / "scaling.md").read_text()
    recipe = (ROOT / "tests" / "servers" / "inbox.py").read_text()

    start = recipe.index("def fulfil_once")
    assert recipe[start : recipe.index("\n\n\n", start)] in page


class Elsewhere:
    """Sends the models of some apps to another database."""

    apart: frozenset[str] = frozenset()

    def db_for_write(self, model, **hints):
        return "other" if model._meta.app_label in self.apart else None


@pytest.mark.parametrize("apart", [{"cryptopay_django"}, {"shop"}, {"shop", "effects"}])
def test_orders_in_another_database_are_an_error_whichever_of_the_two_is_moved(settings, apart):
    settings.DATABASE_ROUTERS = [type("Router", (Elsewhere,), {"apart": frozenset(apart)})()]

    (found,) = check_databases(None)

    assert (found.id, "shop.Order" in found.msg) == ("cryptopay.E016", True)
    settings.CRYPTOPAY_SEPARATE_DATABASES = ["other", "default"]
    assert check_databases(None) == []


@pytest.mark.parametrize(
    "apart", [set(), {"sessions", "auth", "admin", "contenttypes"}, {"shop", "effects", "cryptopay_django"}]
)
def test_what_django_keeps_elsewhere_and_a_shop_that_is_elsewhere_as_a_whole_are_no_error(settings, apart):
    settings.DATABASE_ROUTERS = [type("Router", (Elsewhere,), {"apart": frozenset(apart)})()]

    assert check_databases(None) == []


def test_a_database_that_commits_nothing_is_an_error(monkeypatch):
    assert said("E027") == []
    monkeypatch.setitem(connection.settings_dict, "AUTOCOMMIT", False)

    assert '"AUTOCOMMIT": False' in said("E027")[0]
