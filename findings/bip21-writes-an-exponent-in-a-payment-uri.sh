#!/usr/bin/env bash
# bip21 3.0.0 (npm, Node 20): small amounts in a payment URI of Bitcoin, and what a reader must not ignore.
#
# Guess beforehand: an amount is written as BIP 21 asks for it, digits with an optional point; what is not of that form, or has more
# than eight decimals, is an error; and a parameter `req-...` that the package does not know makes the URI invalid.
# Seen: amounts below a millionth of a bitcoin are written with an exponent: 1e-8, 5e-7. A sum of floats is written with its rest,
# as a seventeenth decimal. When reading, 0x10 is 16 bitcoins and 1e-8 an amount; an unknown `req-` is handed on as an option.
# Consequence: a link for up to 99 satoshi, or a URI from a sum, has an amount that another wallet may refuse or read up to the "e".
# Give the amount as text that was written from whole satoshi; compare what is read with the text, and look for `req-` yourself.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
# npm brings certificates of its own; a network may ask for those of the system.
export NODE_EXTRA_CA_CERTS="${NODE_EXTRA_CA_CERTS:-/etc/ssl/certs/ca-certificates.crt}"
npm install --silent --no-audit --no-fund --prefix "$folder" bip21@3.0.0 >/dev/null
cat >try.mjs <<'NODE'
import { decode, encode } from "bip21";

// The address of the examples in BIP 21.
const address = "175tWpb8K1S7NmH4Zx6rewF9WQrcZv245W";
for (const amount of [0.00000001, 0.0000005, 0.0000012, 0.1 + 0.2, "0.00000001"]) {
  console.log("write", amount, "->", encode(address, { amount }).split("?")[1]);
}
for (const query of ["amount=20.3", "amount=1e-8", "amount=0x10", "amount=1.123456789", "req-somethingyoudontunderstand=50"]) {
  console.log("read", query, "->", JSON.stringify(decode(`bitcoin:${address}?${query}`).options));
}
NODE
node try.mjs >seen
cat seen
diff seen - <<'SEEN' && echo "as found"
write 1e-8 -> amount=1e-8
write 5e-7 -> amount=5e-7
write 0.0000012 -> amount=0.0000012
write 0.30000000000000004 -> amount=0.30000000000000004
write 0.00000001 -> amount=0.00000001
read amount=20.3 -> {"amount":20.3}
read amount=1e-8 -> {"amount":1e-8}
read amount=0x10 -> {"amount":16}
read amount=1.123456789 -> {"amount":1.123456789}
read req-somethingyoudontunderstand=50 -> {"req-somethingyoudontunderstand":"50"}
SEEN
