# rlvr in a container. For a CPU:  docker build -t rlvr .
#                      For CUDA:   docker build -t rlvr --build-arg DEVICE=cuda .
# Runs lie in /runs:   docker run --rm -v "$PWD/runs:/runs/runs" rlvr run quickstart
# On a GPU add --gpus all (torch's wheels bring CUDA, the host its driver). To run programs that a model wrote, the
# sandbox needs what docs/security.md says of Docker.
FROM python:3.11-slim-bookworm

# vLLM needs libnuma on a CPU; a C compiler for the kernels that Triton makes on a GPU. git: a run notes its commit.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends gcc git libc6-dev libnuma1 make \
    && rm -rf /var/lib/apt/lists/*
# make installs with it, in less time than with pip.
RUN python3 -m pip install --no-cache-dir uv==0.13.9

WORKDIR /rlvr
COPY . .
ARG DEVICE=cpu
RUN UV_NO_CACHE=1 make DEVICE="$DEVICE" ".venv/ready-$DEVICE"

ENV PATH=/rlvr/.venv/bin:$PATH RLVR_CACHE=/runs/runs/.cache
WORKDIR /runs
ENTRYPOINT ["rlvr"]
CMD ["doctor"]
