"""The self-test of the callback URL: each way in which a site can stand in the way is told from the others."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator

import pytest
from django.http import HttpResponse, HttpResponseRedirect
from django.urls import path
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_GET

from cryptopay_django.conf import get_account
from cryptopay_django.models import Callback
from cryptopay_django.services.diagnosis import CheckResult, Level, try_callback_url
from cryptopay_django.services.diagnosis.callback_selftest import AGENT

pytestmark = pytest.mark.django_db(transaction=True)


def answer(status: int, text: str = ""):
    return csrf_exempt(lambda request: HttpResponse(text, status=status))


def redirect(target: str):
    return csrf_exempt(lambda request: HttpResponseRedirect(target))


class Site:
    """Urls of a site that does not let callbacks through."""

    urlpatterns = (
        path("redirect/", redirect("/elsewhere/")),
        path("login/", redirect("/accounts/login/?next=/login/")),
        path("csrf/", csrf_protect(lambda request: HttpResponse())),
        path("forbidden/", answer(403, "not from here")),
        path("method/", csrf_exempt(require_GET(lambda request: HttpResponse()))),
        path("secret/", answer(401)),
        path("unsigned/", answer(200)),
        path("fault/", answer(500)),
    )


def try_it(url: str) -> CheckResult:
    return try_callback_url(get_account("default"), url, timeout=2)


@pytest.mark.parametrize(
    "kind", ["redirect", "login", "csrf", "forbidden", "not-found", "method", "secret", "unsigned", "fault"]
)
def test_what_stands_in_the_way_is_named(kind, live_server, settings, caplog):
    settings.ROOT_URLCONF = Site

    result = try_it(f"{live_server.url}/{kind}/")

    assert (result.id, result.level) == (f"callback-url.{kind}", Level.ERROR)
    assert result.remedy
    assert not Callback.objects.exists()


def test_a_list_of_refused_user_agents_stands_in_the_way(live_server, settings):
    settings.DISALLOWED_USER_AGENTS = [re.compile(AGENT)]

    assert try_it(f"{live_server.url}/cryptopay/callbacks/").id == "callback-url.forbidden"


def test_a_certificate_that_cannot_be_trusted_is_named(live_server):
    result = try_it(live_server.url.replace("http://", "https://"))

    assert result.id == "callback-url.tls"


@pytest.fixture
def silent() -> Iterator[str]:
    """A server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"


def test_silence_is_a_time_out(silent):
    result = try_callback_url(get_account("default"), silent, timeout=0.05)

    assert result.id == "callback-url.time-out"


def test_a_closed_port_is_unreachable():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

    assert try_it(f"http://127.0.0.1:{port}/").id == "callback-url.unreachable"


@pytest.mark.parametrize("url", ["shop.example/cryptopay/callbacks/", "file:///etc/passwd"])
def test_what_is_no_url_of_a_site_is_not_asked(url):
    assert try_it(url).id == "callback-url.not-https"
