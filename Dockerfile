# Hirewire as an image: built from source; the image holds the binary, the system's root certificates and a user without rights.
#
#   docker build -t hirewire .
#
# BINARY_FROM names another image that has /hirewire already; then nothing is compiled here.
ARG BINARY_FROM=build

FROM rust:1.95-slim-bookworm AS build
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/src/target \
    cargo build --release --locked && cp target/release/hirewire /hirewire

FROM ${BINARY_FROM} AS binary

FROM debian:12-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /var/lib/hirewire --create-home hirewire
COPY --from=binary /hirewire /usr/local/bin/hirewire
USER hirewire
WORKDIR /var/lib/hirewire
# The intake, which HR systems reach; and operations (API, console, metrics), which the internet must not.
EXPOSE 8080 8081
ENTRYPOINT ["hirewire"]
CMD ["run"]
