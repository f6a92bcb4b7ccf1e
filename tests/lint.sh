#!/bin/sh
# Holds the action, its workflows, scripts, image, crates and texts to their linters. All of them are silent.
set -eu
cd "$(dirname "$0")/.."
tools=$PWD/target/tools/lint
if ! cmp -s tests/lint/requirements.txt "$tools/installed.txt"; then
  rm -rf "$tools"
  python3 -m venv "$tools"
  "$tools/bin/pip" install --quiet --disable-pip-version-check -r tests/lint/requirements.txt
  cp tests/lint/requirements.txt "$tools/installed.txt"
fi
sh tests/node/install.sh
PATH="$tools/bin:$PATH"

echo "zizmor: workflows and action"
zizmor --offline --quiet --persona=pedantic --config tests/lint/zizmor.yml .
echo "check-jsonschema: GitHub's schemas"
check-jsonschema --quiet --builtin-schema vendor.github-actions action.yml
check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml .github/examples/*.yml
check-jsonschema --quiet --builtin-schema vendor.dependabot .github/dependabot.yml
echo "hadolint: images"
hadolint --config tests/lint/hadolint.yml Dockerfile .github/arm64/Dockerfile
echo "shellcheck: scripts"
shellcheck tests/*.sh tests/*/*.sh benches/*.sh .github/*.sh .github/*/*.sh .ci/run .githooks/pre-commit
echo "typos: everything"
typos --config tests/lint/typos.toml
echo "cargo-deny: crates"
sh tests/deny.sh
echo "GitHub's language service: workflows, the example, the README"
cp tests/node/lint-workflows.mjs target/tools/node/
(cd target/tools/node && node_modules/.bin/esbuild lint-workflows.mjs --bundle --platform=node --format=cjs \
  --log-level=error --outfile=lint-workflows.cjs)
node target/tools/node/lint-workflows.cjs .github/workflows/*.yml .github/examples/*.yml README.md
if node target/tools/node/lint-workflows.cjs tests/lint/wrong.md > target/tools/node/said 2>&1; then
  echo "tests/lint/wrong.md is not found to be wrong" >&2
  exit 1
fi
for line in 7 15 25 31; do
  grep -q "^tests/lint/wrong.md:$line: " target/tools/node/said || {
    echo "nothing is said about line $line of tests/lint/wrong.md:" >&2
    cat target/tools/node/said >&2
    exit 1
  }
done
