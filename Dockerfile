# One image for gateway, worker, scheduler and sandbox; the command chooses.
FROM python:3.11-slim AS build

WORKDIR /build
COPY requirements/build.txt requirements/
RUN pip install --no-cache-dir --disable-pip-version-check --require-hashes --requirement requirements/build.txt

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
RUN pip wheel --no-deps --no-build-isolation --no-index --disable-pip-version-check --wheel-dir /wheels .

FROM python:3.11-slim

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 EXEMPLAR_HOST=0.0.0.0 EXEMPLAR_PORT=8000

RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin exemplar
WORKDIR /app

# With the SDK of MCP, 12 MB: the gateway serves /mcp, and imports it at the first request. With the client of S3,
# 34 MB: pictures may be in an object storage.
COPY requirements/mcp.txt requirements/s3.txt requirements/
RUN pip install --no-cache-dir --disable-pip-version-check --require-hashes --requirement requirements/mcp.txt \
  --requirement requirements/s3.txt
COPY --from=build /wheels /wheels
RUN pip install --no-cache-dir --disable-pip-version-check --no-deps --no-index /wheels/*.whl

USER exemplar
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
  CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen(f\"http://127.0.0.1:{os.environ['EXEMPLAR_PORT']}/health\", timeout=2)"]

ENTRYPOINT ["python", "-P", "-m", "exemplar"]
CMD ["gateway"]
