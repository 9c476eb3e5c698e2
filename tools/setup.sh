#!/usr/bin/env bash
# Sets up everything that a make target needs: system packages, .venv with ROS 2 from wheels, our messages built.
#
#   tools/setup.sh          what the demo needs
#   tools/setup.sh live     and the live page
#   tools/setup.sh tests    and torch, the test tools and what makes the pages a site
#   tools/setup.sh docs     .venv alone, with what makes the pages a site
#
# PYTHON names the interpreter (default python3). Can be run again at any time: a finished step is known by a stamp that
# holds the hash of all that the step depends on, and an interrupted step is done again as a whole.
set -euo pipefail
cd "$(dirname "$0")/.."

WHAT=${1:-demo}
PYTHON=${PYTHON:-python3}
VENV=$PWD/.venv
WORKSPACE=$VENV/ros
STAMPS=$VENV/stamps
LOGS=$VENV/logs
# Packages of a ROS installation of the machine would be mixed with those of .venv.
unset AMENT_PREFIX_PATH CMAKE_PREFIX_PATH COLCON_PREFIX_PATH PYTHONPATH RMW_IMPLEMENTATION ROS_DISTRO

say() { echo "[setup] $*"; }
stop() { echo "[setup] $*" >&2; exit 1; }
hash_of() { sha256sum "$@" | sha256sum | cut -c 1-64; }
is_done() { [ "$(cat "$STAMPS/$1" 2>/dev/null)" = "$2" ]; }
finish() { echo "$2" >"$STAMPS/$1.new" && mv "$STAMPS/$1.new" "$STAMPS/$1" && rm -f "$STAMPS/$1.begun"; }

# Runs a command with its output in a log; shows that it goes on, and the end of the log when it fails.
run() { # name of the log, command...
    local log=$LOGS/$1.log began=$SECONDS status=0 process
    shift
    "$@" >"$log" 2>&1 </dev/null &
    process=$!
    trap 'kill $process 2>/dev/null; echo; exit 130' INT TERM
    while kill -0 $process 2>/dev/null; do
        sleep 1
        if [ -t 1 ]; then
            printf '\r[setup]   %4d s  %-90.90s' $((SECONDS - began)) "$(grep -v WARNING "$log" | tail -n 1)"
        elif [ $(((SECONDS - began) % 15)) -eq 14 ]; then
            echo "[setup]   $((SECONDS - began)) s ..."
        fi
    done
    trap - INT TERM
    wait $process || status=$?
    [ ! -t 1 ] || printf '\r\033[K'
    [ $status -eq 0 ] || { tail -n 30 "$log" >&2; stop "failed (the whole output: ${log#"$PWD"/}). Fix it and run the same command again."; }
    say "  done in $((SECONDS - began)) s"
}

check_platform() {
    [ "$(uname -s)-$(uname -m)" = Linux-x86_64 ] || stop "There are no ROS 2 wheels for $(uname -s) on $(uname -m), only for Linux on" \
        "x86_64. Install ROS 2 with apt (ros-<distribution>-ros-base, python3-colcon-common-extensions), put this folder into a" \
        "workspace's src/ and run: rosdep install --from-paths src --ignore-src && colcon build --packages-select refseg_ros"
}

missing_packages() {
    local version=""
    if ! command -v "$PYTHON" >/dev/null; then
        [ "$PYTHON" = python3 ] || stop "PYTHON=$PYTHON: there is no such program."
        echo python3 python3-venv python3-dev
    else
        [ "$PYTHON" = python3 ] || version=$("$PYTHON" -c 'import sys; print("{}.{}".format(*sys.version_info))')
        "$PYTHON" -c 'import ensurepip, venv' 2>/dev/null || echo "python${version:-3}-venv"
        "$PYTHON" -c 'import os, sysconfig as s; os.stat(s.get_paths()["include"] + "/Python.h")' 2>/dev/null || echo "python${version:-3}-dev"
    fi
    [ "$WHAT" != docs ] || return 0
    command -v c++ >/dev/null || echo g++
    command -v make >/dev/null || echo make
    command -v cmake >/dev/null || echo cmake
    find_library libOpenGL.so.0 || find_library libGL.so.1 || echo libopengl0
    find_library libEGL.so.1 || echo libegl1
    [ "$WHAT" != tests ] || command -v chromium >/dev/null || echo chromium  # opens the live page in its tests
    [ "$WHAT" != tests ] || command -v espeak-ng >/dev/null || echo espeak-ng  # asks aloud in the tests of spoken queries
    find_library libEGL_mesa.so.0 || find_library libEGL_nvidia.so.0 || echo libegl-mesa0 libgl1-mesa-dri
}
find_library() { compgen -G "/usr/lib/x86_64-linux-gnu/$1" >/dev/null || PATH=$PATH:/sbin:/usr/sbin ldconfig -p | grep -q "$1"; }

