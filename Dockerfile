# The service in an image of its own. Build: docker build -t countersign .
# The two stages share one release of Debian, so that the binary finds the C library that it was linked with.
FROM rust:1.95-slim-bookworm AS build
WORKDIR /src
COPY . .
RUN cargo build --release --locked --bin countersign && strip target/release/countersign

FROM debian:bookworm-slim
# The user is a number that exists nowhere else; its only folder is the volume.
RUN groupadd --gid 10001 countersign \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /data --shell /usr/sbin/nologin countersign \
    && install -d -o countersign -g countersign -m 0700 /data
COPY --from=build /src/target/release/countersign /usr/local/bin/countersign
USER 10001:10001
WORKDIR /data
VOLUME /data
# Inside a container, loopback is reachable by nobody. Whoever publishes the port decides who sees plaintext: behind
# something that speaks TLS, or on the host's own loopback.
ENV COUNTERSIGN_LISTEN=0.0.0.0:50051 \
    COUNTERSIGN_INSECURE=true \
    COUNTERSIGN_LOG_FORMAT=json
EXPOSE 50051
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=6s --start-period=5s CMD ["countersign", "healthcheck", "--service", "auth.v1.TrustService"]
ENTRYPOINT ["countersign"]
