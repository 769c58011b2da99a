"""Whatever of the project answers a callback before it arrives, `check` says it; what lets it pass, it does not name."""

from __future__ import annotations

import re

import pytest
from django.core.checks import run_checks
from django.core.signals import got_request_exception
from django.db import DatabaseError, transaction
from django.http import HttpResponse, HttpResponseRedirect
from django.test import Client
from django.urls import set_script_prefix
from django.utils import translation
from django.utils.decorators import async_only_middleware

from cryptopay_django.models import Callback
from cryptopay_django.services.diagnosis.middleware_selftest import PROBE
from cryptopay_django.testing.factories import callback_headers

pytestmark = pytest.mark.django_db

URL = "/cryptopay/callbacks/"


def said() -> dict[str, str]:
    messages = run_checks(tags=["cryptopay"])
    return {message.id[-4:]: message.msg for message in messages if message.id[-4:] in ("W015", "W025", "W034")}


def post(host: str = "testserver"):
    headers = {**callback_headers(b"{}"), "Host": host}
    return Client(raise_request_exception=False).post(URL, b"{}", content_type="application/json", headers=headers)


def redirects_to_one_host(get_response):
    def middleware(request):
        if request.get_host() != "pay.shop.example":
            return HttpResponseRedirect(f"https://pay.shop.example{request.path}")
        return get_response(request)

    return middleware


def wants_a_login(get_response):
    return lambda request: get_response(request) if request.user.is_authenticated else HttpResponseRedirect("/login/")


def refuses_strangers(get_response):
    def middleware(request):
        return get_response(request) if request.META["REMOTE_ADDR"] == "127.0.0.1" else HttpResponse(status=403)

    return middleware


def is_under_maintenance(get_response):
    return lambda request: HttpResponse("back soon", status=503)


def answers_everything(get_response):
    return lambda request: HttpResponse("hello")


def breaks(get_response):
    def middleware(request):
        raise RuntimeError("the middleware is broken")

    return middleware


def changes_the_body(get_response):
    def middleware(request):
        request._stream.read()
        return get_response(request)

    return middleware


def hides_it(get_response):
    def middleware(request):
        request.path_info = "/elsewhere/"
        return get_response(request)

    return middleware


@async_only_middleware
def is_asynchronous(get_response):
    async def middleware(request):
        return await get_response(request)

    return middleware


def has_no_database(get_response):
    def middleware(request):
        raise DatabaseError("no such table: tenants")

    return middleware


def speaks_german(get_response):
    def middleware(request):
        translation.activate("de")
        return get_response(request)

    return middleware


def opens_a_transaction(get_response):
    """As django-reversion's RevisionMiddleware does for all but GET."""

    def middleware(request):
        with transaction.atomic():
            return get_response(request)

    return middleware


def use(settings, middleware) -> None:
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, f"{__name__}.{middleware.__name__}"]


@pytest.mark.parametrize(
    ("middleware", "id_", "status"),
    [
        (redirects_to_one_host, "W015", 302),
        (wants_a_login, "W015", 302),
        (refuses_strangers, "W025", 403),
        (is_under_maintenance, "W025", 503),
        (breaks, "W025", 500),
        (changes_the_body, "W025", 401),
        (hides_it, "W025", 404),
    ],
)
def test_what_answers_a_callback_before_it_arrives_is_named_with_its_answer(settings, middleware, id_, status):
    use(settings, middleware)

    found = said()

    assert list(found) == [id_]
    assert ("is redirected to" if id_ == "W015" else f"is answered {status} by") in found[id_]
    if middleware is not refuses_strangers:  # the test's client is at home
        assert post().status_code == status


@pytest.mark.parametrize(
    ("pattern", "found"), [(".", ["W025"]), ("(?i)python|curl|java", ["W025"]), ("(?i)scraper", [])]
)
def test_a_list_of_refused_user_agents_that_has_programs_is_named(settings, pattern, found):
    settings.DISALLOWED_USER_AGENTS = [re.compile(pattern)]

    assert list(said()) == found


@pytest.mark.parametrize("middleware", [is_asynchronous, speaks_german])
def test_what_lets_a_callback_pass_is_not_named_and_changes_nothing_here(settings, middleware):
    use(settings, middleware)

    with translation.override("fr"):
        assert said() == {}
        assert translation.get_language() == "fr"
        assert post().status_code == 200


@pytest.mark.django_db(transaction=True)
def test_a_transaction_around_all_requests_is_named(settings):
    use(settings, opens_a_transaction)

    found = said()

    assert list(found) == ["W034"]
    assert post().status_code == 200, "it is stored all the same"


def test_another_view_that_answers_200_is_not_taken_for_ours(settings):
    use(settings, answers_everything)

    assert list(said()) == ["W025"]


def test_a_database_that_is_not_there_yet_is_no_finding(settings):
    use(settings, has_no_database)

    assert said() == {}


def test_a_trial_stores_nothing_and_disturbs_no_tracker(settings):
    seen = []
    got_request_exception.connect(lambda **kwargs: seen.append(kwargs), weak=False, dispatch_uid="here")
    try:
        assert said() == {}
    finally:
        got_request_exception.disconnect(dispatch_uid="here")

    assert (Callback.objects.count(), seen) == (0, [])


def test_no_client_can_pass_its_callback_off_as_a_trial():
    headers = {**callback_headers(b"{}"), PROBE: "1", f"HTTP_{PROBE}": "1"}

    assert Client().post(URL, b"{}", "application/json", headers=headers, **{PROBE: "1"}).content == b"stored\n"
    assert Callback.objects.count() == 1


@pytest.mark.parametrize(
    ("hosts", "site", "is_said"),
    [
        (["shop.example"], "", True),
        (["www.shop.example"], "", False),
        (["shop.example", "www.shop.example"], "", True),
        ([".shop.example", "127.0.0.1"], "", True),
        (["*"], "", True),
        (["*"], "https://www.shop.example", False),
        (["*"], "https://shop.example", True),
        ([], "", False),
    ],
)
def test_the_host_that_is_tried_is_that_of_the_site_or_one_that_is_allowed(settings, hosts, site, is_said):
    settings.PREPEND_WWW, settings.ALLOWED_HOSTS, settings.CRYPTOPAY_SITE_URL = True, hosts, site

    assert ("W015" in said()) is is_said


@pytest.mark.parametrize("site", ["https://shop.example", "https://shop.example/shop"])
@pytest.mark.parametrize("prefix", ["/", "/shop/"])
def test_a_site_below_a_path_is_tried_below_it(settings, site, prefix):
    settings.ALLOWED_HOSTS, settings.CRYPTOPAY_SITE_URL = ["shop.example"], site
    settings.FORCE_SCRIPT_NAME = prefix.rstrip("/") or None
    set_script_prefix(prefix)
    try:
        assert said() == {}
    finally:
        set_script_prefix("/")


def test_a_site_that_ends_tls_itself_and_one_behind_a_proxy_are_both_tried_over_https(settings):
    settings.SECURE_SSL_REDIRECT = True
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

    assert said() == {}
