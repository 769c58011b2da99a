#!/usr/bin/env bash
# currency.js 2.0.4 (npm, Node 20): small amounts of coins, with `precision: 8` and `errorOnInvalid: true`.
#
# Guess beforehand: what the package gives as `value` or writes into JSON can be read by it again, also as text; a text that is no
# amount for it is an error, as `errorOnInvalid` says.
# Seen: 25 satoshi are 2.5e-7 in JSON; as text that is read as NaN, without an error, and each sum with it is NaN. The text 1e3 is
# 13, as letters are left out, and a text without a digit is 0. A sum takes the precision of the left side: 1 plus a satoshi is 1.
# Consequence: an amount that went through JSON and a form is NaN or another number, from a millionth of a coin down. Hand on
# `toString()`, which writes eight decimals, refuse text with an `e` before reading, and set `precision` on every object.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
# npm brings certificates of its own; a network may ask for those of the system.
export NODE_EXTRA_CA_CERTS="${NODE_EXTRA_CA_CERTS:-/etc/ssl/certs/ca-certificates.crt}"
npm install --silent --no-audit --no-fund --prefix "$folder" currency.js@2.0.4 >/dev/null
cat >try.mjs <<'NODE'
import currency from "currency.js";

const coins = (value) => currency(value, { precision: 8, errorOnInvalid: true });
const attempt = (action) => {
  try {
    return action();
  } catch (error) {
    return `${error.name}: ${error.message}`;
  }
};
for (const text of ["0.00000250", "0.00000025", "0.00000001"]) {
  const json = JSON.stringify(coins(text));
  console.log(`${text} is ${json} in JSON, read as number ${coins(Number(json))}, as text ${attempt(() => coins(json))}`);
}
console.log("sum with it:", attempt(() => coins("0.5").add("2.5e-7").toString()));
for (const text of ["1e3", "1E+3", "no amount", ""]) console.log(`"${text}" ->`, attempt(() => coins(text).toString()));
console.log("1 and a satoshi:", currency("1").add(coins("0.00000001")).toString());
NODE
node try.mjs >seen
cat seen
diff seen - <<'SEEN' && echo "as found"
0.00000250 is 0.0000025 in JSON, read as number 0.00000250, as text 0.00000250
0.00000025 is 2.5e-7 in JSON, read as number 0.00000025, as text NaN
0.00000001 is 1e-8 in JSON, read as number 0.00000001, as text NaN
sum with it: NaN
"1e3" -> 13.00000000
"1E+3" -> 13.00000000
"no amount" -> 0.00000000
"" -> 0.00000000
1 and a satoshi: 1.00
SEEN
