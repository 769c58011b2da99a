"""One run: the stage is set so that nothing leaves this machine, every story is played, then all is judged."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager

import django
from django.conf import settings
from django.test import override_settings
from django.utils import timezone

from ...conf import app_settings
from ...services import Notice, send_notices
from ..inprocess import InProcessSandbox
from .judges import Played, judge
from .report import Report
from .stage import PlaceOrder, Probe, Stage, place_plain_order
from .stories import play, scripts

_KEPT_BACK = "django.core.mail.backends.locmem.EmailBackend"
# The way to name a mail backend that the Django at hand does not warn about.
_NO_MAIL: dict[str, object] = (
    {"EMAIL_BACKEND": _KEPT_BACK} if django.VERSION < (6, 1) else {"MAILERS": {"default": {"BACKEND": _KEPT_BACK}}}
)


def run_checklist(
    *,
    place_order: PlaceOrder | None = None,
    probe: Probe | None = None,
    account: str = "default",
    callback_secret: str | None = None,
    stories: Collection[str] | None = None,
    progress: Callable[[str], None] = lambda name: None,
) -> Report:
    """Work through the fourteen points in this process and return the result of each.

    `place_order` takes a `django.test.Client` and returns the Invoice of a new order; without it invoices
    are made without an order. `probe` takes an Invoice and returns what the shop has credited for it.
    `callback_secret` is what the service will sign with, where that is to be compared with the settings.
    `stories` names those to play, where not all are wanted: points that hang on the others are not measured.
    Writes to the database that is configured; sends no mail, no request and no coin.
    """
    begun_at, begun = timezone.now(), time.monotonic()
    with _set_stage() as (sandbox, notified):
        started = sandbox.now
        if callback_secret:
            sandbox.settings(account, callback_secret=callback_secret)
        stage = Stage(sandbox, place_order=place_order or place_plain_order, probe=probe)
        played = Played(has_probe=probe is not None, notified=notified, secret_given=bool(callback_secret))
        for script in (script for script in scripts() if stories is None or script.name in stories):
            progress(script.name)
            try:
                played.stories[script.name] = play(stage, script)
            except Exception as error:  # noqa: BLE001 - the shop's own code: whatever it raises is the finding
                played.cannot_create = f"{script.name}: the order failed: {type(error).__name__}: {error}"
                break
        send_notices()
        played.probe_error = stage.probe_error
        findings = judge(sandbox, played)
        travelled = sandbox.now - started
    notes = [] if place_order else ["Invoices were made without an order: name CRYPTOPAY_CHECKLIST_ORDER or --order."]
    return Report(findings, account, begun_at, time.monotonic() - begun, travelled, notes)


@contextmanager
def _set_stage() -> Iterator[tuple[InProcessSandbox, dict[str, tuple[str, ...]]]]:
    """Put the sandbox in the service's place, and write down notices instead of sending them."""
    notified: dict[str, tuple[str, ...]] = {}
    own_notifier = app_settings.NOTIFIER

    def note(notice: Notice, recipients: Sequence[str]) -> None:
        by = () if own_notifier is None else (f"the shop's notifier ({own_notifier.__module__})",)
        notified[notice.kind.value] = (*recipients, *by)

    changes = override_settings(
        ALLOWED_HOSTS=[*settings.ALLOWED_HOSTS, "testserver"],
        CRYPTOPAY_NOTIFIER=note,
        **_NO_MAIL,
    )
    with changes, InProcessSandbox(seed="checklist") as sandbox:
        yield sandbox, notified
