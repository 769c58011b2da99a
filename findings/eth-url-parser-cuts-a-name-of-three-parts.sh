#!/usr/bin/env bash
# eth-url-parser 1.0.4 (npm, Node 20): an EIP-681 payment link whose target is a name with more than two parts.
#
# Guess beforehand: the name is read whole, or the link is refused.
# Seen: two parts are kept and the rest is dropped: "pay.shop.eth" is read as "pay.shop", without an error. When the link is
# built again from what was read, it has the cut name. A chain ("@1") behind such a name is lost too; the amount is kept.
# Consequence: a shop that is paid at a subname needs a look at the target after parsing: it must end as the link's does.
# Links to a hexadecimal address are read as they are.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
# npm brings certificates of its own; a network may ask for those of the system.
export NODE_EXTRA_CA_CERTS="${NODE_EXTRA_CA_CERTS:-/etc/ssl/certs/ca-certificates.crt}"
npm install --silent --no-audit --no-fund --prefix "$folder" eth-url-parser@1.0.4 >/dev/null
cat >try.js <<'NODE'
const { build, parse } = require("eth-url-parser");

for (const link of [
  "ethereum:pay-shop.eth?value=2e18",
  "ethereum:pay-pay.shop.eth?value=2e18",
  "ethereum:pay-pay.shop.eth@1?value=2e18",
  "ethereum:0x89205a3a3b2a69de6dbf7f01ed13b2108b2c43e7@1?value=2e18",
]) {
  const read = parse(link);
  console.log(`${link}\n  target ${read.target_address} chain ${read.chain_id} value ${read.parameters?.value}\n  ${build(read)}`);
}
NODE
node try.js >seen
cat seen
diff seen - <<'SEEN' && echo "as found"
ethereum:pay-shop.eth?value=2e18
  target shop.eth chain undefined value 2000000000000000000
  ethereum:pay-shop.eth?value=2e18
ethereum:pay-pay.shop.eth?value=2e18
  target pay.shop chain undefined value 2000000000000000000
  ethereum:pay-pay.shop?value=2e18
ethereum:pay-pay.shop.eth@1?value=2e18
  target pay.shop chain undefined value 2000000000000000000
  ethereum:pay-pay.shop?value=2e18
ethereum:0x89205a3a3b2a69de6dbf7f01ed13b2108b2c43e7@1?value=2e18
  target 0x89205a3a3b2a69de6dbf7f01ed13b2108b2c43e7 chain 1 value 2000000000000000000
  ethereum:0x89205a3a3b2a69de6dbf7f01ed13b2108b2c43e7@1?value=2e18
SEEN
