#!/usr/bin/env bash
# accounting 0.4.1 and currency-formatter 1.5.9 (npm, Node 20): amounts as text that are read as numbers.
#
# Guess beforehand: what JavaScript itself writes for a number is read as that number; an amount with its minus behind it, as
# accounts print it, or with the minus of typography (U+2212) is below zero or not a number; and a digit in a name is not one of the
# amount.
# Seen: all but digits, points and hyphens is thrown away, so a satoshi, which JavaScript writes as 1e-8, is 1, and 1.5e-7 is 1.5.
# 5.00- and the minus of typography are 5. "12.50 USD2" is 12.502. The answer is never NaN: a text without an amount is 0.
# Brackets and a hyphen in front are below zero, as the documentation says.
# Consequence: a rest of a satoshi is shown and booked as a bitcoin, and a refund as a payment. Use Number() for what programs
# wrote, and ask the text with a regular expression before it is read.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
# npm brings certificates of its own; a network may ask for those of the system.
export NODE_EXTRA_CA_CERTS="${NODE_EXTRA_CA_CERTS:-/etc/ssl/certs/ca-certificates.crt}"
npm install --silent --no-audit --no-fund accounting@0.4.1 currency-formatter@1.5.9 >/dev/null
cat >shop.js <<'JAVASCRIPT'
const accounting = require("accounting");
const formatter = require("currency-formatter");

const texts = [
  String(0.00000001), String(0.00000015), "-5.00", "(5.00)", "5.00-", "\u22125.00", "12.50 USD2", "free",
];
for (const text of texts) {
  console.log(`${text}: ${accounting.unformat(text)}, ${formatter.unformat(text, { code: "USD" })}`);
}
JAVASCRIPT
node shop.js >seen
cat seen
diff seen - <<'SEEN' && echo "as found"
1e-8: 1, 1
1.5e-7: 1.5, 1.5
-5.00: -5, -5
(5.00): -5, -5
5.00-: 5, 5
−5.00: 5, 5
12.50 USD2: 12.502, 12.502
free: 0, 0
SEEN
