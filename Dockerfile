# docker build -t kmux .          docs/deployment.md says how to run it
ARG BASE=debian:bookworm-slim

# With --build-context build=build what ./dev package has made is taken, and nothing is compiled.
FROM ${BASE} AS build
COPY . /src
RUN --mount=type=cache,target=/root/.cache/ccache cd /src && ./dev package && mv build/packages /

FROM ${BASE}
ARG UID=1000
# The user first, so that its number is known to whoever mounts something.
RUN --mount=type=bind,from=build,source=/packages,target=/packages \
  groupadd --gid ${UID} kmux \
  && useradd --uid ${UID} --gid kmux --create-home --shell /bin/bash kmux \
  && install -d -m 700 -o kmux -g kmux /var/lib/kmux \
  && apt-get update \
  && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
    systemd-standalone-sysusers python3-ipython /packages/kmux_*.deb \
  && rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /var/log/*.log /var/log/apt

# /tmp may be in memory, /var/lib/kmux (journals) is to be kept. Kernels cannot outlive the container,
# so SIGTERM ends them in order. Who may come to the port is said where it is published; without TLS
# that should be a proxy, or this machine.
ENV KMUX_SERVER_LISTEN=0.0.0.0:8888 \
  KMUX_SERVER_INSECURE=true \
  KMUX_SERVER_ON_EXIT=stop \
  KMUX_RUNTIME_DIR=/tmp/kmux \
  KMUX_STATE_DIR=/var/lib/kmux \
  HOME=/home/kmux \
  LANG=C.UTF-8
USER ${UID}:${UID}
WORKDIR /home/kmux
VOLUME /var/lib/kmux
EXPOSE 8888
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s CMD ["kmux", "status"]
ENTRYPOINT ["kmuxd"]
