"""One account at a time: its credentials, its callback URL, its secrets, and a sample of its invoices."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from urllib import error as url_error
from urllib import request as url_request
from urllib.parse import urlsplit

from django.conf import settings
from django.db.models import F, Max

from ...conf import BASE_URLS, Account, client_for
from ...exceptions import GatewayAuthenticationError, GatewayError
from ...gateway.signing import SIGNATURE_HEADER, sign_callback
from ...models import Callback, Invoice, Payment
from ...models.invoice import open_invoices
from .drift import explain_drift
from .sign import Level, Sign, since

# Retries end after a day and a half; a callback resent by hand is signed with the secret of that day.
SECRET_REST = timedelta(days=2)
_QUIET = timedelta(hours=1)
_TIMEOUT = 10


def check_credentials(account: Account) -> Iterator[Sign]:
    """Send one signed GET: key, secret, permission, white-list and clock all have to be right for an answer."""
    subject = "credentials"
    if account.base_url != BASE_URLS["production"] and not settings.DEBUG:
        yield Sign(
            subject,
            Level.WARNING,
            f"DEBUG is off and invoices are made at {account.base_url}: what is paid there is play money",
            'Set "BASE_URL" to "production" before customers come.',
            account.name,
        )
    try:
        client_for(account.name).list_coins()
    except GatewayAuthenticationError as error:
        remedy = "Compare API_KEY and API_SECRET with the account, and this machine's clock with the time."
        yield Sign(subject, Level.ERROR, str(error), remedy, account.name)
    except GatewayError as error:
        remedy = "See the status page of the service, the key's permissions and its IP white-list."
        yield Sign(subject, Level.ERROR, f"{type(error).__name__}: {error}", remedy, account.name)
    else:
        found = "a signed GET was answered: key, secret and permission are right, the clock is within ten minutes"
        yield Sign(subject, Level.OK, found, account=account.name)


def check_secrets(account: Account, now: datetime) -> Iterator[Sign]:
    """Tell when each callback secret was last of use, and when an older one may go."""
    used = Callback.objects.filter(account=account.name).values_list("secret_index")
    last = {index: at for index, at in used.annotate(at=Max("received_at")) if index < len(account.callback_secrets)}
    uses = ", ".join(
        f"number {index + 1} {since(last.get(index), now)}" for index in range(len(account.callback_secrets))
    )
    found = f"{len(account.callback_secrets)} in CALLBACK_SECRETS; last matched: {uses}"
    if len(account.callback_secrets) == 1:
        yield Sign("secrets", Level.OK, found, account=account.name)
        return
    newest, older = last.get(0), max((last[index] for index in last if index), default=None)
    if older is None or newest is None or newest <= older:
        remedy = "Keep them all until callbacks match the newest and two days have passed since an older one matched."
        yield Sign("secrets", Level.OK, found, remedy, account.name)
    elif now - older < SECRET_REST:
        remedy = (
            f"An older one is still of use. It may go two days after its last match: {older + SECRET_REST:%Y-%m-%d}."
        )
        yield Sign("secrets", Level.OK, found, remedy, account.name)
    else:
        remedy = "The older ones may go: nothing that was signed with them can still be on its way."
        yield Sign("secrets", Level.WARNING, found, remedy, account.name)


def check_arrivals(account: Account, now: datetime) -> Iterator[Sign]:
    """Tell when the last callback came; worry when payments are found that no callback spoke of."""
    last = Callback.objects.filter(account=account.name).aggregate(at=Max("received_at"))["at"]
    paid = Payment.objects.filter(invoice__account=account.name).aggregate(at=Max("detected_at"))["at"]
    found = f"last callback: {since(last, now)}; last payment found: {since(paid, now)}"
    if paid is not None and (last is None or paid - last > _QUIET):
        remedy = "Look at the callback log in the account: is the URL right, and does it answer 200?"
        yield Sign("callbacks arrive", Level.ERROR, found, remedy, account.name)
    else:
        yield Sign("callbacks arrive", Level.OK, found, account=account.name)


def check_sample(account: Account, size: int) -> Iterator[Sign]:
    """Compare the open invoices that were asked about longest ago with the gateway, field by field."""
    sample = Invoice.objects.filter(open_invoices(), account=account.name, gateway_id__isnull=False)
    compared, drifted = 0, []
    for invoice in sample.order_by(F("polled_at").asc(nulls_first=True), "pk")[:size]:
        try:
            differences = explain_drift(invoice, client_for(account.name).retrieve_invoice(str(invoice.gateway_id)))
        except GatewayError as error:
            differences = [f"{type(error).__name__}: {error}"]
        compared += 1
        if differences:
            drifted.append(f"invoice {invoice.pk}: {', '.join(differences)}")
    if drifted:
        remedy = "Run cryptopay_reconcile, and see why no callback told."
        yield Sign("drift", Level.WARNING, "; ".join(drifted), remedy, account.name)
    else:
        yield Sign("drift", Level.OK, f"{compared} open invoices compared: no difference", account=account.name)


def try_callback_url(account: Account, url: str) -> Sign:
    """Post a signed self-test to the callback URL, and one with a false signature, as the gateway would.

    The self-test is stored as a callback of another type, which is ignored.
    """
    subject = "callback URL"
    if urlsplit(url).scheme not in ("http", "https"):
        return Sign(subject, Level.ERROR, f"{url} is no URL of a site", "Begin it with https://.", account.name)
    body = json.dumps({"type": "SelfTest", "event": "doctor", "data": {}}).encode()
    genuine = _post(url, body, sign_callback(body, secret=account.callback_secrets[0]))
    forged = _post(url, body, sign_callback(body, secret="a secret that nobody gave out"))  # noqa: S106
    if (genuine, forged) == ("200", "401"):
        found = f"{url} answered 200 to a signed self-test and 401 to a forged one"
        return Sign(subject, Level.OK, found, account=account.name)
    found = (
        f"{url} answered {genuine} to a signed self-test (200 is right) and {forged} to a forged one (401 is right)"
    )
    remedy = "Nothing may redirect, log in or check CSRF before the view. Try it from outside of your own network."
    return Sign(subject, Level.ERROR, found, remedy, account.name)


class _NoRedirect(url_request.HTTPRedirectHandler):
    """A redirect is an answer that is not 200: the gateway does not follow it either."""

    def redirect_request(self, *args: object, **kwargs: object) -> None:
        return None


def _post(url: str, body: bytes, signature: str) -> str:
    headers = {"Content-Type": "application/json", SIGNATURE_HEADER: signature}
    call = url_request.Request(url, data=body, headers=headers, method="POST")  # noqa: S310 - the scheme was checked
    try:
        with url_request.build_opener(_NoRedirect).open(call, timeout=_TIMEOUT) as answer:
            return str(answer.status)
    except url_error.HTTPError as error:
        error.close()
        return str(error.code)
    except OSError as error:
        return f"nothing ({getattr(error, 'reason', error)})"
