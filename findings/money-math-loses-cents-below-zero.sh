#!/usr/bin/env bash
# money-math 2.6.3 (npm, Node 20): amounts below zero, as a refund or a credit note has them.
#
# Guess beforehand: what is done with an amount below zero is the same as with the amount above zero, with a minus; half a cent may
# go either way. The readme has amounts with a minus and results that are rounded to the cent.
# Seen: 20.00 in three parts is 6.67, and -20.00 is -6.65. 19 hundredths of -10.05 are -1.89, where 10.05 gives 1.91. Half a percent
# of -1.00 is 0.01, without the minus. -1.04 in steps of five cents is -0.95, where 1.04 gives 1.05.
# Consequence: a refund of a third, or the tax on a credit note, is up to two cents less than what was charged, or on the other side.
# Compute with the amount above zero, and put the minus before the result.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
# npm brings certificates of its own; a network may ask for those of the system.
export NODE_EXTRA_CA_CERTS="${NODE_EXTRA_CA_CERTS:-/etc/ssl/certs/ca-certificates.crt}"
npm install --silent --no-audit --no-fund --prefix "$folder" money-math@2.6.3 >/dev/null
cat >try.mjs <<'NODE'
import money from "money-math";

const calls = [
  ["div", "20.00", "3.00"],
  ["mul", "10.05", "0.19"],
  ["percent", "1.00", "0.50"],
  ["percent", "10.05", "19.00"],
  ["roundTo5Cents", "1.04"],
  ["roundUpTo5Cents", "1.01"],
];
for (const [name, amount, ...rest] of calls) {
  const [above, below] = [amount, `-${amount}`].map((given) => money[name](given, ...rest));
  console.log(name, amount, ...rest, "->", above, "and below zero", below);
}
NODE
node try.mjs >seen
cat seen
diff seen - <<'SEEN' && echo "as found"
div 20.00 3.00 -> 6.67 and below zero -6.65
mul 10.05 0.19 -> 1.91 and below zero -1.89
percent 1.00 0.50 -> 0.01 and below zero 0.01
percent 10.05 19.00 -> 1.91 and below zero -1.90
roundTo5Cents 1.04 -> 1.05 and below zero -0.95
roundUpTo5Cents 1.01 -> 1.05 and below zero -0.97
SEEN
