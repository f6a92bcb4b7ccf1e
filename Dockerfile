# Linux x86-64 only: Tableau publishes no Hyper engine for any other Linux.
ARG RUST_IMAGE=docker.io/library/rust:1.95-bookworm
ARG DEBIAN_IMAGE=docker.io/library/debian:bookworm-slim

FROM ${RUST_IMAGE} AS build
# Before minutes of building something that could not work.
RUN if [ "$(uname -m)" != x86_64 ]; then \
      echo "Publish to Tableau runs on Linux x64 only: use 'runs-on: ubuntu-latest' or another x64 runner" >&2; exit 1; fi
# hyperdb-api compiles protocol definitions and needs the well-known ones beside the compiler.
RUN apt-get update \
 && apt-get install -y --no-install-recommends protobuf-compiler libprotobuf-dev \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
# Cargo goes by times of change, and the cache may be of other sources: ours are always compiled.
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/src/target \
    touch src/lib.rs src/main.rs \
 && cargo build --release --locked --bin publish-to-tableau \
 && install -D target/release/publish-to-tableau /out/usr/local/bin/publish-to-tableau

FROM ${RUST_IMAGE} AS hyper
RUN apt-get update \
 && apt-get install -y --no-install-recommends python3 python3-pip \
 && rm -rf /var/lib/apt/lists/*
COPY tests/install-hyperd.sh /
RUN /install-hyperd.sh /out/opt/hyper

FROM ${DEBIAN_IMAGE} AS base
# What the engine and a glibc binary load, CA roots, and a static busybox: `sh`, `tail`, `env` and
# `tar` are what Kubernetes runners start in a step's container.
RUN apt-get update \
 && apt-get install -y --no-install-recommends busybox-static ca-certificates \
 && rm -rf /var/lib/apt/lists/* \
 && mkdir -p /out/lib/x86_64-linux-gnu /out/lib64 /out/etc/ssl/certs /out/tmp /out/bin /out/root \
 && for library in libc.so.6 libm.so.6 libdl.so.2 libpthread.so.0 librt.so.1 libgcc_s.so.1 \
                   libnss_dns.so.2 libnss_files.so.2 libresolv.so.2; do \
      cp -L "/lib/x86_64-linux-gnu/$library" /out/lib/x86_64-linux-gnu/; done \
 && cp -L /lib64/ld-linux-x86-64.so.2 /out/lib64/ \
 && cp -L /etc/ssl/certs/ca-certificates.crt /out/etc/ssl/certs/ \
 && cp /bin/busybox /out/bin/ \
 && for applet in sh env tail tar find chmod chown mv rm cp mkdir cat ls stat test true sleep id grep sed; do \
      ln -s busybox "/out/bin/$applet"; done \
 && printf 'root:x:0:0:root:/root:/bin/sh\n' > /out/etc/passwd \
 && printf 'root:x:0:\n' > /out/etc/group \
 && printf 'hosts: files dns\n' > /out/etc/nsswitch.conf \
 && chmod 1777 /out/tmp

FROM scratch
LABEL org.opencontainers.image.title="publish-to-tableau" \
      org.opencontainers.image.description="Fetches data, builds a Tableau extract and publishes it" \
      org.opencontainers.image.licenses="Apache-2.0"
ENV PATH=/usr/local/bin:/bin
COPY --from=base /out/ /
# A layer of its own, so that self-hosted caches keep it across our releases.
COPY --from=hyper /out/ /
COPY --from=build /out/ /
ENTRYPOINT ["/usr/local/bin/publish-to-tableau"]
