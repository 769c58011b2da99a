"""Goes all `ways` to fail in a project with sentry-sdk as it comes: `python -m tests.attacks.tracked`.

Prints as JSON how many events each has caused, and what of our secrets they, or Django's reports, show.
"""

from __future__ import annotations

import json
import sys

import django
import sentry_sdk
from sentry_sdk.integrations.django import DjangoIntegration


def main() -> None:
    """Set the project up, and go."""
    django.setup()
    from django.db import connection  # noqa: PLC0415
    from django.test.utils import setup_test_environment  # noqa: PLC0415

    from cryptopay_django.gateway import calls  # noqa: PLC0415
    from tests.attacks.ways import Envelopes, run  # noqa: PLC0415

    sentry_sdk.init(dsn="https://key@tracker.invalid/1", transport=Envelopes, integrations=[DjangoIntegration()])
    setup_test_environment()
    calls.LONGEST_PAUSE = 0.0  # a gateway that is away needs no time to recover
    connection.creation.create_test_db(verbosity=0)
    sys.stdout.write(json.dumps(run()))


if __name__ == "__main__":
    main()
