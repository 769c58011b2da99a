#!/usr/bin/env bash
# mt940js 1.3.5, mt940-js 1.0.0 (npm, Node 20): the entry date of bank entries about the new year.
#
# Guess beforehand: the entry date of a :61: line, which has a month and a day only, is the one next to the value date: an
# entry with the value date 30 December 2025 that was booked on 2 January was booked in 2026.
# Seen: both take the year of the value date: booked on 2 January 2025, a year too early. The other way round, the end of
# December becomes that of the next year: eleven months ahead. Neither says anything. (mt-940 of PyPI gets both right.)
# Consequence: payments land in a fiscal year that is closed, or in the future, and a search by the days of a statement misses
# them. Take the year that is next to the value date, and compare with the date of the closing balance.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
# npm brings certificates of its own; a network may ask for those of the system.
export NODE_EXTRA_CA_CERTS="${NODE_EXTRA_CA_CERTS:-/etc/ssl/certs/ca-certificates.crt}"
# mt940-js needs tslib without saying so.
npm install --silent --no-audit --no-fund --prefix "$folder" mt940js@1.3.5 mt940-js@1.0.0 tslib@2.8.1 >/dev/null
cat >try.cjs <<'NODE'
const { Parser } = require("mt940js");
const { read } = require("mt940-js");

const statement = `:20:STATEMENT
:25:12345678/0001234567
:28C:1/1
:60F:C251230EUR3000,00
:61:2512300102C500,05NTRFORDER17//A1
:86:payment of order 17
:61:2601021230C0,10NTRFORDER18//A2
:86:payment of order 18
:62F:C260102EUR3500,15
-
`;
for (const { amount, date, entryDate } of new Parser().parse(statement)[0].transactions)
  console.log("mt940js:", amount, "value", date.toISOString().slice(0, 10), "entry", entryDate.toISOString().slice(0, 10));
read(Buffer.from(statement)).then(([{ transactions }]) => {
  for (const { amount, valueDate, entryDate } of transactions) console.log("mt940-js:", amount, "value", valueDate, "entry", entryDate);
});
NODE
node try.cjs >seen
cat seen
diff seen - <<'SEEN' && echo "as found"
mt940js: 500.05 value 2025-12-30 entry 2025-01-02
mt940js: 0.1 value 2026-01-02 entry 2026-12-30
mt940-js: 500.05 value 2025-12-30 entry 2025-01-02
mt940-js: 0.1 value 2026-01-02 entry 2026-12-30
SEEN
