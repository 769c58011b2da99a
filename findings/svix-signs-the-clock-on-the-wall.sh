#!/usr/bin/env bash
# svix 2.9.1 and standardwebhooks 1.1.0 (PyPI, Python 3.11): a webhook that is signed with a time of another zone than UTC.
#
# Guess beforehand: `sign` takes an aware time of any zone as the moment that it is, so that what one of them signs is accepted
# by `verify` with the header of that moment.
# Seen: the zone of an aware time is replaced by UTC, not converted. With a time of Berlin or New York the signature is for a
# moment hours away, and `verify` refuses it with the text "No matching signature found". No error when signing.
# Consequence: a shop that tells others of payments with `timezone.localtime()` sends messages that each receiver refuses, and
# the text points at the secret. Sign with `datetime.now(timezone.utc)`.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check svix==2.9.1 standardwebhooks==1.1.0 tzdata==2026.6
"$folder/venv/bin/python" - >"$folder/seen" <<'PYTHON'
import base64
from datetime import datetime, timezone
from zoneinfo import ZoneInfo

import standardwebhooks
import svix.webhooks

SECRET = "whsec_" + base64.b64encode(b"twenty-four bytes of key").decode()
now = datetime.now(timezone.utc)
for kind, package in (("svix", svix.webhooks), ("webhook", standardwebhooks)):
    webhook = package.Webhook(SECRET)
    for zone in ("UTC", "Europe/Berlin", "America/New_York"):
        moment = now.astimezone(ZoneInfo(zone))
        headers = {
            f"{kind}-id": "msg_1",
            f"{kind}-timestamp": str(int(moment.timestamp())),
            f"{kind}-signature": webhook.sign("msg_1", moment, "{}"),
        }
        try:
            webhook.verify("{}", headers)
            print(package.__name__, zone, "accepted")
        except Exception as error:
            print(package.__name__, zone, f"{type(error).__name__}: {error}")
PYTHON
cat "$folder/seen"
diff "$folder/seen" - <<'SEEN' && echo "as found"
svix.webhooks UTC accepted
svix.webhooks Europe/Berlin WebhookVerificationError: No matching signature found
svix.webhooks America/New_York WebhookVerificationError: No matching signature found
standardwebhooks UTC accepted
standardwebhooks Europe/Berlin WebhookVerificationError: No matching signature found
standardwebhooks America/New_York WebhookVerificationError: No matching signature found
SEEN
