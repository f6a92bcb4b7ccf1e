#!/bin/sh
# Builds the image and does with it what runners do; fails where there is no way to a Docker engine.
# IMAGE names an image to test instead of building one.
#
# The engine that is there is taken. Without one, Debian's packages are unpacked below target/tools,
# their engine is started with everything of its own, and ended at the end (needs root).
set -eu
cd "$(dirname "$0")/.."
sh tests/setup.sh
tools=$PWD/target/tools
engine=$tools/docker
kind=present

start_engine() {
  mkdir -p "$engine"
  if ! [ -x "$engine/root/usr/sbin/dockerd" ]; then
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends runc iptables libdevmapper1.02.1 mmdebstrap >/dev/null
    (cd "$engine" && apt-get download -qq docker.io containerd 2>/dev/null)
    for package in "$engine"/*.deb; do
      dpkg-deb -x "$package" "$engine/root"
      rm "$package"
    done
  fi
  # Packages of the system may be gone where target/ was kept.
  if ! command -v mmdebstrap >/dev/null || ! command -v runc >/dev/null; then
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends runc iptables libdevmapper1.02.1 mmdebstrap >/dev/null
  fi
  PATH="$engine/root/usr/bin:$engine/root/usr/sbin:/usr/sbin:$PATH"
  # A socket's path has a short limit, a worktree's has none.
  sockets=$(mktemp -d)
  DOCKER_HOST="unix://$sockets/docker.sock"
  export PATH DOCKER_HOST
  dockerd --data-root "$engine/data" --exec-root "$sockets/exec" --host "$DOCKER_HOST" \
    --pidfile "$sockets/dockerd.pid" --storage-driver overlay2 \
    --exec-opt native.cgroupdriver=cgroupfs --bridge=none --iptables=false --ip6tables=false \
    > "$engine/dockerd.log" 2>&1 &
  dockerd=$!
  trap stop_engine EXIT
  trap 'exit 130' INT TERM
  for _ in $(seq 300); do
    if docker info >/dev/null 2>&1; then return; fi
    if ! kill -0 "$dockerd" 2>/dev/null; then break; fi
    sleep 0.2
  done
  echo "the Docker engine does not start; its last words:" >&2
  tail -n 20 "$engine/dockerd.log" >&2
  exit 1
}

stop_engine() {
  kill "$dockerd" 2>/dev/null || true
  wait "$dockerd" 2>/dev/null || true
  # The engine leaves its network name space mounted when it has run a container.
  umount "$sockets"/exec/netns/* 2>/dev/null || true
  rm -rf "$sockets"
}

if ! docker info >/dev/null 2>&1; then
  kind=local
  start_engine
fi
sh tests/image/build.sh "$kind"
export IMAGE="${IMAGE:-publish-to-tableau:test}" ARM_IMAGE=publish-to-tableau:test-arm64
export HYPERD_PATH="$tools/hyper"
cargo test --locked --test image -- --show-output
