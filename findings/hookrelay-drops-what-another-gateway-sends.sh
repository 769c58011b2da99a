#!/usr/bin/env bash
# hookrelay 0.4.0 (PyPI, Python 3.11): webhooks of two senders whose ids are equal, and one that is sent again after it had
# failed.
#
# Guess beforehand: an idempotency key belongs to its source, for each event has one, and gateways count or name their events
# without knowing of each other; a key whose event ended in the dead letters is free again, or sending it again is an error.
# Seen: a key is one for all sources. The event of the second gateway is dropped, and `enqueue` says False, as for a repetition.
# What has failed for good keeps its key too: the repetition that the gateway sends is dropped.
# Consequence: of two gateways that call their events 1, 2, 3, one loses its first payments, and no table shows them. Put the
# source into the key, and take dead letters up again by hand.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check hookrelay==0.4.0 sqlalchemy==2.1.9 \
  greenlet==3.5.6 aiosqlite==0.22.1
cat >"$folder/relay.py" <<'PYTHON'
import asyncio
import logging
import sys

from hookrelay import MemoryBackend, RetryPolicy, WebhookEvent, Worker
from hookrelay.backends.sqlite import SQLiteBackend
from sqlalchemy.ext.asyncio import create_async_engine

logging.disable()
handled = []


async def handle(event):
    handled.append(f"{event.source} {event.payload['order']}")
    if event.source == "broken":
        raise ValueError


async def send(backend, source, order, key):
    taken = await backend.enqueue(WebhookEvent(source=source, payload={"order": order}, idempotency_key=key, max_attempts=1))
    await Worker(backend, handle).run_once()
    print(f"  {source}, key {key}: enqueue says {taken}; handled so far: {', '.join(handled)}")


async def try_it(backend):
    print(type(backend).__name__)
    if hasattr(backend, "init_schema"):
        await backend.init_schema()
    handled.clear()
    await send(backend, "first gateway", "order 17", "1")
    await send(backend, "second gateway", "order 18", "1")
    await send(backend, "broken", "order 19", "2")
    print("  dead letters:", len(await backend.list_dead_letters()))
    await send(backend, "broken", "order 19", "2")


policy = RetryPolicy(base_delay=0.001, jitter=0)
asyncio.run(try_it(MemoryBackend(retry_policy=policy)))
asyncio.run(try_it(SQLiteBackend(create_async_engine(f"sqlite+aiosqlite:///{sys.argv[1]}"), retry_policy=policy)))
PYTHON
"$folder/venv/bin/python" "$folder/relay.py" "$folder/events.db" >"$folder/seen"
cat "$folder/seen"
diff "$folder/seen" - <<'SEEN' && echo "as found"
MemoryBackend
  first gateway, key 1: enqueue says True; handled so far: first gateway order 17
  second gateway, key 1: enqueue says False; handled so far: first gateway order 17
  broken, key 2: enqueue says True; handled so far: first gateway order 17, broken order 19
  dead letters: 1
  broken, key 2: enqueue says False; handled so far: first gateway order 17, broken order 19
SQLiteBackend
  first gateway, key 1: enqueue says True; handled so far: first gateway order 17
  second gateway, key 1: enqueue says False; handled so far: first gateway order 17
  broken, key 2: enqueue says True; handled so far: first gateway order 17, broken order 19
  dead letters: 1
  broken, key 2: enqueue says False; handled so far: first gateway order 17, broken order 19
SEEN
