# The command ran for the CPU; docs/photographs.md says how to build and run it.
FROM python:3.12-slim
WORKDIR /ran
# Options of pip that PyTorch's "Get started" page gives for a CPU: without them comes the build for CUDA, of gigabytes.
ARG TORCH_OPTIONS=""
COPY requirements.txt ./
RUN pip install --no-cache-dir ${TORCH_OPTIONS} $(grep "^torch" requirements.txt)
COPY . ./
RUN pip install --no-cache-dir .
# Any user may run it, so that results belong to who asked for them; matplotlib keeps its cache here.
ENV HOME=/tmp
WORKDIR /data
ENTRYPOINT ["ran"]
