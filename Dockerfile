# `docker build --tag kraken-candles .`, then as in compose.yml.
FROM python:3.12-slim AS wheel
WORKDIR /source
COPY pyproject.toml README.md LICENSE profiles.yml ./
COPY dlt_pipeline dlt_pipeline
COPY dbt_project dbt_project
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .

FROM python:3.12-slim
RUN useradd --create-home --uid 1000 candles && mkdir /data && chown candles /data
# The versions that are tested; what they do not name is not needed.
COPY requirements.lock /tmp/requirements.lock
COPY --from=wheel /wheels /tmp/wheels
RUN pip install --no-cache-dir --constraint /tmp/requirements.lock /tmp/wheels/*.whl && rm -r /tmp/wheels
USER candles
# All that is kept lies in one volume: the warehouse, what is published, and dlt's folder.
WORKDIR /data
VOLUME /data
ENV KRAKEN_CANDLES_WAREHOUSE=/data/warehouse.duckdb DLT_DATA_DIR=/data/.dlt
ENTRYPOINT ["kraken-candles"]
CMD ["--help"]
