# A desktop or a robot without a GPU, with any ROS 2 distribution from Humble on:
#   docker build -f docker/cpu.Dockerfile --build-arg ROS_DISTRO=jazzy -t refseg_ros .
ARG ROS_DISTRO=jazzy
FROM ros:${ROS_DISTRO}-ros-base
SHELL ["/bin/bash", "-o", "pipefail", "-c"]

# Ubuntu 24.04 and newer let pip into the system's Python only so.
ENV PIP_BREAK_SYSTEM_PACKAGES=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore PIP_CONSTRAINT=/constraints.txt
WORKDIR /workspace
COPY . src/refseg_ros

# The messages of ROS 2 are compiled for NumPy 1 or 2, so pip must stay with that of the distribution. EGL draws the
# simulated camera.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends \
        python3-pip python3-numpy python3-opencv libegl1 libegl-mesa0 libopengl0 libgl1-mesa-dri \
    && python3 -c "import numpy; print(f'numpy<{int(numpy.__version__[0]) + 1}')" > /constraints.txt \
    && rosdep update --rosdistro "$ROS_DISTRO" \
    && rosdep install --from-paths src --ignore-src --rosdistro "$ROS_DISTRO" -y \
    && python3 -m pip install -r src/refseg_ros/requirements/web.txt -r src/refseg_ros/requirements/simulation.txt \
    && rm -rf /var/lib/apt/lists/*

RUN . "/opt/ros/$ROS_DISTRO/setup.bash" && colcon build --packages-select refseg_ros

COPY docker/entrypoint.sh /entrypoint.sh
ENTRYPOINT ["/entrypoint.sh"]
CMD ["ros2", "launch", "refseg_ros", "segment.launch.py"]
