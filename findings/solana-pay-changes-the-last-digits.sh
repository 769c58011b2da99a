#!/usr/bin/env bash
# @solana/pay 1.0.16 (npm, Node 20): the amount of a Solana Pay link, read and written again.
#
# Guess beforehand: parseURL gives the amount exactly (as text or a big number), refuses more than the nine decimals of SOL,
# as the specification of Solana Pay asks of a wallet, and encodeURL writes what was read.
# Seen: the amount is a JavaScript number. 123456789.123456789 SOL come back as 123456789.123456791; ten decimals are read and
# written; an amount given as text is a TypeError. Small amounts are written without an exponent, and read exactly.
# Consequence: sums of more than about 15 digits are not what the link says. Take them from the link's text, or keep amounts
# in lamports (a BigInt) and write the link's amount by hand.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
# npm brings certificates of its own; a network may ask for those of the system.
export NODE_EXTRA_CA_CERTS="${NODE_EXTRA_CA_CERTS:-/etc/ssl/certs/ca-certificates.crt}"
npm install --silent --no-audit --no-fund --prefix "$folder" @solana/pay@1.0.16 >/dev/null
cat >try.mjs <<'NODE'
import { encodeURL, parseURL } from "@solana/pay";

const recipient = "mvines9iiHiQTysrwkJjGf2gb9Ex9jXJX8ns3qwf2kN";
for (const amount of ["0.000000001", "123456789.123456789", "1.1234567891"]) {
  const read = parseURL(`solana:${recipient}?amount=${amount}`);
  console.log(amount, "->", typeof read.amount, encodeURL(read).searchParams.get("amount"));
}
try {
  encodeURL({ recipient, amount: "0.5" });
} catch (error) {
  console.log("text ->", error.constructor.name);
}
NODE
node try.mjs >seen
cat seen
diff seen - <<'SEEN' && echo "as found"
0.000000001 -> number 0.000000001
123456789.123456789 -> number 123456789.123456791
1.1234567891 -> number 1.1234567891
text -> TypeError
SEEN
