#!/usr/bin/env bash
# lnurl 2.0.2 (PyPI, Python 3.11): a link for a fast withdrawal (LUD-08), and answers with a field more than the package knows.
#
# Guess beforehand: `fast_withdraw_query` can be put behind a URL, and who reads it finds the callback and the description that were
# given; an answer of a service with a further field is read without it, as extensions of LNURL are fields that are added.
# Seen: the values are not escaped. Of the callback .../withdraw?order=7&shop=1 the reader finds .../withdraw?order=7, and of the
# description all up to the first "&"; the package itself calls the result a fast withdrawal. One unknown field makes the
# whole answer an error.
# Consequence: a refund through such a link is asked for with half of the callback's parameters, and a service that adds a field stops
# all payments to it. Build the query with urllib.parse.urlencode, and drop unknown fields before `from_dict`.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check lnurl==2.0.2 bitstring==4.4.0
"$folder/venv/bin/python" - >"$folder/seen" <<'PYTHON'
from lnurl import Lnurl, LnurlResponse
from lnurl.exceptions import LnurlResponseException

withdrawal = LnurlResponse.from_dict(
    {
        "tag": "withdrawRequest",
        "callback": "https://shop.example/withdraw?order=7&shop=1",
        "k1": "00",
        "minWithdrawable": 1000,
        "maxWithdrawable": 1000,
        "defaultDescription": "Shoes & socks",
    }
)
link = Lnurl(f"https://shop.example/refund?{withdrawal.fast_withdraw_query}")
read = dict(link.url.query_params())
print("fast:", link.is_fast_withdraw)
for name in ("callback", "defaultDescription"):
    print(f"{name}: given {getattr(withdrawal, name)}, read {read[name]}")

payment = {
    "tag": "payRequest",
    "callback": "https://shop.example/pay",
    "minSendable": 1000,
    "maxSendable": 2000,
    "metadata": '[["text/plain", "Shoes"]]',
}
for further in ({}, {"commentAllowed": 20}, {"currencies": []}):
    try:
        print(*further, "->", LnurlResponse.from_dict(payment | further).max_sats, "sat")
    except LnurlResponseException as error:
        print(*further, "->", str(error).splitlines()[2].split(" [")[0].strip())
PYTHON
cat "$folder/seen"
diff "$folder/seen" - <<'SEEN' && echo "as found"
fast: True
callback: given https://shop.example/withdraw?order=7&shop=1, read https://shop.example/withdraw?order=7
defaultDescription: given Shoes & socks, read Shoes 
-> 2 sat
commentAllowed -> 2 sat
currencies -> Extra inputs are not permitted
SEEN
