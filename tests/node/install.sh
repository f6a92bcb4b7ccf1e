#!/bin/sh
# Brings the pinned packages of the checks below target/tools/node, and these scripts beside them.
set -eu
cd "$(dirname "$0")/../.."
node=target/tools/node
mkdir -p "$node"
if ! cmp -s tests/node/package-lock.json "$node/installed.json"; then
  cp tests/node/package.json tests/node/package-lock.json "$node/"
  (cd "$node" && npm ci --silent --no-audit --no-fund)
  cp tests/node/package-lock.json "$node/installed.json"
fi
cp tests/node/*.mjs "$node/"
