#!/bin/sh
# The README's first workflow, twice, with the simulator in Tableau's place; needs no Tableau site.
set -eu
cd "$(dirname "$0")/.."
sh tests/setup.sh
cargo build --quiet --locked --workspace --bins --example show

work=$(mktemp -d)
mkdir "$work/workspace" "$work/temp"
: > "$work/simulator"
target/debug/tableau-simulator --store "$work/site" > "$work/simulator" &
simulator=$!
trap 'kill "$simulator" 2>/dev/null || true; rm -rf "$work"' EXIT
while ! grep -q '^project=' "$work/simulator"; do
  kill -0 "$simulator" || { echo "the simulator has ended" >&2; exit 1; }
  sleep 0.05
done
given() { sed -n "s/^$1=//p" "$work/simulator"; }

publish() {
  env -i HYPERD_PATH="$PWD/target/tools/hyper" \
    GITHUB_WORKSPACE="$work/workspace" RUNNER_TEMP="$work/temp" \
    GITHUB_OUTPUT="$work/outputs.$1" GITHUB_STEP_SUMMARY="$work/summary.$1.md" \
    "INPUT_SOURCE=$(given url)/origin/$2" \
    "INPUT_SQL=SELECT split_part(message, '/', -2) AS breed, message AS image_url, _fetched_at AS created_at FROM input" \
    "INPUT_DATASOURCE=dog_api_output" \
    "INPUT_SERVER-URL=$(given url)" "INPUT_SITE=$(given site)" "INPUT_PROJECT=$(given project)" \
    "INPUT_PAT-NAME=$(given pat-name)" "INPUT_PAT-SECRET=$(given pat-secret)" \
    target/debug/publish-to-tableau
}

luid() { sed -n '/^datasource-id<</{n;p;}' "$work/outputs.$1"; }

echo "=== First run: the log"
publish 1 dog/random
echo
echo "=== What arrived at the site"
target/debug/examples/show "$work/site/dog_api_output.hyper"
echo "=== Second run: another dog, the same data source"
publish 2 dog/random > "$work/log.2"
tail -n 1 "$work/log.2"
target/debug/examples/show "$work/site/dog_api_output.hyper"
echo "=== The job summary of the second run (Markdown)"
cat "$work/summary.2.md"
if [ "$(luid 1)" != "$(luid 2)" ] || [ -z "$(luid 1)" ]; then
  echo "the data source changed its LUID from $(luid 1) to $(luid 2)" >&2
  exit 1
fi
echo "=== The data source kept its LUID $(luid 1)"
