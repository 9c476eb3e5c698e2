# A desktop with an NVIDIA GPU. The host needs a driver for CUDA 13 and the NVIDIA Container Toolkit:
#   docker build -f docker/cpu.Dockerfile -t refseg_ros .
#   docker build -f docker/nvidia.Dockerfile -t refseg_ros:nvidia .
#   docker run --rm --gpus all refseg_ros:nvidia ros2 run refseg_ros gpu_check
ARG BASE=refseg_ros:latest
FROM ${BASE}
SHELL ["/bin/bash", "-o", "pipefail", "-c"]

# Beside its package for the CPU, ONNX Runtime does not find the GPU. The extras bring CUDA and cuDNN.
RUN python3 -m pip uninstall -y onnxruntime \
    && python3 -m pip install --no-cache-dir "onnxruntime-gpu[cuda,cudnn]==1.31.1" cuda-bindings==13.5.0 tensorrt-rtx==1.7.1.116 \
    && python3 -c "import glob, site; print(*glob.glob(site.getsitepackages()[0] + '/nvidia/*/lib'), sep='\n')" \
        > /etc/ld.so.conf.d/nvidia-wheels.conf \
    && ldconfig

ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility,graphics
