"""Mails the statement of a closed period to staff, once to each person, however often it is run."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import FieldError, ValidationError
from django.core.mail import EmailMessage
from django.utils import timezone

from ...exceptions import BooksError
from ...models import ClosedPeriod
from ...models.locking import write_transaction
from ...permissions import Act, is_staff, may
from .columns import write_amount
from .file_formats import FORMS, write_statement
from .statement import Statement

_LARGEST = 8_000_000
"""Bytes of all files of a mail at most: mail servers refuse larger ones."""

_LEASE = timedelta(minutes=10)
"""How long a mail may take. What has not left after that is sent by the next run."""


def find_staff(names: Sequence[str]) -> list[str]:
    """Return the e-mail addresses of members of staff, by user name or address, in the order of the names.

    Raises BooksError if one is not known, is not active staff, may not see the ledger, or has no address.
    """
    model: Any = get_user_model()
    email, found = model.get_email_field_name(), []
    for name in names:
        users = [*_users_by(model.USERNAME_FIELD, name), *_users_by(f"{email}__iexact", name)]
        allowed = [
            user for user in users if is_staff(user) and may(user, Act.VIEW_LEDGER) and getattr(user, email, False)
        ]
        if not allowed:
            raise BooksError(
                f"{name!r} is no active member of staff with an e-mail address and the permission view_ledger"
            )
        found.append(str(getattr(allowed[0], email)))
    return list(dict.fromkeys(found))


def _users_by(lookup: str, name: str) -> list[Any]:
    """Return the users of a name; none where the project's user model has no such field, or numbers in it."""
    try:
        return list(get_user_model()._default_manager.filter(**{lookup: name}))
    except (FieldError, ValueError, ValidationError):
        return []


def mail_statement(statement: Statement, addresses: Sequence[str], *, forms: Sequence[str] = ("csv",)) -> list[str]:
    """Mail the statement of a closed period; return the addresses that it was sent to now. Commits.

    Each address gets it once: that is written down before and after. Only a process that dies in between sends it
    twice, ten minutes later. Raises BooksError if the period is not closed, or if a mail did not leave: the others
    have then, and it is tried again by the next call.
    """
    if statement.closed is None:
        raise BooksError(f"{statement.period} is not closed: only the statement of a closed period is mailed")
    sent, failed = [], {}
    for address in addresses:
        if not _claim(statement.closed, address, now=timezone.now()):
            continue
        try:
            _message(statement, address, forms).send()
        except OSError as error:  # SMTPException is one
            _write(statement.closed, address, None)
            failed[address] = f"{type(error).__name__}: {error}"
            continue
        _write(statement.closed, address, {"sent_at": timezone.now().isoformat()})
        sent.append(address)
    if failed:
        named = "; ".join(f"{address}: {error}" for address, error in failed.items())
        raise BooksError(f"the statement {statement.period} did not leave to {named}")
    return sent


def _claim(closed: ClosedPeriod, address: str, *, now: datetime) -> bool:
    """Write down that a mail is about to be sent; return whether it is this process that sends it."""
    with write_transaction(ClosedPeriod):
        row = ClosedPeriod.objects.lock(pk=closed.pk)
        if row is None:
            return False
        known = row.mails.get(address, {})
        begun_at = known.get("begun_at")
        if "sent_at" in known or (begun_at and now - datetime.fromisoformat(begun_at) < _LEASE):
            return False
        return ClosedPeriod.objects.change(row, mails={**row.mails, address: {"begun_at": now.isoformat()}})


def _write(closed: ClosedPeriod, address: str, state: dict[str, str] | None) -> None:
    with write_transaction(ClosedPeriod):
        row = ClosedPeriod.objects.lock(pk=closed.pk)
        if row is not None:
            others = {name: known for name, known in row.mails.items() if name != address}
            ClosedPeriod.objects.change(row, mails=others if state is None else {**others, address: state})


def _message(statement: Statement, address: str, forms: Sequence[str]) -> EmailMessage:
    files = [(f"{statement.name}.{FORMS[form].ending}", _whole(statement, form), form) for form in forms]
    fits = sum(len(content) for _, content, _ in files) <= _LARGEST
    message = EmailMessage(_subject(statement), _text(statement, fits=fits), None, [address])
    for name, content, form in files if fits else ():
        message.attach(name, content, FORMS[form].media_type.partition(";")[0])
    return message


def _whole(statement: Statement, form: str) -> bytes:
    return b"".join(write_statement(statement, form))


def _subject(statement: Statement) -> str:
    return f"Cryptopay statement: account {statement.books.account}, {statement.period}"


def _text(statement: Statement, *, fits: bool) -> str:
    """Return the text: balances, and whether the gateway agreed."""
    totals, closed = statement.totals(), statement.closed
    lines = [f"{_subject(statement)}", f"{totals.count} entries. The period is closed: its figures do not change.", ""]
    for currency, balance in totals.closing.items():
        opening = totals.opening.get(currency)
        begun = write_amount(opening, currency) if opening is not None else "0"
        lines.append(f"{currency}: opening {begun}, closing {write_amount(balance, currency)}")
    lines.append("")
    if closed is not None and closed.differences:
        lines += ["When it was closed, the gateway differed, which was accepted:", *closed.differences]
    else:
        lines.append("When it was closed, the books and the gateway agreed.")
    if not fits:
        lines += ["", "The files are too large for a mail: download them in the admin."]
    return "\n".join([*lines, ""])