install_system_packages() {
    local missing
    missing=$(missing_packages | xargs)
    [ -n "$missing" ] || return 0
    command -v apt-get >/dev/null || stop "These programs and libraries are missing (Debian's names): $missing. Install them and run this again."
    [ "$(id -u)" = 0 ] || stop "System packages are missing. Type this and run the same command again:
    sudo apt-get update && sudo apt-get install -y --no-install-recommends $missing"
    say "Installing system packages: $missing"
    mkdir -p "$LOGS"
    run apt-update apt-get update
    # shellcheck disable=SC2086  # a list of words
    run apt-install env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing
}

check_python() {
    "$PYTHON" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 14))' ||
        stop "$PYTHON is $("$PYTHON" -V 2>&1); Python 3.10 to 3.14 is needed. Name another one with PYTHON=python3.12"
}

make_venv() {
    local key
    # Its programs and links name the place where it was made.
    key="$("$PYTHON" -c 'import sys; print(sys.version, sys.base_prefix)' | tr '\n' ' ') $(hash_of requirements/installer.txt) $(realpath -m "$VENV")"
    is_done venv "$key" && "$VENV/bin/python" -c '' 2>/dev/null && return 0
    say "Making .venv with $("$PYTHON" -V)"
    "$PYTHON" -m venv --clear "$VENV"
    mkdir -p "$STAMPS" "$LOGS"
    run installer "$VENV/bin/python" -m pip install --disable-pip-version-check --requirement requirements/installer.txt
    finish venv "$key"
}

install_wheels() { # name of the step, what it is, requirement files...
    local step=$1 what=$2 key again=()
    shift 2
    key=$(hash_of "$@" tools/mend_ros_wheels.py)
    is_done "$step" "$key" && return 0
    # pip takes a half-copied package of an interrupted run for a whole one.
    [ ! -e "$STAMPS/$step.begun" ] || again=(--ignore-installed)
    touch "$STAMPS/$step.begun"
    say "Installing $what"
    run "$step" "$VENV/bin/python" -m pip install --disable-pip-version-check "${again[@]}" "${@/#/--requirement=}"
    [ "$step" = docs ] || "$VENV/bin/python" tools/mend_ros_wheels.py
    finish "$step" "$key"
}

# CMake refuses headers (NumPy's, in .venv) that lie below the package that it builds: it gets a folder of links beside them.
build_package() {
    local key parts=(CMakeLists.txt package.xml action cmake config launch msg refseg_ros srv)
    key=$( (cat "$STAMPS/robot" && sha256sum msg/* srv/* action/* cmake/* CMakeLists.txt package.xml tools/tf2_msgs/*.* tools/tf2_msgs/msg/* && ls launch config) | hash_of)
    is_done build "$key" && return 0
    say "Building the messages and the package with colcon"
    rm -rf "$WORKSPACE"
    mkdir -p "$WORKSPACE/src/refseg_ros"
    ln -s "${parts[@]/#/$PWD/}" "$WORKSPACE/src/refseg_ros/"
    ln -s "$PWD/tools/tf2_msgs" "$WORKSPACE/src/"
    run build env -C "$WORKSPACE" PATH="$VENV/bin:$PATH" VIRTUAL_ENV="$VENV" AMENT_PREFIX_PATH="$VENV" CMAKE_PREFIX_PATH="$VENV" \
        colcon build --symlink-install --event-handlers console_direct+ --cmake-args -DPython3_EXECUTABLE="$VENV/bin/python"
    finish build "$key"
}

check_platform
install_system_packages
check_python
make_venv
if [ "$WHAT" = tests ] || [ "$WHAT" = docs ]; then
    install_wheels docs "what makes the pages a site into .venv" requirements/docs.txt
fi
if [ "$WHAT" = docs ]; then
    say "Ready."
    exit
fi
install_wheels robot "ROS 2 Kilted, ONNX Runtime, OpenCV and MuJoCo into .venv (about 300 MB to fetch)" \
    requirements/ros.txt requirements/robot.txt requirements/simulation.txt
build_package
if [ "$WHAT" = live ] || [ "$WHAT" = tests ]; then
    install_wheels web "the live page into .venv" requirements/robot.txt requirements/web.txt requirements/speech.txt
fi
if [ "$WHAT" = tests ]; then
    install_wheels tests "torch and the test tools into .venv" requirements/robot.txt requirements/ros.txt requirements/gpu.txt requirements/training.txt requirements/search.txt requirements/test.txt
fi
say "Ready."
