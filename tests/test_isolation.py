"""Each run on this machine has a ROS domain to itself: in one domain, nodes of two runs have the same names.

And a run of the tests leaves out the plugins for pytest that come with ROS.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from refseg_ros.demo.domain import claim_domain

ROOT = Path(__file__).parent.parent
SHOW = "import os, sys; print(os.environ['ROS_DOMAIN_ID'], flush=True); sys.stdin.read()"


def start(code: str) -> subprocess.Popen:
    line = [sys.executable, "-m", "refseg_ros.demo.domain", sys.executable, "-c", code]
    return subprocess.Popen(
        line, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_the_tests_have_one(own_domain):
    assert os.environ["ROS_DOMAIN_ID"] == str(own_domain) == str(claim_domain())


def test_commands_that_start_at_once_never_share_one(own_domain):
    runs = [start(SHOW) for _ in range(6)]
    domains = [int(run.stdout.readline()) for run in runs]
    assert len({own_domain, *domains}) == 7
    runs[0].kill()
    for run in runs:
        run.communicate()
    again = start(SHOW)
    # One below may have become free meanwhile, too, where another run has ended.
    assert int(again.stdout.readline()) <= max(domains), "a domain is free when its command has ended, even if killed"
    again.communicate()


def test_a_command_is_as_it_would_be_alone():
    assert start("import sys; sys.exit(7)").wait(60) == 7
    line = [sys.executable, "-m", "refseg_ros.demo.domain"]
    for given, told in (([], "there is no command"), (["/nowhere"], "/nowhere: there is no such command")):
        done = subprocess.run([*line, *given], cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 2 and done.stderr.startswith(f"error: {told}") and done.stderr.count("\n") == 1


def test_the_middleware_of_another_installation_is_left_out(own_domain):
    """A shell that has sourced one may export its choice, which .venv need not have."""
    if not (ROOT / ".venv" / "ros").exists():
        pytest.skip("ROS 2 is not that of .venv")
    code = "import rclpy; rclpy.init(); rclpy.create_node('alone')"
    line = [ROOT / "tools" / "in_environment.sh", sys.executable, "-c", code]
    environment = os.environ | {"RMW_IMPLEMENTATION": "rmw_of_another_installation_cpp"}
    done = subprocess.run(line, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


# Of launch_testing, launch_testing_ros and launch_pytest: entry point and module.
PLUGINS = {
    "launch_testing": "launch_testing.pytest.hooks",
    "launch_ros": "launch_testing_ros_pytest_entrypoint",
    "launch_pytest": "launch_pytest.plugin",
}


def test_plugins_that_come_with_ros_are_left_out(tmp_path):
    """Newer versions of pytest refuse their hooks, and end before the first test."""
    for name, module in PLUGINS.items():
        file = tmp_path.joinpath(*module.split(".")).with_suffix(".py")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("def pytest_launch_collect_makemodule(path, parent, entrypoint):\n    pass\n")
        facts = tmp_path / f"{name}-1.0.dist-info"
        facts.mkdir()
        (facts / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (facts / "entry_points.txt").write_text(f"[pytest11]\n{name} = {module}\n")
    paths = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    line = [sys.executable, "-m", "pytest", "--collect-only", "-q", "tests/test_text.py"]
    done = subprocess.run(line, cwd=ROOT, env=os.environ | {"PYTHONPATH": paths}, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
