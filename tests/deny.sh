#!/bin/sh
# Holds every crate to .github/deny.toml: licences, sources, what may not come in.
# usage: deny.sh [CHECK...]   also `advisories`, which needs GitHub for its list
set -eu
cd "$(dirname "$0")/.."
version=0.20.2
tool=$PWD/target/tools/deny
if [ "$(cat "$tool/VERSION" 2>/dev/null)" != "$version" ]; then
  # Unoptimized it is there in a minute, and answers in seconds all the same.
  CARGO_PROFILE_DEV_DEBUG=0 cargo install --quiet --debug --locked --root "$tool" --version "$version" cargo-deny
  echo "$version" > "$tool/VERSION"
fi
[ $# -gt 0 ] || set -- bans licenses sources
"$tool/bin/cargo-deny" --locked --log-level error --config .github/deny.toml check --hide-inclusion-graph "$@"
