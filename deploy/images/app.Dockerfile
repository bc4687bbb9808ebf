# One image for the API, the worker, the scheduler and `footnote migrate`: they differ in their command only.
#   docker build -f deploy/images/app.Dockerfile -t footnote:0.1.0 .
ARG NODE_IMAGE=node:22-bookworm-slim
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

FROM ${NODE_IMAGE} AS web
WORKDIR /app/web
COPY web/package.json web/package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY web/ ./
RUN npm run build

FROM ${PYTHON_IMAGE} AS python
# The CPU build: embedding runs on OpenVINO, and torch's default wheels bring 3 GB of CUDA libraries that nothing here
# uses. Behind a mirror: --build-arg TORCH_INDEX=https://…
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
ARG TORCH_VERSION=2.13.0
ENV PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/footnote
ENV PATH=/opt/footnote/bin:$PATH
RUN pip install --index-url "${TORCH_INDEX}" "torch==${TORCH_VERSION}"
WORKDIR /app
# Dependencies in a layer of their own: it is built again only when pyproject.toml changes.
COPY pyproject.toml ./
RUN python -c "import tomllib; p = tomllib.load(open('pyproject.toml', 'rb'))['project']; \
        extra = p['optional-dependencies']; print(*p['dependencies'], *extra['connectors'], *extra['s3'], sep='\n')" > /tmp/requirements.txt \
    && pip install -r /tmp/requirements.txt
COPY README.md LICENSE ./
COPY retrieval/ retrieval/
COPY ingest/ ingest/
COPY services/ services/
# Editable, so that the code stays in /app beside web/dist, as in a checkout.
RUN pip install --no-deps --editable .

FROM ${PYTHON_IMAGE}
# git and ssh read Git repositories, Tesseract reads scans.
RUN apt-get update \
    && apt-get install -y --no-install-recommends git openssh-client tesseract-ocr tesseract-ocr-deu \
    && rm -rf /var/lib/apt/lists/*
RUN groupadd --system --gid 10001 footnote \
    && useradd --system --uid 10001 --gid 10001 --no-create-home --home-dir /data footnote \
    && install -d -o footnote -g footnote -m 0700 /data
COPY --from=python /opt/footnote /opt/footnote
COPY --from=python /app /app
COPY --from=web /app/web/dist /app/web/dist
# The root file system may be read-only: originals and the converted embedding model go to /data, all else to /tmp.
ENV PATH=/opt/footnote/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOME=/tmp \
    HF_HOME=/data/models/hub \
    FOOTNOTE_DATA_DIR=/data \
    FOOTNOTE_HOST=0.0.0.0 \
    FOOTNOTE_PORT=8000
WORKDIR /app
VOLUME /data
EXPOSE 8000
USER 10001:10001
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
ENTRYPOINT ["footnote"]
CMD ["api"]
