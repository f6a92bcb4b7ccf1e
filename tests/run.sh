#!/bin/sh
# Sets everything up and decides whether the tree is right. The image has a command of its own, `tests/image.sh`.
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
