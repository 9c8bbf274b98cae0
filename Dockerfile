# The image of the pipeline's stages, for Kubeflow Pipelines or a plain run: Debian 13, Python 3.12, the stack of the lock.
#
#   docker build --target cpu --tag registry.example.com/fashion-mnist:1 .
#   docker build --target gpu --tag registry.example.com/fashion-mnist:1-gpu .
#
# `make prove-image` runs these very steps in a Debian 13 root, where there is no docker.

FROM python:3.12-slim-trixie AS base
# A user that the image does not know, as OpenShift gives it, has neither a name nor a home: both are said here.
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 TF_CPP_MIN_LOG_LEVEL=1 PATH=/opt/venv/bin:$PATH HOME=/tmp USER=pipeline
WORKDIR /app

# The stacks are made apart: uv is not in the image. The bytecode is: the
# user may not write it, and to compile TensorFlow and TFX in every container takes as long as to import them.
FROM base AS stack
RUN pip install --no-cache-dir uv && uv venv /opt/venv

FROM stack AS stack-cpu
COPY requirements.lock /tmp/
RUN uv pip sync --no-cache --compile-bytecode --require-hashes --python /opt/venv/bin/python /tmp/requirements.lock

FROM stack AS stack-gpu
COPY requirements-gpu.lock /tmp/
RUN uv pip sync --no-cache --compile-bytecode --require-hashes --python /opt/venv/bin/python /tmp/requirements-gpu.lock

FROM base AS app
# With a read-only root file system these have to be writable, which KFP sees to, and /tmp; nothing else is written. Its
# launcher puts inputs and outputs there; releases before it mounted volumes at these paths need them to be there.
RUN useradd --uid 1000 --gid 0 --no-create-home pipeline && install --directory --mode 2775 --owner 1000 /gcs /minio /s3
COPY run_pipeline.py ./
COPY components components
COPY pipeline pipeline
USER 1000
CMD ["python", "run_pipeline.py", "--help"]
# https://github.com/opencontainers/image-spec/blob/main/annotations.md; docker build --build-arg REVISION=$(git rev-parse HEAD)
ARG REVISION
LABEL org.opencontainers.image.title="Fashion-MNIST pipeline" \
    org.opencontainers.image.description="The stages of a TFX pipeline for Kubeflow Pipelines 2" \
    org.opencontainers.image.licenses="Apache-2.0" \
    org.opencontainers.image.base.name="docker.io/library/python:3.12-slim-trixie" \
    org.opencontainers.image.revision="$REVISION"

FROM app AS gpu
COPY --from=stack-gpu /opt/venv /opt/venv

FROM app AS cpu
COPY --from=stack-cpu /opt/venv /opt/venv
