#!/bin/sh
# Brings what building and testing need, below target/tools; does nothing that is done already.
# Needs Rust and Python; Debian packages are installed as root or with sudo.
set -eu
cd "$(dirname "$0")/.."
tools=$PWD/target/tools

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# hyperdb-api compiles protocol definitions and needs the well-known ones beside the compiler.
if ! command -v protoc >/dev/null || ! [ -e /usr/include/google/protobuf/timestamp.proto ]; then
  if ! command -v apt-get >/dev/null; then
    echo "install protoc and google/protobuf/*.proto (Debian: protobuf-compiler libprotobuf-dev)" >&2
    exit 1
  fi
  as_root apt-get update -qq
  as_root apt-get install -y -qq --no-install-recommends protobuf-compiler libprotobuf-dev >/dev/null
fi

tests/install-hyperd.sh "$tools/hyper"

# The official Python client, to which the simulator is held.
client=0.42
if [ "$(cat "$tools/python/CLIENT" 2>/dev/null)" != "$client" ]; then
  python3 -m venv "$tools/python"
  "$tools/python/bin/pip" install --quiet --disable-pip-version-check "tableauserverclient==$client"
  echo "$client" > "$tools/python/CLIENT"
fi
