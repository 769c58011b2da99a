"""Runs the checklist in this process: replaces the gateway, plays every story, and judges the results."""

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
from .channel_judges import judge_channels
from .channels import ChannelProbe, ChannelStage, OpenChannel
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
    open_channel: OpenChannel | None = None,
    channel_probe: ChannelProbe | None = None,
    account: str = "default",
    callback_secret: str | None = None,
    stories: Collection[str] | None = None,
    progress: Callable[[str], None] = lambda name: None,
) -> Report:
    """Check every point in this process and return the result of each.

    `place_order` takes a `django.test.Client` and returns the Invoice of a new order; without it, invoices have no
    order. `probe` takes an Invoice and returns what the shop has credited for it. `open_channel` takes a Client and
    returns the enabled Channel of a customer, `channel_probe` takes a ChannelPayment and returns what the shop has
    credited for it; without them, channels are not measured. `callback_secret` is the secret to compare with the
    settings. `stories` limits the run to some stories; points that need others are not measured.
    Writes to the configured database. Sends no mail, no request and no coins.
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
        channels = ChannelStage(sandbox, open_channel=open_channel, probe=channel_probe)
        channels.play(stories, progress)
        played.channel_stories = list(channels.stories.values())
        send_notices()
        played.probe_error = stage.probe_error
        findings = [*judge(sandbox, played), *judge_channels(channels)]
        travelled = sandbox.now - started
    notes = [] if place_order else ["Invoices were made without an order: name CRYPTOPAY_CHECKLIST_ORDER or --order."]
    return Report(findings, account, begun_at, time.monotonic() - begun, travelled, notes)


@contextmanager
def _set_stage() -> Iterator[tuple[InProcessSandbox, dict[str, tuple[str, ...]]]]:
    """Replace the gateway by the sandbox, and record notices instead of sending them."""
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
