#!/usr/bin/env bash
# Django 6.1.1 and 5.2.8 (PyPI, Python 3.12 or newer): an asynchronous receiver of a signal that ends with CancelledError.
#
# Guess beforehand: `Signal.send()` raises CancelledError to its caller in both releases, as it raises every other error of a
# receiver.
# Seen: 5.2 raises it. 6.1 runs asynchronous receivers in a task group, which drops tasks that were cancelled: `send()` returns
# as if the receiver had done its work, with None as its answer; `send_robust()` too.
# Consequence: whoever marks work as done when `send()` returns (an outbox, an audit log) loses it after the upgrade where a
# receiver's call times out by cancellation. A receiver should turn its own CancelledError into an error of another class.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
for python in python3.12 python3.13 python3; do
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 12))' 2>"$folder/not" && break
done
cat >"$folder/try.py" <<'PYTHON'
import asyncio

import django
from django.conf import settings
from django.dispatch import Signal

settings.configure()
signal = Signal()


async def receiver(**_):
    asyncio.current_task().cancel()
    await asyncio.sleep(0)


signal.connect(receiver)
for name in ("send", "send_robust"):
    try:
        answers = [answer for _, answer in getattr(signal, name)(sender=None)]
        print(django.__version__, name, "returned", answers)
    except asyncio.CancelledError:
        print(django.__version__, name, "raised CancelledError")
PYTHON
for release in 5.2.8 6.1.1; do
    "$python" -m venv "$folder/$release"
    "$folder/$release/bin/pip" install --quiet --disable-pip-version-check "django==$release"
    "$folder/$release/bin/python" "$folder/try.py"
done >"$folder/seen"
cat "$folder/seen"
diff "$folder/seen" - <<'SEEN' && echo "as found"
5.2.8 send raised CancelledError
5.2.8 send_robust raised CancelledError
6.1.1 send returned [None]
6.1.1 send_robust returned [None]
SEEN
