#!/usr/bin/env bash
# caip 1.1.1 (npm, Node 20): names of chains' own coins in the form of CAIP-19.
#
# Guess beforehand: the examples of CAIP-19 are read, among them ether on Ethereum (eip155:1/slip44:60), and what is a name of
# one chain's coin is one of another's.
# Seen: the own coins of chains with a short name are refused: ether on Ethereum, POL on Polygon. Bitcoin, Litecoin, ATOM and ether
# on Base or Sepolia pass. The pattern wants eleven letters, digits or colons in one run, and a slash ends a run.
# Consequence: a shop that names what it was paid in by CAIP-19 can name each token of Ethereum, and not its coin. Part the text at
# the slash; the chain's side is read by ChainId.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
# npm brings certificates of its own; a network may ask for those of the system.
export NODE_EXTRA_CA_CERTS="${NODE_EXTRA_CA_CERTS:-/etc/ssl/certs/ca-certificates.crt}"
npm install --silent --no-audit --no-fund --prefix "$folder" caip@1.1.1 >/dev/null
cat >try.mjs <<'NODE'
import { AssetType, ChainId } from "caip";

const coins = {
  "ether on Ethereum": "eip155:1/slip44:60",
  "ether on Base": "eip155:8453/slip44:60",
  "POL on Polygon": "eip155:137/slip44:966",
  "ether on Sepolia": "eip155:11155111/slip44:60",
  "bitcoin": "bip122:000000000019d6689c085ae165831e93/slip44:0",
  "litecoin": "bip122:12a765e31ffd4059bada1e25190f6e98/slip44:2",
  "ATOM": "cosmos:cosmoshub-3/slip44:118",
  "DAI on Ethereum": "eip155:1/erc20:0x6b175474e89094c44da98b954eedeac495271d0f",
};
for (const [coin, text] of Object.entries(coins)) {
  let whole = "read";
  try {
    new AssetType(text);
  } catch (error) {
    whole = error.message;
  }
  const chain = ChainId.parse(text.split("/")[0]);
  console.log(`${coin}: ${whole}; its chain ${chain.namespace} ${chain.reference}`);
}
NODE
node try.mjs >seen
cat seen
diff seen - <<'SEEN' && echo "as found"
ether on Ethereum: Invalid assetType provided: eip155:1/slip44:60; its chain eip155 1
ether on Base: read; its chain eip155 8453
POL on Polygon: Invalid assetType provided: eip155:137/slip44:966; its chain eip155 137
ether on Sepolia: read; its chain eip155 11155111
bitcoin: read; its chain bip122 000000000019d6689c085ae165831e93
litecoin: read; its chain bip122 12a765e31ffd4059bada1e25190f6e98
ATOM: read; its chain cosmos cosmoshub-3
DAI on Ethereum: read; its chain eip155 1
SEEN
