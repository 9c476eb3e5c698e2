# A Jetson with JetPack 6 (L4T r36), which brings CUDA 12 and TensorRT; built on the Jetson:
#   docker build -f docker/jetson.Dockerfile -t refseg_ros:jetson .
#   docker run --rm --runtime nvidia --network host --ipc host refseg_ros:jetson
FROM nvcr.io/nvidia/l4t-jetpack:r36.4.0
SHELL ["/bin/bash", "-o", "pipefail", "-c"]

ENV ROS_DISTRO=humble DEBIAN_FRONTEND=noninteractive LANG=C.UTF-8 PIP_NO_CACHE_DIR=1 PIP_CONSTRAINT=/constraints.txt
WORKDIR /workspace

# ROS 2 from its own repository for Ubuntu 22.04, as its installation guide has it.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates curl \
    && curl -fsSL https://raw.githubusercontent.com/ros/rosdistro/master/ros.key \
        -o /usr/share/keyrings/ros-archive-keyring.gpg \
    && echo "deb [arch=arm64 signed-by=/usr/share/keyrings/ros-archive-keyring.gpg] http://packages.ros.org/ros2/ubuntu jammy main" \
        > /etc/apt/sources.list.d/ros2.list \
    && apt-get update \
    && apt-get install -y --no-install-recommends \
        ros-humble-ros-base python3-rosdep python3-colcon-common-extensions python3-pip python3-numpy build-essential \
    && python3 -c "import numpy; print(f'numpy<{int(numpy.__version__[0]) + 1}')" > /constraints.txt \
    && rosdep init \
    && rm -rf /var/lib/apt/lists/*

COPY . src/refseg_ros
# hadolint ignore=DL3008
RUN apt-get update \
    && rosdep update --rosdistro humble \
    && rosdep install --from-paths src --ignore-src --rosdistro humble -y \
    && python3 -m pip install -r src/refseg_ros/requirements/web.txt "cuda-bindings<13" \
    && rm -rf /var/lib/apt/lists/*

RUN . /opt/ros/humble/setup.bash && colcon build --packages-select refseg_ros

COPY docker/entrypoint.sh /entrypoint.sh
ENTRYPOINT ["/entrypoint.sh"]
CMD ["ros2", "launch", "refseg_ros", "segment.launch.py"]
