#!/bin/sh
# Repeats the tests that wait for something while every processor is kept busy: none may fail because
# the machine is slow. What each time said: target/steady/*.log.
# usage: tests/steady.sh [TIMES [FILTER...]]   10 times those below if nothing is said
set -eu
cd "$(dirname "$0")/.."
sh tests/setup.sh
export HYPERD_PATH="$PWD/target/tools/hyper" TSC_PYTHON="$PWD/target/tools/python/bin/python"
times=${1:-10}
[ $# = 0 ] || shift
[ $# != 0 ] || set -- matrix:: flaky_proxy:: cancel:: progress:: engine:: sandbox:: http:: auth:: network:: \
  secrets:: soak:: workflow:: publish:: conformance:: pipeline:: paging
# All tests of the simulator have to do with time, if only that of its connections.
cargo test --locked --workspace --test it --test contract --test tsc --no-run
mkdir -p target/steady
busy=
for _ in $(seq "$(nproc)"); do
  while :; do :; done &
  busy="$busy $!"
done
# shellcheck disable=SC2086 # several words on purpose
trap 'kill $busy' EXIT
trap 'exit 130' INT TERM
failed=0
for n in $(seq "$times"); do
  log=target/steady/$n.log
  began=$(date +%s)
  said=passed
  {
    cargo test --locked --test it -- "$@" && cargo test --locked --package tableau-simulator
  } > "$log" 2>&1 || { said=failed failed=$((failed + 1)); }
  echo "$n: $said in $(($(date +%s) - began)) s"
  sed -n 's/^test \(.*\) \.\.\. FAILED$/   \1/p' "$log"
done
echo "$failed of $times times something failed"
[ "$failed" = 0 ]
