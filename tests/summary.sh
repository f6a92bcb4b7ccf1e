#!/bin/sh
# Makes job summaries with real runs and shows them in a browser, light and dark: no drawing may
# fail, no data become markup, nothing reach GitHub's limit, and no secret be readable once the runner has masked the
# page by its letters. Pictures: target/summaries/*.png.
# usage: tests/summary.sh [--keep]   also renews .github/pictures
set -eu
cd "$(dirname "$0")/.."
sh tests/setup.sh
sh tests/node/install.sh
cargo build --quiet --locked --workspace --bins

find_browser() {
  for name in chromium-headless-shell chromium google-chrome google-chrome-stable; do
    if command -v "$name"; then return 0; fi
  done
  return 1
}
if ! CHROME=${CHROME:-$(find_browser)}; then
  as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }
  as_root apt-get update -qq
  as_root apt-get install -y -qq --no-install-recommends \
    chromium-headless-shell fonts-dejavu-core fonts-noto-color-emoji >/dev/null
  CHROME=$(find_browser)
fi
export CHROME

pages=$PWD/target/summaries
rm -rf "$pages"
work=$(mktemp -d)
mkdir "$pages" "$work/workspace" "$work/temp"
: > "$work/simulator"
target/debug/tableau-simulator --store "$work/site" > "$work/simulator" &
simulator=$!
trap 'kill "$simulator" 2>/dev/null || true; rm -rf "$work"' EXIT
while ! grep -q '^project=' "$work/simulator"; do
  kill -0 "$simulator" || { echo "the simulator has ended" >&2; exit 1; }
  sleep 0.05
done
given() { sed -n "s/^$1=//p" "$work/simulator"; }

# What a workflow would have as secrets: the runner knows their letters and replaces nothing else.
secret="91_abc:XYZ_se*cr&et|1"

# page NAME EXIT INPUT... runs one step and keeps its summary.
page() {
  name=$1 expected=$2
  shift 2
  code=0
  { given pat-secret; echo "$secret"; } > "$pages/$name.secrets"
  env -i HYPERD_PATH="$PWD/target/tools/hyper" \
    GITHUB_WORKSPACE="$work/workspace" RUNNER_TEMP="$work/temp" \
    GITHUB_STEP_SUMMARY="$pages/$name.md" PUBLISH_TO_TABLEAU_TEST_WAIT=0 \
    "INPUT_SERVER-URL=$(given url)" "INPUT_SITE=$(given site)" "INPUT_PROJECT=$(given project)" \
    "INPUT_PAT-NAME=$(given pat-name)" "INPUT_PAT-SECRET=$(given pat-secret)" \
    "$@" target/debug/publish-to-tableau > "$work/log" || code=$?
  if [ "$code" != "$expected" ]; then
    echo "$name: exit code $code instead of $expected" >&2
    cat "$work/log" >&2
    exit 1
  fi
}

# A shop's orders, the same every time; a few values are missing, as they are in shops.
awk 'BEGIN {
  split("Berlin Lyon Oslo Porto Kraków", city, " "); split("paid paid paid refunded open", state, " ");
  print "order_id,customer,city,status,amount,items,ordered_at,shipped_on,coupon"
  for (n = 1; n <= 1204; n++) {
    shipped = n % 5 == 0 ? "" : sprintf("2026-03-%02d", n % 28 + 1)
    coupon = n % 23 == 0 ? "SPRING-" n % 7 : ""
    printf "%d,customer %03d,%s,%s,%d.%02d,%d,2026-03-%02dT%02d:%02d:00Z,%s,%s\n", 100000 + n, n * 37 % 400,
      city[n % 5 + 1], state[n * 7 % 5 + 1], n * 13 % 490, n * 29 % 100, n % 6 + 1, n % 28 + 1, n % 24, n * 7 % 60, shipped, coupon
  }
}' > "$work/workspace/orders.csv"
# Names and values that try to be anything but text, a thousand times.
awk 'BEGIN {
  nasty = "</details><script>alert(1)</script> | `x` **b** [a](https://example.com/) ![i](//example.com/i.png) @octocat #1 $x$ ~~"
  for (line = 0; line < 3; line++) {
    for (n = 0; n < 1000; n++)
      printf "%s\"%s%d %s ```mermaid graph ]]> & end\"", n ? "," : "", line ? "value " line " of " : "column ", n, nasty
    print ""
  }
}' > "$work/workspace/thousand.csv"

page published 0 INPUT_SOURCE=orders.csv INPUT_DATASOURCE=Orders
page replaced 0 INPUT_SOURCE=orders.csv INPUT_DATASOURCE=Orders
page guarded 1 INPUT_SOURCE=orders.csv INPUT_DATASOURCE=Orders INPUT_MIN-ROWS=5000
page failed 1 INPUT_SOURCE=orders.csv INPUT_DATASOURCE=Orders "INPUT_SQL=SELECT city, sum(amounts) AS amount FROM input GROUP BY city"
page refused 1 INPUT_SOURCE=orders.csv INPUT_DATASOURCE=Orders INPUT_PAT-SECRET=wrong-secret
page inputs 2 INPUT_SOURCE=orders.csv INPUT_MODE=replace INPUT_MIN-ROWS=many "INPUT_COLUMNS=amount: number"
page built 0 INPUT_SOURCE=orders.csv INPUT_PUBLISH=false
# Every value holds bars as well, so what separates them has to be said.
page thousand 0 INPUT_SOURCE=thousand.csv INPUT_PUBLISH=false INPUT_CSV=delimiter=,

# Parts of inputs that the action cannot know to be secret. A table takes one letter of this secret in two.
in_checks=${secret%|1}
page masked 1 "INPUT_SOURCE=$(given url)/origin/bot$secret/rows" INPUT_DATASOURCE=Orders
page masked-check 1 INPUT_SOURCE=orders.csv INPUT_DATASOURCE=Orders "INPUT_CHECKS=max(amount) < 5 or city = '$in_checks'"
echo "$in_checks" >> "$pages/masked-check.secrets"

node target/tools/node/render-summary.mjs "$pages"
if [ "${1:-}" = --keep ]; then
  mkdir -p .github/pictures
  for picture in replaced guarded; do
    cp "$pages/$picture-light.png" "$pages/$picture-dark.png" .github/pictures/
  done
fi
