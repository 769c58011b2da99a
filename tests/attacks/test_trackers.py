"""An error tracker as it comes, which sends the local variables of every frame, is sent no secret; nor is ADMINS."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from cryptopay_django.redaction import hide_locals
from tests.attacks.gateways import BugError

CONTROL = "control: a local variable"


@pytest.mark.timeout(300)
def test_no_way_to_fail_shows_a_secret_to_a_tracker_or_in_djangos_report():
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings", "DATABASE_URL": ""}

    done = subprocess.run(
        [sys.executable, "-m", "tests.attacks.tracked"], env=environment, capture_output=True, text=True, check=True
    )

    seen = json.loads(done.stdout)
    control = seen.pop(CONTROL)
    assert {line.partition(":")[0] for line in control["shown"]} == {"tracker", "django"}
    assert {name: way["shown"] for name, way in seen.items() if way["shown"]} == {}
    assert len([way for way in seen.values() if way["events"]]) >= 200
    silent = {name.partition(":")[0] for name in seen} - {
        name.partition(":")[0] for name, way in seen.items() if way["events"]
    }
    assert silent == set()


def fails(secret: str) -> None:
    raise BugError(len(secret))


@hide_locals
def fails_while_it_sees_to_a_failure(secret: str) -> None:
    try:
        fails(secret)
    except BugError as error:
        raise ExceptionGroup("all of it", [error, ValueError(len(secret))]) from error


def frames(error: BaseException) -> list[str]:
    """Return the local variables of all the frames of an exception."""
    found, trace = [], error.__traceback__
    while trace:
        found.append(repr(trace.tb_frame.f_locals))
        trace = trace.tb_next
    return found


def test_what_led_to_a_failure_is_cleared_and_its_places_stay():
    with pytest.raises(ExceptionGroup) as raised:
        fails_while_it_sees_to_a_failure("canary")

    cause = raised.value.__cause__
    assert "canary" not in "".join([*frames(raised.value)[1:], *frames(cause)])
    assert [entry.name for entry in raised.traceback][-1] == "fails_while_it_sees_to_a_failure"
    assert cause.__traceback__.tb_next.tb_frame.f_code.co_name == "fails"


def test_what_the_caller_was_seeing_to_already_stays_as_it_is():
    def outer(detail: str) -> None:
        raise LookupError(len(detail))

    def handle() -> None:
        try:
            outer("a detail of the shop's own")
        except LookupError:
            with pytest.raises(ExceptionGroup):
                fails_while_it_sees_to_a_failure("canary")
            raise

    with pytest.raises(LookupError) as theirs:
        handle()

    assert any("a detail of the shop's own" in found for found in frames(theirs.value))
