#!/bin/sh
# Installs the Hyper engine into a folder: hyperd and its licence texts, nothing else.
# usage: install-hyperd.sh FOLDER
#
# The one place that names the engine's version; developers, tests and the image all come here.
# Tableau publishes the engine for Linux x86-64 only, inside the Python wheel `tableauhyperapi`.
set -eu

version=0.0.26963
sha256=35376f598c6fdfa52fe25769778f756e2daec1c124ff8f471b5e098cb9cf7863
folder=${1:?usage: install-hyperd.sh FOLDER}

if [ "$(cat "$folder/VERSION" 2>/dev/null)" = "$version" ] && [ -x "$folder/hyperd" ]; then
  exit 0
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: \
  --platform manylinux2014_x86_64 --dest "$work" "tableauhyperapi==$version"
wheel=$(echo "$work"/tableauhyperapi-*.whl)
echo "$sha256  $wheel" | sha256sum -c - >/dev/null || {
  echo "the wheel of Hyper $version does not have the expected SHA-256" >&2
  exit 1
}
python3 - "$wheel" "$work/out" <<'PY'
import pathlib, sys, zipfile
wheel, out = zipfile.ZipFile(sys.argv[1]), pathlib.Path(sys.argv[2])
out.mkdir()
wanted = {"LICENSE", "NOTICES.txt", "HYPER_API_OSS_disclosure.txt"}
for member in wheel.namelist():
    name = pathlib.PurePosixPath(member).name
    if member.endswith("bin/hyper/hyperd") or (".dist-info/" in member and name in wanted):
        with wheel.open(member) as source, open(out / name, "wb") as target:
            while block := source.read(1 << 20):
                target.write(block)
PY
mkdir -p "$folder"
chmod 0755 "$work/out/hyperd"
mv "$work"/out/* "$folder/"
echo "$version" > "$folder/VERSION"
