#!/bin/sh
# Names the base images of the Dockerfiles by digest; releases are refused without. Needs Docker Hub.
# usage: pin-images.sh          writes the digests of today into the Dockerfiles
#        pin-images.sh --check  fails if one is missing
set -eu
cd "$(dirname "$0")/.."
for file in Dockerfile .github/arm64/Dockerfile; do
  sed -n 's/^ARG \([A-Z]*_IMAGE\)=\([^@]*\)\(@.*\)\{0,1\}$/\1 \2 \3/p' "$file" | while read -r name image digest; do
    if [ "${1:-}" = --check ]; then
      if ! printf '%s\n' "$digest" | grep -Eqx '@sha256:[0-9a-f]{64}'; then
        echo "::error file=$file,title=pin-images::$image has no digest (hint: run .github/pin-images.sh)" >&2
        exit 1
      fi
      continue
    fi
    # Of the index, so that every platform finds its own.
    digest=$(docker buildx imagetools inspect "$image" --format '{{json .Manifest}}' | jq -r .digest)
    printf '%s\n' "$digest" | grep -Eqx 'sha256:[0-9a-f]{64}'
    sed -i "s|^ARG $name=.*|ARG $name=$image@$digest|" "$file"
    echo "$file: $image@$digest"
  done
done
