#!/bin/sh
# Sets everything up and decides whether the tree is right; from nothing it takes about half an hour on two cores.
set -eu
cd "$(dirname "$0")/.."
sh tests/setup.sh
export HYPERD_PATH="$PWD/target/tools/hyper" TSC_PYTHON="$PWD/target/tools/python/bin/python"
cargo fmt --all --check
# The image's tests run on their own and would not be read otherwise.
cargo clippy --workspace --all-targets --locked -- -D warnings
cargo clippy --test image --locked -- -D warnings
cargo test --workspace --locked
sh tests/demo.sh
sh tests/lint.sh
sh tests/release.sh
sh tests/summary.sh
sh tests/image.sh
