# RAN on a CPU; docs/photographs.md says how to build and run it.
FROM python:3.12-slim
WORKDIR /ran
# PyTorch for the CPU: what its own "Get started" page gives, as pip's options, such as --index-url ADDRESS.
ARG TORCH_OPTIONS=""
COPY requirements.txt ./
RUN pip install --no-cache-dir ${TORCH_OPTIONS} $(grep "^torch" requirements.txt | tr -d " ")
