#!/usr/bin/env bash
# limits 5.8.0 (PyPI, Python 3.11): calls of different cost against one limit, and two limits in one text.
#
# Guess beforehand: a call that is refused, because it costs more than is left, takes nothing from what is left, in each of the three
# strategies; and a text with two limits given to `parse`, which returns one, is an error.
# Seen: with a fixed window the refused call is counted: of three a minute, after one of four was refused, none of one passes until the
# minute is over. With the other two strategies one passes. `parse` returns the first limit of the text and drops the rest.
# Consequence: a batch that is too large stops all single calls to a gateway for the rest of the window, though none was made. Ask with
# `test` before `hit`, or use a moving window; read several limits with `parse_many`.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check limits==5.8.0
"$folder/venv/bin/python" - >"$folder/seen" <<'PYTHON'
from limits import parse, strategies
from limits.storage import MemoryStorage

# A window of a hundred years, so that none ends while this runs.
limit = parse("3 per 100 years")
for name in ("FixedWindow", "MovingWindow", "SlidingWindowCounter"):
    limiter = getattr(strategies, f"{name}RateLimiter")(MemoryStorage())
    batch = limiter.hit(limit, "gateway", cost=4)
    left = limiter.get_window_stats(limit, "gateway").remaining
    print(f"{name}: batch of four {batch}, left {left}, then one {limiter.hit(limit, 'gateway')}")
for text in ("1000 per day, 5 per second", "1000 per day; 5 per second"):
    print(text, "->", parse(text))
PYTHON
cat "$folder/seen"
diff "$folder/seen" - <<'SEEN' && echo "as found"
FixedWindow: batch of four False, left 0, then one False
MovingWindow: batch of four False, left 3, then one True
SlidingWindowCounter: batch of four False, left 3, then one True
1000 per day, 5 per second -> 1000 per 1 day
1000 per day; 5 per second -> 1000 per 1 day
SEEN
