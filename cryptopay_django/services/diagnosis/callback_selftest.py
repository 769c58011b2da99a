"""Posts a signed test to the callback URL, on the same way as the gateway's callbacks."""

from __future__ import annotations

import hashlib
import json
import ssl
from dataclasses import dataclass
from http.client import HTTPException
from urllib import error as url_error
from urllib import request as url_request
from urllib.parse import urlsplit

from ...conf import Account
from ...gateway.signing import SIGNATURE_HEADER, sign_callback
from .check_result import CheckResult, Level

BODY = json.dumps({"type": "SelfTest", "event": "doctor", "data": {}}).encode()
"""Always the same bytes: what counts callbacks leaves these out by their digest."""

DIGEST = hashlib.sha256(BODY).hexdigest()

AGENT = "Python-urllib/3"
"""The user agent of a trial. The gateway's own is not documented: it is a program too, which says so."""

_SUBJECT = "callback URL"
_TIMEOUT = 10
_READ = 64 * 1024
_FORGER = "a secret that nobody gave out"

_REMEDIES = {
    "redirect": "Give the gateway the URL that it is redirected to, with https and the last slash: it follows none.",
    "login": "Let the callback URL pass without a login: the signature is the proof of who sends.",
    "csrf": "Let the callback URL pass without a CSRF token: is the view wrapped, or behind another one?",
    "forbidden": "Something before the app refuses it: a firewall, a list of addresses or agents, or a robot trap.",
    "not-found": 'Is the URL right, and is include("cryptopay_django.urls") in the URLs of the project?',
    "method": "Something else answers at this URL, and takes no POST.",
    "secret": "The site has another secret than this process: are its settings deployed, is this its account's URL?",
    "unsigned": "The site takes what nobody signed. Another view answers here: nothing that it says is proven.",
    "fault": "See the log of the site, and of what stands before it.",
    "tls": "Renew or complete the certificate: the gateway needs https that it can trust.",
    "time-out": f"No answer in {_TIMEOUT} seconds, which is as long as the gateway waits.",
    "unreachable": "Is the name right, and the port open? Try it from outside of your own network.",
    "not-https": "Begin it with https://: the gateway posts to nothing else.",
}


@dataclass(frozen=True, slots=True)
class _Answer:
    """The answer to the test: a status, or the reason why there is none."""

    status: int | None
    problem: str = ""
    text: str = ""
    target: str = ""

    def __str__(self) -> str:
        if self.status is None:
            return f"nothing ({self.text})"
        return f"{self.status}, to {self.target}" if self.target else str(self.status)


def try_callback_url(account: Account, url: str, *, timeout: float = _TIMEOUT) -> CheckResult:
    """Post a signed self-test to the callback URL, and one that is not signed, as the gateway would.

    The time-out is that of the gateway. The self-test is stored as a callback of another type, which is ignored.
    """
    if urlsplit(url).scheme not in ("http", "https"):
        return _bad("not-https", account, f"{url} is no URL of a site")
    genuine = _post(url, sign_callback(BODY, secret=account.callback_secrets[0]), timeout)
    if genuine.status != 200:
        return _bad(_kind_of(genuine), account, f"{url} answered {genuine} to a signed self-test (200 is right)")
    forged = _post(url, sign_callback(BODY, secret=_FORGER), timeout)
    if forged.status != 401:
        return _bad("unsigned", account, f"{url} answered {forged} to a forged self-test (401 is right)")
    found = f"{url} answered 200 to a signed self-test and 401 to a forged one"
    return CheckResult(_SUBJECT, Level.OK, found, account=account.name)


def _bad(kind: str, account: Account, found: str) -> CheckResult:
    return CheckResult(_SUBJECT, Level.ERROR, found, _REMEDIES[kind], account.name, kind)


def _kind_of(answer: _Answer) -> str:
    """Return what is wrong, by the one thing that is seen of it from outside."""
    if answer.status is None:
        return answer.problem
    if 300 <= answer.status < 400:
        return "login" if "login" in answer.target.lower() else "redirect"
    if answer.status == 403:
        return "csrf" if "csrf" in answer.text.lower() else "forbidden"
    kinds = {401: "secret", 404: "not-found", 405: "method"}
    return kinds.get(answer.status, "fault")


class _NoRedirect(url_request.HTTPRedirectHandler):
    """A redirect is an answer that is not 200: the gateway does not follow it either."""

    def redirect_request(self, *args: object, **kwargs: object) -> None:
        return None


def _post(url: str, signature: str, timeout: float) -> _Answer:
    headers = {"Content-Type": "application/json", "User-Agent": AGENT, SIGNATURE_HEADER: signature}
    call = url_request.Request(url, data=BODY, headers=headers, method="POST")  # noqa: S310 - the scheme was checked
    try:
        with url_request.build_opener(_NoRedirect).open(call, timeout=timeout) as answer:
            return _Answer(answer.status)
    except url_error.HTTPError as error:
        with error:
            text = error.read(_READ).decode(errors="replace")
        return _Answer(error.code, text=text, target=error.headers.get("Location", ""))
    except (OSError, HTTPException) as error:
        reason = getattr(error, "reason", error)
        if isinstance(reason, ssl.SSLError):
            return _Answer(None, "tls", str(reason))
        return _Answer(None, "time-out" if isinstance(reason, TimeoutError) else "unreachable", str(reason))
