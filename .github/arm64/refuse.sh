#!/bin/sh
# Takes the program's place on machines Tableau offers no Hyper engine for.
echo "::error title=inputs::Publish to Tableau runs on Linux x64 only, because Tableau offers no Hyper engine for Linux on ARM (hint: use 'runs-on: ubuntu-latest' or another x64 runner for this job)"
if [ -n "${GITHUB_OUTPUT:-}" ]; then
  printf 'failed-stage=inputs\npublished=false\n' >> "$GITHUB_OUTPUT"
fi
exit 1
