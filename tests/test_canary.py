"""That a secret which gets out fails its test, wherever it gets out."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent

LEAKS = """
import logging
import sys
from io import StringIO

import pytest
from django.conf import settings
from django.core.mail import send_mail
from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.http import HttpResponse, StreamingHttpResponse
from django.test import Client
from django.urls import path

from cryptopay_django.gateway.signing import sign_callback, sign_request

SECRET = settings.CRYPTOPAY_ACCOUNTS["second"]["CALLBACK_SECRETS"][0]
API = settings.CRYPTOPAY_ACCOUNTS["second"]["API_SECRET"]


class Talkative(BaseCommand):
    def handle(self, **options):
        self.stdout.write(f"the key is {API}")


urlpatterns = [
    path("page/", lambda request: HttpResponse(f"<p>{SECRET}</p>")),
    path("header/", lambda request: HttpResponse(headers={"X-Debug": sign_callback(b"1", secret=SECRET)})),
    path("stream/", lambda request: StreamingHttpResponse(iter(["a", SECRET]))),
]


def test_leak_in_a_log_record():
    logging.getLogger("cryptopay_django.deep").info("with %s", SECRET)


def test_leak_in_a_traceback():
    try:
        raise ValueError(SECRET)
    except ValueError:
        logging.getLogger("shop").exception("oops")


def test_leak_of_a_signature():
    logging.getLogger("shop").error(
        "signed %s", sign_request(secret=API, method="GET", path="/", date="today")
    )


@pytest.mark.parametrize("page", ["page", "header", "stream"])
def test_leak_in_an_answer(settings, page):
    settings.ROOT_URLCONF = __name__
    response = Client().get(f"/{page}/")
    list(response)


def test_leak_on_stdout():
    print(SECRET)


def test_leak_on_stderr():
    print(API, file=sys.stderr)


def test_leak_of_a_command():
    call_command(Talkative(), stdout=StringIO())


def test_leak_in_a_mail():
    send_mail("your key", API, "a@shop.test", ["b@shop.test"])


def test_leak_in_a_failure():
    assert SECRET == "something else"


@pytest.mark.shows_secrets
def test_marked():
    print(SECRET)


def test_nothing():
    print(sign_callback(b"1", secret="of somebody else's"))
"""


def test_every_leak_fails_its_test_and_nothing_else_does(tmp_path):
    (tmp_path / "test_leaks.py").write_text(LEAKS)

    plugins = [word for name in ("tests.canary", "no:randomly", "no:cacheprovider") for word in ("-p", name)]
    files = ["--rootdir", ROOT, "-c", ROOT / "pyproject.toml", tmp_path / "test_leaks.py"]
    command = [sys.executable, "-m", "pytest", "-q", "-rA", *plugins, *files]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    summary = [line.split()[:2] for line in done.stdout.splitlines() if line.startswith(("FAILED ", "PASSED "))]
    passed = {name.partition("::")[2] for outcome, name in summary if outcome == "PASSED"}
    failed = {name.partition("::")[2].partition("[")[0] for outcome, name in summary if outcome == "FAILED"}
    assert passed == {"test_marked", "test_nothing"}, done.stdout
    assert len(failed) == LEAKS.count("def test_leak"), done.stdout
    assert "error" not in done.stdout.splitlines()[-1], "each leak is told of once"
