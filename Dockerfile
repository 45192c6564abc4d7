# archivecolor on a machine with an NVIDIA GPU. The driver and the NVIDIA Container Toolkit are the host's; everything
# else, CUDA included, comes with the Python packages.
#
#   docker build -t archivecolor .
#   docker run --rm --gpus all -v archivecolor-cache:/cache archivecolor build-engine      # once for each GPU model
#   docker run --rm --gpus all -v archivecolor-cache:/cache -v /archive:/archive archivecolor folder /archive/scans /archive/color
#
# EXTRAS=rtx leaves out the large TensorRT libraries where the GPU is an RTX one; EXTRAS=cuda leaves out both.
FROM python:3.12-slim

ARG EXTRAS=tensorrt,rtx
COPY pyproject.toml README.md LICENSE /src/
COPY archivecolor /src/archivecolor
COPY engines /src/engines
RUN pip install --no-cache-dir "/src[${EXTRAS},heif,jpeg,tiff]" && rm -rf /src

# 'video' is for NVENC
ENV NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility,video \
    ARCHIVECOLOR_CACHE=/cache
VOLUME /cache
WORKDIR /archive
ENTRYPOINT ["archivecolor"]
CMD ["doctor"]
