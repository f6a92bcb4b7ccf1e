#!/bin/sh
# Compares the action with the engine alone and with the usual Python ways, in one run.
# usage: benches/ingest.sh [ROWS]     RUNS=9 and PEERS=no change how often and whether Python runs
#
# Five columns: integer, text of 20 characters, boolean, double, timestamp. The same rows are
# served on loopback as NDJSON, JSON, CSV and Parquet; the engine alone reads them from the disk.
# Figures only mean something as ratios within one round: medians of these are printed. Needs hyperfine (Debian package).
set -eu
cd "$(dirname "$0")/.."
rows=${1:-1000000}
sh tests/setup.sh
cargo build --quiet --release --locked --workspace --bins --example engine_ingest

pinned="tableauhyperapi==0.0.26963 pantab==5.3.0 pyarrow==26.0.1 pandas==3.1.1 polars==2.1.0 requests==2.34.2"
venv=$PWD/target/tools/bench
if [ "$(cat "$venv/PINNED" 2>/dev/null)" != "$pinned" ]; then
  python3 -m venv "$venv"
  # shellcheck disable=SC2086 # several words on purpose
  "$venv/bin/pip" install --quiet --disable-pip-version-check $pinned
  echo "$pinned" > "$venv/PINNED"
fi
python=$venv/bin/python

data=$PWD/target/tools/bench-data/$rows
if ! [ -e "$data/done" ]; then
  mkdir -p "$data"
  "$python" benches/ingest.py make "$data" "$rows"
  touch "$data/done"
fi

work=$(mktemp -d "$PWD/target/bench.XXXXXX")
target/release/tableau-simulator --store "$work/site" \
  --serve rows.ndjson="$data/rows.ndjson" --serve rows.json="$data/rows.json" \
  --serve rows.csv="$data/rows.csv" --serve rows.parquet="$data/rows.parquet" > "$work/simulator" &
simulator=$!
trap 'kill "$simulator" 2>/dev/null || true; rm -rf "$work"' EXIT
while ! grep -q '^project=' "$work/simulator"; do sleep 0.05; done
url=$(sed -n 's/^url=//p' "$work/simulator")/origin

mkdir "$work/workspace" "$work/temp"
cat > "$work/action" <<END
exec env -i HYPERD_PATH="$PWD/target/tools/hyper" GITHUB_WORKSPACE="$work/workspace" RUNNER_TEMP="$work/temp" \\
  "INPUT_SOURCE=$url/rows.\$1" INPUT_PUBLISH=false "INPUT_SQL=\$2" "$PWD/target/release/publish-to-tableau"
END
export HYPERD_PATH="$PWD/target/tools/hyper"
sql="SELECT * FROM input WHERE id >= 0"
set -- --command-name "engine alone, Arrow stream from disk" "target/release/examples/engine_ingest arrow $data/rows.arrows" \
  --command-name "engine alone, Parquet from disk" "target/release/examples/engine_ingest parquet $data/rows.parquet" \
  --command-name "action, Parquet" "sh $work/action parquet" \
  --command-name "action, NDJSON" "sh $work/action ndjson" \
  --command-name "action, JSON array" "sh $work/action json" \
  --command-name "action, CSV" "sh $work/action csv" \
  --command-name "action, NDJSON with sql" "sh $work/action ndjson '$sql'"
if [ "${PEERS:-yes}" = yes ]; then
  set -- "$@" \
    --command-name "requests + Hyper API row by row, JSON array" "$python benches/ingest.py peer inserter $url/rows.json $work/peer.hyper" \
    --command-name "pandas + pantab, CSV" "$python benches/ingest.py peer pandas $url/rows.csv $work/peer.hyper" \
    --command-name "polars + pantab, NDJSON" "$python benches/ingest.py peer polars $url/rows.ndjson $work/peer.hyper"
fi
mkdir "$work/rounds"
for round in $(seq "${RUNS:-5}"); do
  hyperfine --runs 1 --shell=none --export-json "$work/rounds/$round.json" "$@" > "$work/hyperfine" 2>&1 || {
    cat "$work/hyperfine" >&2
    exit 1
  }
done
"$python" benches/ingest.py compare "$work/rounds"
for kind in parquet ndjson json csv; do
  printf '%-48s ' "peak memory, $kind"
  "$python" benches/ingest.py peak sh "$work/action" "$kind"
done
printf '%-48s ' "peak memory, ndjson with sql"
"$python" benches/ingest.py peak sh "$work/action" ndjson "$sql"
if [ "${PEERS:-yes}" = yes ]; then
  for kind in "inserter rows.json" "pandas rows.csv" "polars rows.ndjson"; do
    printf '%-48s ' "peak memory, Python ${kind% *}"
    "$python" benches/ingest.py peak "$python" benches/ingest.py peer "${kind% *}" "$url/${kind#* }" "$work/peer.hyper"
  done
fi
