#!/bin/sh
# Compares the dog job with the engine alone, in one run; figures only mean something as ratios.
# Needs hyperfine (Debian package of that name).
set -eu
cd "$(dirname "$0")/.."
sh tests/setup.sh
cargo build --quiet --release --locked --workspace --bins --example engine_alone

work=$(mktemp -d)
target/release/tableau-simulator --store "$work/site" > "$work/simulator" &
simulator=$!
trap 'kill "$simulator" 2>/dev/null || true; rm -rf "$work"' EXIT
while ! grep -q '^project=' "$work/simulator"; do sleep 0.05; done
given() { sed -n "s/^$1=//p" "$work/simulator"; }

mkdir "$work/workspace" "$work/temp"
cat > "$work/dog" <<END
exec env -i HYPERD_PATH="$PWD/target/tools/hyper" GITHUB_WORKSPACE="$work/workspace" RUNNER_TEMP="$work/temp" \\
  "INPUT_SOURCE=$(given url)/origin/dog" \\
  "INPUT_SQL=SELECT split_part(message, '/', -2) AS breed, message AS image_url, _fetched_at AS created_at FROM input" \\
  "INPUT_DATASOURCE=dog_api_output" "INPUT_PUBLISH=\$1" \\
  "INPUT_SERVER-URL=$(given url)" "INPUT_SITE=$(given site)" "INPUT_PROJECT=$(given project)" \\
  "INPUT_PAT-NAME=$(given pat-name)" "INPUT_PAT-SECRET=$(given pat-secret)" \\
  "$PWD/target/release/publish-to-tableau"
END
export HYPERD_PATH="$PWD/target/tools/hyper"
hyperfine --warmup 3 --runs "${RUNS:-30}" --shell=none \
  --command-name "engine alone" target/release/examples/engine_alone \
  --command-name "dog, publish: false" "sh $work/dog false" \
  --command-name "dog, published" "sh $work/dog true"
# GNU time would count the engine, which we wait for.
sh "$work/dog" true > /dev/null &
ours=$!
peak=
while line=$(grep VmHWM "/proc/$ours/status" 2>/dev/null); do peak=$line; done
wait "$ours"
echo "Peak memory of our own process: ${peak#VmHWM:}"
