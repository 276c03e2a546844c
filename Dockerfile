# syntax=docker/dockerfile:1
# Prosopon as a container: the program, its models, the C libraries that they need, and nothing else. No shell, no
# package manager; user 65532; works with a read-only root file system. docs/deploy.md says how to run it.
#
#   docker build -t prosopon .                          the server
#   docker build -t prosopon:cameras --target cameras . the same with FFmpeg, for cameras and recordings
#
# Build arguments:
#   MODELS   packs to bake in: "default", "default attributes haar"; "" for none (then mount or mirror them)

ARG DEBIAN=bookworm

# ---- The program ----

FROM rust:1.95-${DEBIAN} AS build
WORKDIR /src
COPY . .
# The paths of this machine are kept out of the program, as in scripts/reproducible.
ENV RUSTFLAGS="--remap-path-prefix=/src=. --remap-path-prefix=/usr/local/cargo=/cargo"
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked --bin prosopon && install -D target/release/prosopon /out/prosopon

# ---- Its models, as a folder of files named by their SHA-256: a mirror (docs/models.md) ----

FROM debian:${DEBIAN}-slim AS models
ARG MODELS="default"
RUN if [ -n "$MODELS" ]; then \
        apt-get update && \
        apt-get install -y --no-install-recommends ca-certificates npm python3-pip && \
        rm -rf /var/lib/apt/lists/*; \
    fi
COPY --from=build /out/prosopon /usr/local/bin/
RUN mkdir /models && \
    for pack in $MODELS; do PROSOPON_HOME=/home/models prosopon models pull "$pack" || exit 1; done && \
    if [ -d /home/models ]; then \
        find /home/models/models /home/models/pictures /home/models/runtime -type f | while read -r file; do \
            cp "$file" "/models/$(sha256sum "$file" | cut -d' ' -f1)" || exit 1; \
        done; \
    fi

# ---- A root with the libraries that the program and OpenVINO load, and who it runs as ----

FROM debian:${DEBIAN}-slim AS root
COPY deploy/container-root /tmp/container-root
RUN apt-get update && \
    apt-get install -y --no-install-recommends ca-certificates libc6 libgcc-s1 libstdc++6 tzdata && \
    rm -rf /var/lib/apt/lists/* && \
    sh /tmp/container-root /root-of-image

# ---- With FFmpeg, for cameras: FFmpeg needs a whole system below it ----

FROM debian:${DEBIAN}-slim AS cameras
RUN apt-get update && \
    apt-get install -y --no-install-recommends ca-certificates ffmpeg libstdc++6 tzdata && \
    rm -rf /var/lib/apt/lists/*
COPY --from=root /root-of-image/etc/passwd /root-of-image/etc/group /etc/
COPY --from=root --chown=65532:65532 /root-of-image/data /data
COPY --from=models /models /models
COPY --from=build /out/prosopon /usr/local/bin/prosopon
ENV PROSOPON_HOME=/data PROSOPON_MIRROR=/models PROSOPON_OFFLINE=true PROSOPON_LISTEN=0.0.0.0:8420
USER 65532:65532
WORKDIR /data
VOLUME /data
EXPOSE 8420
HEALTHCHECK --interval=30s --timeout=6s --start-period=60s CMD ["/usr/local/bin/prosopon", "serve", "--check"]
ENTRYPOINT ["/usr/local/bin/prosopon"]
CMD ["serve"]

# ---- The server; the last stage is what is built by default ----

FROM scratch AS server
COPY --from=root /root-of-image/ /
COPY --from=root --chown=65532:65532 /root-of-image/data /data
COPY --from=models /models /models
COPY --from=build /out/prosopon /usr/local/bin/prosopon
ENV PATH=/usr/local/bin PROSOPON_HOME=/data PROSOPON_MIRROR=/models PROSOPON_OFFLINE=true PROSOPON_LISTEN=0.0.0.0:8420
USER 65532:65532
WORKDIR /data
VOLUME /data
EXPOSE 8420
HEALTHCHECK --interval=30s --timeout=6s --start-period=60s CMD ["/usr/local/bin/prosopon", "serve", "--check"]
ENTRYPOINT ["/usr/local/bin/prosopon"]
CMD ["serve"]
