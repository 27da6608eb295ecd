# JupyterLab with copies of the chapters, in a container:
#   docker build --tag book . && docker run --rm --publish 127.0.0.1:8888:8888 book
FROM python:3.11-slim AS tools
RUN apt-get update && apt-get install --yes --no-install-recommends git make \
    && rm -rf /var/lib/apt/lists/* && useradd --create-home --shell /bin/bash reader
USER reader
WORKDIR /home/reader

FROM tools
COPY --chown=reader . .
RUN python make.py setup run lab && .venv/bin/python -m tools.lab
CMD [".venv/bin/jupyter", "lab", "--ip=0.0.0.0", "--no-browser", "--LabApp.default_url=/lab/tree/lab"]
