"""Each run on this machine has a ROS domain to itself: in one domain, nodes of two runs have the same names."""

import os
import subprocess
import sys
from pathlib import Path

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
    assert int(again.stdout.readline()) in domains, "a domain is free when its command has ended, even if killed"
    again.communicate()


def test_a_command_is_as_it_would_be_alone():
    assert start("import sys; sys.exit(7)").wait(60) == 7
    line = [sys.executable, "-m", "refseg_ros.demo.domain"]
    for given, told in (([], "there is no command"), (["/nowhere"], "/nowhere: there is no such command")):
        done = subprocess.run([*line, *given], cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 2 and done.stderr.startswith(f"error: {told}") and done.stderr.count("\n") == 1
