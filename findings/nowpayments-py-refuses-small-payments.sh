#!/usr/bin/env bash
# nowpayments-py 1.0.5 (PyPI, Python 3.11): the signature of a callback, given as the raw text of its body.
#
# Guess beforehand: a body that is signed as it stands, with its keys in order and no spaces, as JSON.stringify writes it in the
# gateway's guide, is accepted whatever its values are; for the text is at hand, and the package asks for it.
# Seen: the text is parsed, and what Python writes of it is signed. Python writes 0.00005 as 5e-05, 1e-7 as 1e-07, and "ä" as an
# escape; so such a callback is refused. 0.0001 passes. What the gateway itself signs was not seen.
# Consequence: tests with usual amounts pass, and the first callback with a payment or a fee below 0.0001 is never booked. Compare
# the digest of the body's own text.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check nowpayments-py==1.0.5
PYTHONUTF8=1 "$folder/venv/bin/python" - >"$folder/seen" <<'PYTHON'
import hashlib
import hmac

from nowpayments import verify_ipn_signature

SECRET = "a secret of the test"
for body in (
    '{"actually_paid":0.0001,"order_id":"17","payment_status":"finished"}',
    '{"actually_paid":0.00005,"order_id":"17","payment_status":"finished"}',
    '{"actually_paid":1e-7,"order_id":"17","payment_status":"finished"}',
    '{"order_description":"Käse","order_id":"17"}',
):
    signature = hmac.new(SECRET.encode(), body.encode(), hashlib.sha512).hexdigest()
    print(body, "->", verify_ipn_signature(body, signature, SECRET))
PYTHON
cat "$folder/seen"
diff "$folder/seen" - <<'SEEN' && echo "as found"
{"actually_paid":0.0001,"order_id":"17","payment_status":"finished"} -> True
{"actually_paid":0.00005,"order_id":"17","payment_status":"finished"} -> False
{"actually_paid":1e-7,"order_id":"17","payment_status":"finished"} -> False
{"order_description":"Käse","order_id":"17"} -> False
SEEN
