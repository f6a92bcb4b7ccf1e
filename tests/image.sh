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
began=$(date +%s)
passed() { echo "image: $1 after $(($(date +%s) - began)) s"; }

lacking() {
  echo "tests/image.sh finds no Docker engine to talk to ('docker info' fails), and cannot start one: it lacks $1" >&2
  exit 1
}

start_engine() {
  [ "$(id -u)" = 0 ] || lacking "root (start Docker, or run it with sudo)"
  command -v apt-get >/dev/null || lacking "Debian's apt-get (start Docker)"
  mkdir -p "$engine/overlay/lower" "$engine/overlay/upper" "$engine/overlay/work" "$engine/overlay/merged"
  modprobe overlay 2>/dev/null || true
  mount -t overlay overlay "$engine/overlay/merged" \
    -o "lowerdir=$engine/overlay/lower,upperdir=$engine/overlay/upper,workdir=$engine/overlay/work" ||
    lacking "the right to mount, or a file system below target/ that overlayfs can write to"
  umount "$engine/overlay/merged"
  rm -rf "$engine/overlay"

  # What the engine starts and links to; gone where target/ was kept and the system was not.
  packages="iptables libdevmapper1.02.1 mmdebstrap procps runc"
  # shellcheck disable=SC2086 # several words on purpose
  if ! dpkg --status $packages >/dev/null 2>&1; then
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends $packages >/dev/null
  fi
  if ! [ -e "$engine/unpacked" ]; then
    apt-get update -qq
    # Unpacked and not installed, so that no engine is left running.
    (cd "$engine" && apt-get download -qq docker.io containerd 2>/dev/null)
    for package in "$engine"/*.deb; do
      dpkg-deb -x "$package" "$engine/root"
      rm "$package"
    done
    touch "$engine/unpacked"
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
  tail -n 20 "$engine/dockerd.log" >&2
  lacking "what the engine's last words above name"
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
passed "engine ready"
sh tests/image/build.sh "$kind"
passed "images built"
export IMAGE="${IMAGE:-publish-to-tableau:test}" ARM_IMAGE=publish-to-tableau:test-arm64
export HYPERD_PATH="$tools/hyper"
# One after the other, because some of them measure.
cargo test --locked --test image -- --show-output --test-threads=1
passed "tests held"
