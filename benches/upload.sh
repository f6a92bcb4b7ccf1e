#!/bin/sh
# Sends a large file to the simulator and compares with curl sending the same bytes in the same chunks.
# Needs curl and three times SIZE of room below TMPDIR; SIZE is in MiB.
set -eu
cd "$(dirname "$0")/.."
cargo build --quiet --release --locked --workspace --bins --example upload

size=${SIZE:-2048}
chunk=50
work=$(mktemp -d)
trap 'kill "${simulator:-}" 2>/dev/null || true; rm -rf "$work"' EXIT
# Random behind the magic bytes: nothing on the way can compress it.
{ printf Hyper; head -c "$((size * 1024 * 1024 - 5))" /dev/urandom; } > "$work/big.hyper"

start() {
  target/release/tableau-simulator --store "$work/site" > "$work/simulator" &
  simulator=$!
  while ! grep -q '^project=' "$work/simulator"; do sleep 0.05; done
}
stop() { kill "$simulator"; wait "$simulator" 2>/dev/null || true; rm -rf "$work/site" "$work/simulator"; }
given() { sed -n "s/^$1=//p" "$work/simulator"; }
now() { date +%s.%N; }

by_curl() {
  url=$(given url)
  signed=$(curl -sS "$url/api/3.29/auth/signin" -d "<tsRequest><credentials personalAccessTokenName=\"$(given pat-name)\" \
personalAccessTokenSecret=\"$(given pat-secret)\"><site contentUrl=\"$(given site)\"/></credentials></tsRequest>")
  token=$(echo "$signed" | sed 's/.* token="\([^"]*\)".*/\1/')
  site=$(echo "$signed" | sed 's/.*<site id="\([^"]*\)".*/\1/')
  upload=$(curl -sS -X POST -H "X-Tableau-Auth: $token" "$url/api/3.29/sites/$site/fileUploads" |
    sed 's/.*uploadSessionId="\([^"]*\)".*/\1/')
  took=0
  offset=0
  while [ "$offset" -lt "$size" ]; do
    # Cutting and framing are not counted: we do both while we send.
    {
      printf -- '--B\r\nContent-Disposition: form-data; name="request_payload"; filename=""\r\nContent-Type: text/xml\r\n\r\n\r\n'
      printf -- '--B\r\nContent-Disposition: form-data; name="tableau_file"; filename="file"\r\n'
      printf -- 'Content-Type: application/octet-stream\r\n\r\n'
      dd if="$work/big.hyper" bs=1M skip="$offset" count="$chunk" status=none
      printf -- '\r\n--B--\r\n'
    } > "$work/framed"
    one=$(curl -sS -o /dev/null --fail -w '%{time_total}' -T "$work/framed" -H Expect: -H "X-Tableau-Auth: $token" \
      -H 'Content-Type: multipart/mixed; boundary=B' "$url/api/3.29/sites/$site/fileUploads/$upload")
    took=$(echo "$took $one" | awk '{ print $1 + $2 }')
    offset=$((offset + chunk))
  done
  echo "curl: $took s"
}

for round in $(seq "${ROUNDS:-2}"); do
  echo "round $round, $size MiB in chunks of $chunk MiB"
  start; by_curl; stop
  start
  target/release/examples/upload "$(given url)" "$(given site)" "$(given pat-name)" "$(given pat-secret)" \
    "$(given project)" "$work/big.hyper"
  cmp "$work/big.hyper" "$work/site/big.hyper"
  stop
done
