"""The runtime leaves the machine as it was, and its engines compute in the same memory."""

import os
import subprocess
import sys
from pathlib import Path

MEGABYTES = 64
TWO_ENGINES = f"""
from pathlib import Path
import numpy as np
import onnx
from refseg_ros.engines.onnx import OnnxEngine, renew_memory

def held():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 >> 20

graph = onnx.parser.parse_model('''
    <ir_version: 8, opset_import: ["" : 18]>
    large (float[1] one) => (float[1] sum)
    <int64[1] many = {{{MEGABYTES << 18}}}, int64[1] axis = {{0}}>
    {{
        copies = Expand(one, many)
        roots = Sqrt(copies)
        sum = ReduceSum(roots, axis)
    }}
''')
engines = [OnnxEngine(graph.SerializeToString(), name, 1) for name in "ab"]
for engine in engines:
    engine.run({{"one": np.ones(1, np.float32)}})
    print(held())
del engine, engines
renew_memory()
print(held())
"""


def test_what_one_engine_computed_in_serves_the_next_and_goes_with_the_last() -> None:
    command = [sys.executable, "-c", TWO_ENGINES]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    first, second, after = map(int, done.stdout.split())
    assert first > MEGABYTES  # and was kept for the next run
    assert second - first < MEGABYTES / 4
    assert second - after > MEGABYTES


def test_nothing_is_written_to_the_home_of_the_user(tmp_path: Path, bundle_folder: Path) -> None:
    code = f"from refseg_ros import Segmenter; Segmenter({str(bundle_folder)!r})"
    environment = {"HOME": str(tmp_path), "PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and not done.stderr, done.stderr
    assert not list(tmp_path.iterdir())
