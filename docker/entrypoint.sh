#!/usr/bin/env bash
# Runs a command with ROS 2 and the workspace.
set -e
source "/opt/ros/$ROS_DISTRO/setup.bash"
source /workspace/install/setup.bash
# Enough shared memory for images, also for a camera driver in this container.
read -r name profile < <(python3 -c "from refseg_ros.ros.transport import *; print(profile_variables()[0], PROFILE)")
export "$name=${!name:-$profile}"
exec "$@"
