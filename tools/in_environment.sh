#!/usr/bin/env bash
# Runs a command with the Python and the ROS 2 of .venv and our built messages: tools/in_environment.sh python -m refseg_ros.demo
# Discovery stays on this machine, and in a domain that no other run has, so that two runs do not hear each other; those
# that are to, export one ROS_DOMAIN_ID before.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
unset AMENT_PREFIX_PATH CMAKE_PREFIX_PATH COLCON_PREFIX_PATH PYTHONPATH RMW_IMPLEMENTATION ROS_DISTRO
export VIRTUAL_ENV=$root/.venv PATH="$root/.venv/bin:$PATH" AMENT_PREFIX_PATH=$root/.venv
export ROS_AUTOMATIC_DISCOVERY_RANGE=LOCALHOST
export MUJOCO_GL=egl
set +u
# shellcheck disable=SC1091  # made by colcon
source "$root/.venv/ros/install/local_setup.bash"
set -u
# Code is taken from the source tree, so that a change of it needs no build; the messages are the built ones.
export PYTHONPATH=$root:$PYTHONPATH
if [ -n "${ROS_DOMAIN_ID:-}" ]; then exec "$@"; fi
exec python -m refseg_ros.demo.domain "$@"
