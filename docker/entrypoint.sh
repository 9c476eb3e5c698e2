#!/usr/bin/env bash
# Runs a command with ROS 2 and the workspace.
set -e
source "/opt/ros/$ROS_DISTRO/setup.bash"
source /workspace/install/setup.bash
# Enough shared memory for images, also for a camera driver in this container.
profile=$(python3 -c "from refseg_ros.ros.transport import PROFILE; print(PROFILE)")
export FASTDDS_DEFAULT_PROFILES_FILE="${FASTDDS_DEFAULT_PROFILES_FILE:-$profile}"
export FASTRTPS_DEFAULT_PROFILES_FILE="${FASTRTPS_DEFAULT_PROFILES_FILE:-$profile}"  # its name up to Jazzy
exec "$@"
