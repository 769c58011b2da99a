#!/usr/bin/env bash
# tronweb 6.5.1, @ton/core 0.63.1, viem 2.57.20, nanocurrency 2.5.0, satoshi-bitcoin 1.0.7 (npm, Node 20): an amount of coins in
# the smallest unit, which has no parts.
#
# Guess beforehand: a whole number of the smallest unit comes back, exactly; an amount that is finer is an error, as xrpl makes
# it; and so is a text that is no number, such as an empty one or one with a decimal comma.
# Seen: viem alone gives whole numbers, and rounds half a unit up, so that more is sent than was asked for. tronweb, nanocurrency
# and satoshi-bitcoin give parts of a sun, of a raw and of a satoshi. @ton/core refuses a tenth of a nanoton as text, and as a
# number it is 0. An empty text is 0 for it, and 1,5 is "NaN" for tronweb, as text.
# Consequence: the fault shows where the transaction is made, or not at all. Count the decimals before converting.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
# npm brings certificates of its own; a network may ask for those of the system.
export NODE_EXTRA_CA_CERTS="${NODE_EXTRA_CA_CERTS:-/etc/ssl/certs/ca-certificates.crt}"
npm install --silent --no-audit --no-fund --prefix "$folder" tronweb@6.5.1 @ton/core@0.63.1 @ton/crypto@3.3.0 viem@2.57.20 \
  nanocurrency@2.5.0 satoshi-bitcoin@1.0.7 xrpl@5.3.0 >/dev/null
cat >try.mjs <<'NODE'
import { TronWeb } from "tronweb";
import ton from "@ton/core";
import { parseEther, parseUnits } from "viem";
import { convert, Unit } from "nanocurrency";
import satoshi from "satoshi-bitcoin";
import { xrpToDrops } from "xrpl";

const tell = (call, run) => {
  let seen;
  try {
    seen = run();
    seen = typeof seen === "bigint" ? `${seen}n` : JSON.stringify(seen);
  } catch (error) {
    seen = "an error";
  }
  console.log(call, "->", seen);
};
tell('xrpl.xrpToDrops("0.0000005")', () => xrpToDrops("0.0000005"));
tell('viem.parseEther("0.0000000000000000005")', () => parseEther("0.0000000000000000005"));
tell('viem.parseUnits("0.0000015", 6)', () => parseUnits("0.0000015", 6));
tell('tronweb.toSun("0.0000005")', () => TronWeb.toSun("0.0000005"));
tell('tronweb.toSun("1,5")', () => TronWeb.toSun("1,5"));
tell('nanocurrency.convert("0.0000000000000000000000000000005")', () =>
  convert("0.0000000000000000000000000000005", { from: Unit.Nano, to: Unit.raw }));
tell('satoshi-bitcoin.toSatoshi("0.000000005")', () => satoshi.toSatoshi("0.000000005"));
tell('ton.toNano("0.0000000001")', () => ton.toNano("0.0000000001"));
tell("ton.toNano(0.0000000001)", () => ton.toNano(0.0000000001));
tell('ton.toNano("")', () => ton.toNano(""));
NODE
node try.mjs >seen
cat seen
diff seen - <<'SEEN' && echo "as found"
xrpl.xrpToDrops("0.0000005") -> an error
viem.parseEther("0.0000000000000000005") -> 1n
viem.parseUnits("0.0000015", 6) -> 2n
tronweb.toSun("0.0000005") -> "0.5"
tronweb.toSun("1,5") -> "NaN"
nanocurrency.convert("0.0000000000000000000000000000005") -> "0.5"
satoshi-bitcoin.toSatoshi("0.000000005") -> 0.5
ton.toNano("0.0000000001") -> an error
ton.toNano(0.0000000001) -> 0n
ton.toNano("") -> 0n
SEEN
