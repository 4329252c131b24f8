# One image for gateway, worker, scheduler and sandbox; the command chooses.
FROM python:3.13-slim AS build

# Which extras of pyproject.toml the image has, each with its locked file in requirements/:
#   docker build --build-arg EXTRAS="mcp s3 tracing" .
# mcp, 12 MB, lets the gateway serve /mcp, and is imported at the first request of it. s3, 34 MB, is for pictures in an
# object storage.
ARG EXTRAS="mcp s3"

ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /build
COPY requirements ./requirements
RUN python -m venv --without-pip /opt/exemplar && python -m venv --without-pip /opt/build \
  && pip --python /opt/build install --require-hashes --requirement requirements/build.txt
RUN for file in service $EXTRAS; do \
      pip --python /opt/exemplar install --require-hashes --requirement "requirements/$file.txt" || exit; \
    done

COPY pyproject.toml README.md LICENSE ./
COPY actors ./actors
COPY clients/python/exemplar_client ./clients/python/exemplar_client
COPY domain ./domain
COPY events ./events
COPY exemplar ./exemplar
COPY gateway ./gateway
COPY metrics ./metrics
COPY rabbitmq ./rabbitmq
COPY sandbox ./sandbox
COPY store ./store
RUN pip --python /opt/build wheel --no-deps --no-build-isolation --no-index --wheel-dir /wheels . \
  && pip --python /opt/exemplar install --no-deps --no-index /wheels/*.whl

FROM python:3.13-slim

ENV PATH=/opt/exemplar/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
  EXEMPLAR_HOST=0.0.0.0 EXEMPLAR_PORT=8000 EXEMPLAR_METRICS_HOST=0.0.0.0 EXEMPLAR_METRICS_PORT=9400

RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin exemplar
WORKDIR /app
COPY --from=build /opt/exemplar /opt/exemplar

# By number: Kubernetes cannot tell that a name is not root (runAsNonRoot).
USER 10001:10001
EXPOSE 8000 9400
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=10s --start-period=60s --retries=3 CMD ["exemplar", "probe", "ready"]

ENTRYPOINT ["exemplar"]
CMD ["gateway"]
