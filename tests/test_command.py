"""How each command names itself to whoever started it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.interrupting import interrupting

ROOT = Path(__file__).parent.parent
MODULES = sorted(
    path.relative_to(ROOT)
    for package in ("refseg_ros", "model_training")
    for path in (ROOT / package).rglob("*.py")
    if "ArgumentParser(" in path.read_text()
)
SHOW_USAGES = """
import contextlib, io, json, runpy, sys

usages = {}
for name in sys.argv[1:]:
    # Of ours nothing is loaded yet, as in a process of its own; what we import takes long to load again.
    for loaded in [module for module in sys.modules if module.split(".")[0] in ("refseg_ros", "model_training")]:
        del sys.modules[loaded]
    sys.argv = [name, "--help"]
    with contextlib.redirect_stdout(io.StringIO()) as shown:
        try:
            runpy.run_module(name, run_name="__main__", alter_sys=True)
        except SystemExit as end:
            assert not end.code, name
    usages[name] = " ".join(shown.getvalue().split())
print(json.dumps(usages))
"""


def name_of(path: Path) -> str:
    """The name of a module for `python -m`."""
    return ".".join(path.with_suffix("").parts).removesuffix(".__main__")


def usage_of(*command: str) -> str:
    done = subprocess.run([*command, "--help"], cwd=ROOT, capture_output=True, text=True, timeout=300, check=True)
    return " ".join(done.stdout.split())


@pytest.mark.parametrize("package", ["refseg_ros", "model_training"])
def test_a_module_is_named_as_it_is_run(package):
    if package == "model_training":
        pytest.importorskip("torch", reason="torch is not installed")
    names = [name_of(path) for path in MODULES if path.parts[0] == package]
    line = [sys.executable, "-c", SHOW_USAGES, *names]
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=300, check=True)
    usages = json.loads(done.stdout)
    assert not [name for name in names if not usages[name].startswith(f"usage: python -m {name} [-h]")]


def test_a_module_is_named_so_in_a_process_of_its_own():
    usage = usage_of(sys.executable, "-m", "refseg_ros.doctor")
    assert usage.startswith("usage: python -m refseg_ros.doctor [-h]")


@pytest.mark.parametrize("command", ["replay=replay", "doctor=doctor.__main__", "build_engine=engines.build"])
def test_what_ros_runs_is_named_as_ros_names_it(tmp_path, command):
    name, module = command.split("=")
    program = installed(tmp_path, name, module)
    assert usage_of(sys.executable, str(program)).startswith(f"usage: ros2 run refseg_ros {name} [-h]")


def installed(folder: Path, name: str, module: str) -> Path:
    """The program that the build makes of a module."""
    program = folder / "lib" / "refseg_ros" / name
    program.parent.mkdir(parents=True)
    written = (
        (ROOT / "cmake" / "executable.py.in").read_text().replace("@module@", module).replace("@executable@", name)
    )
    program.write_text(f"import sys\nsys.path.insert(0, {str(ROOT)!r})\n{written}")
    return program


def stopped(line: list[str], environment: dict[str, str]) -> tuple[int, str]:
    done = subprocess.run(line, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False)
    return done.returncode, done.stderr


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_ctrl_c_during_the_imports_gives_the_exit_code_of_every_ctrl_c(tmp_path, path):
    if path.parts[0] == "model_training":
        pytest.importorskip("torch", reason="torch is not installed")
    assert stopped([sys.executable, "-m", name_of(path)], interrupting("argparse", tmp_path)) == (130, "stopped\n")


@pytest.mark.parametrize("module", ["numpy", "cv2", "onnxruntime"])
def test_ctrl_c_in_the_middle_of_a_compiled_module_is_one_like_others(tmp_path, module):
    line = [sys.executable, "-m", "refseg_ros.segment", "no.png", "mug"]
    assert stopped(line, interrupting(module, tmp_path)) == (130, "stopped\n")


@pytest.mark.parametrize(
    ("line", "module"),
    [
        ("search none.mcap mug", "distributed"),
        ("replay none.mcap mug", "rosbags"),
        ("doctor", "refseg_ros.doctor.graph"),
    ],
)
def test_ctrl_c_during_an_import_that_only_the_work_needs(tmp_path, line, module):
    pytest.importorskip(module, reason=f"{module} is not installed")
    command, *arguments = line.split()
    done = stopped([sys.executable, "-m", f"refseg_ros.{command}", *arguments], interrupting(module, tmp_path))
    assert done == (130, "stopped\n")


def test_ctrl_c_during_the_imports_of_an_installed_program(tmp_path):
    program = installed(tmp_path, "replay", "replay")
    assert stopped([sys.executable, str(program)], interrupting("argparse", tmp_path)) == (130, "stopped\n")


def test_ctrl_c_is_left_to_programs_that_import_the_library(tmp_path):
    program = "import refseg_ros, signal; assert signal.getsignal(signal.SIGINT) is signal.default_int_handler"
    assert stopped([sys.executable, "-c", program], interrupting("nothing", tmp_path)) == (0, "")


INTERRUPTED = """
import signal, sys
from refseg_ros.command import command

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell has background jobs ignore it

@command()
def main(arguments=None):
    exec("import os, time; os.kill(os.getpid(), signal.SIGINT); time.sleep(60)")

sys.exit(main())
"""


def test_ctrl_c_in_generated_code_gives_the_exit_code_of_every_ctrl_c(tmp_path):
    """As rosbags generates code for the types of a bag."""
    (tmp_path / "interrupted.py").write_text(INTERRUPTED)
    environment = os.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}
    assert stopped([sys.executable, "-m", "interrupted"], environment) == (130, "stopped\n")
