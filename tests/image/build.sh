#!/bin/sh
# Builds the Dockerfiles as `publish-to-tableau:test` and `:test-arm64`; only the second if IMAGE is set.
# usage: tests/image/build.sh [local]
#
# `local` stands for a machine without a registry: the two base images are then made of Debian
# packages and of the Rust toolchain at hand, because a pinned digest needs Docker Hub.
set -eu
cd "$(dirname "$0")/../.."
export DOCKER_BUILDKIT=1

if [ "${1:-}" != local ]; then
  docker build --tag publish-to-tableau:test-arm64 .github/arm64
  if [ -z "${IMAGE:-}" ]; then
    docker build --tag publish-to-tableau:test .
  fi
  exit
fi

base="publish-to-tableau-base:$(rustc --version | sha256sum | cut -c 1-12)"
if ! docker image inspect "$base" >/dev/null 2>&1; then
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  mmdebstrap --quiet --variant=minbase --include=ca-certificates,gcc,libc6-dev \
    bookworm "$work/debian.tar"
  tar -C "$(rustc --print sysroot)" --exclude=share/doc --exclude=lib/rustlib/src -cf "$work/rust.tar" .
  # The machine's own authorities: its network may present certificates that Debian does not know.
  cp -L /etc/ssl/certs/ca-certificates.crt "$work/"
  cat > "$work/Dockerfile" <<'DOCKERFILE'
FROM scratch
ADD debian.tar /
ADD rust.tar /usr/local/rust
COPY ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
ENV PATH=/usr/local/rust/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    CARGO_HOME=/usr/local/cargo
DOCKERFILE
  docker build --quiet --tag "$base" "$work"
  rm -rf "$work"
fi
docker build --quiet --build-arg "BUSYBOX_IMAGE=$base" --tag publish-to-tableau:test-arm64 .github/arm64
if [ -n "${IMAGE:-}" ]; then
  exit
fi
# Without a value an argument comes from the environment; it is not there if it is not set here.
docker build --network host --build-arg http_proxy --build-arg https_proxy --build-arg no_proxy \
  --build-arg HTTP_PROXY --build-arg HTTPS_PROXY --build-arg NO_PROXY \
  --build-arg "RUST_IMAGE=$base" --build-arg "DEBIAN_IMAGE=$base" --tag publish-to-tableau:test .
