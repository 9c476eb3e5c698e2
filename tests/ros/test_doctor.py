"""The doctor as a user starts it, beside real nodes: a healthy system is clean, and each planted trouble is named."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="ROS 2 is not installed")
pytest.importorskip("refseg_ros.msg", reason="the messages are not built")

from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, Image

from refseg_ros.demo.processes import stay_on_this_machine
from refseg_ros.doctor.finding import Level, ok
from refseg_ros.doctor.graph import elsewhere
from refseg_ros.doctor.installation import check_domain, check_installation, check_profile
from refseg_ros.doctor.machine import check_disk
from refseg_ros.doctor.processes import participants
from refseg_ros.doctor.shared_memory import FOLDER
from refseg_ros.images.messages import to_message
from refseg_ros.interrupts import end_with_parent
from refseg_ros.ros.transport import PROFILE, prefer_large_shared_memory
from tests.ros.bench import picture
from tests.ros.depth_camera import SETTINGS, DepthCamera
from tests.ros.test_arguments import hide

ROOT = Path(__file__).parent.parent.parent
Doctor = Callable[..., "Report"]


class Report:
    """What the doctor printed, and its exit code."""

    def __init__(self, code: int, text: str) -> None:
        self.code, self.text = code, text

    def of(self, level: str) -> str:
        """Its lines of a level."""
        return "\n".join(line for line in self.text.splitlines() if line.startswith(level))


@pytest.fixture
def doctor(bundle_folder, tmp_path) -> Doctor:
    """Runs the doctor with arguments and an environment; `meanwhile` is called again and again as long as it runs."""
    stay_on_this_machine()

    def examine(*arguments: str, meanwhile: Callable[[], object] | None = None, **environment: str) -> Report:
        if "--model" not in arguments:
            arguments = (*arguments, "--model", str(bundle_folder))
        with open(tmp_path / "report.txt", "w+") as report:
            process = subprocess.Popen(
                [sys.executable, "-m", "refseg_ros.doctor", *arguments],
                stdout=report,
                stderr=subprocess.STDOUT,
                env=os.environ | environment,
                cwd=tmp_path,
                preexec_fn=end_with_parent,
            )
            while process.poll() is None:
                if meanwhile is None:
                    time.sleep(0.05)
                else:
                    meanwhile()
            report.seek(0)
            return Report(process.returncode, report.read())

    return examine


def test_a_healthy_system_is_clean(doctor, start, bench, bundle_folder):
    start("segment_node", model=str(bundle_folder), threads=1, query="red")
    bench.answer(picture(), "red")

    def meanwhile() -> None:
        bench.show(picture())
        bench.listen(0.05)

    report = doctor(meanwhile=meanwhile, FASTDDS_DEFAULT_PROFILES_FILE=str(PROFILE))
    assert "/refseg/segment is active" in report.of("OK")
    assert re.search(r"/camera/image_raw brings \d+\.\d images/s", report.of("OK"))
    assert report.of("ERROR") == "", report.text
    assert report.code == 0
    assert "Traceback" not in report.text


def test_leftovers_of_a_killed_node_are_removed_and_those_of_the_living_stay(doctor, start, bench, bundle_folder):
    node = start("segment_node", model=str(bundle_folder), threads=1)
    bench.wait_for_node()
    before = shared_memory()
    node.process.send_signal(signal.SIGKILL)
    node.process.wait()
    report = doctor("--clean", meanwhile=lambda: bench.listen(0.05))
    removed = re.search(r"removed (\d+) files of dead processes", report.of("OK"))
    assert removed and int(removed[1]) > 0
    gone = before - shared_memory()
    assert any(re.fullmatch(r"fastdds_[0-9a-f]{16}", name) for name in gone)
    start("segment_node", model=str(bundle_folder), threads=1, query="red")
    assert bench.answer(picture(), "red").box.width > 0  # the bench still has its shared memory, and is heard


def shared_memory() -> set[str]:
    return {path.name for path in FOLDER.iterdir()}


def test_a_camera_that_sends_hardly_anything_is_told(doctor, start, bench, bundle_folder):
    start("segment_node", model=str(bundle_folder), threads=1)
    bench.wait_for_node()
    shown = [0.0]

    def meanwhile() -> None:
        if time.monotonic() - shown[-1] > 1.4:
            shown.append(time.monotonic())
            bench.show(picture())
        bench.listen(0.05)

    report = doctor(meanwhile=meanwhile)
    assert re.search(r"/camera/image_raw brings only 0\.\d images/s", report.of("WARN")), report.text
    assert "/camera/image_raw" not in report.of("OK")


def test_ros_and_its_middleware_are_named(monkeypatch):
    monkeypatch.setenv("ROS_DISTRO", "kilted")
    monkeypatch.setenv("RMW_IMPLEMENTATION", "rmw_fastrtps_cpp")
    assert list(check_installation()) == [ok("ROS 2 kilted"), ok("middleware: rmw_fastrtps_cpp")]


@pytest.mark.parametrize(
    "environment, told",
    [
        ({"RMW_IMPLEMENTATION": "rmw_nonsense_cpp"}, "RMW_IMPLEMENTATION is rmw_nonsense_cpp, which is not installed"),
        ({"PYTHONPATH": str(ROOT)}, "the messages of refseg_ros are not built, or not found"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_what_is_wrong_with_the_shell_ends_nothing_and_is_told(doctor, environment, told):
    report = doctor(**environment)
    assert told in report.of("ERROR"), report.text
    assert report.code == 1
    assert "Traceback" not in report.text


OLD, NEW = "FASTRTPS_DEFAULT_PROFILES_FILE", "FASTDDS_DEFAULT_PROFILES_FILE"


@pytest.fixture
def no_profile(monkeypatch) -> None:
    for name in (OLD, NEW):
        monkeypatch.setenv(name, "")  # so that what is set by others meanwhile is taken back, too
        monkeypatch.delenv(name)


@pytest.mark.parametrize(
    ("variable", "value", "check", "told"),
    [
        ("ROS_DOMAIN_ID", "seven", check_domain, "ROS_DOMAIN_ID is 'seven'; it must be a number from 0 to 232"),
        ("ROS_AUTOMATIC_DISCOVERY_RANGE", "OFF", check_domain, "DISCOVERY_RANGE is OFF: nothing hears anything"),
        (NEW, "/nowhere.xml", check_profile, f"{NEW} names /nowhere.xml, which cannot be read"),
        ("ROS_LOG_DIR", "/dev/null/log", check_disk, "logs cannot be written to /dev/null/log"),
    ],
)
def test_a_variable_of_the_shell_that_is_wrong_is_told(no_profile, monkeypatch, variable, value, check, told):
    monkeypatch.setenv(variable, value)
    *_, finding = check()
    assert finding.level == Level.ERROR and told in finding.text


def test_each_distribution_heeds_its_own_variable_for_discovery(monkeypatch):
    monkeypatch.setenv("ROS_DISTRO", "humble")
    monkeypatch.delenv("ROS_LOCALHOST_ONLY", raising=False)
    monkeypatch.setenv("ROS_DOMAIN_ID", "1")
    for ignored in ("LOCALHOST", "OFF"):
        monkeypatch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", ignored)
        assert [finding.text for finding in check_domain()] == ["ROS domain 1"]
    monkeypatch.setenv("ROS_LOCALHOST_ONLY", "")  # so that what is set is taken back, too
    monkeypatch.delenv("ROS_LOCALHOST_ONLY")
    stay_on_this_machine()
    assert os.environ["ROS_LOCALHOST_ONLY"] == "1"
    assert [finding.level for finding in check_domain()] == [Level.OK, Level.OK]
    monkeypatch.setenv("ROS_DISTRO", "kilted")  # its rcl has no such variable any more
    assert [finding.level for finding in check_domain()] == [Level.OK, Level.ERROR]


def test_a_profile_with_too_little_memory_is_told(no_profile, monkeypatch, tmp_path):
    profile = tmp_path / "small.xml"
    profile.write_text(PROFILE.read_text().replace("16777216", "524288"))
    monkeypatch.setenv(NEW, str(profile))
    (told,) = check_profile()
    assert told.level == Level.WARN and f"{profile}, which gives shared memory of 524288 bytes at most" in told.text


def test_a_profile_under_a_name_that_the_distribution_does_not_read_is_told(no_profile, monkeypatch):
    monkeypatch.setenv("ROS_DISTRO", "jazzy")
    monkeypatch.setenv(NEW, str(PROFILE))
    (told,) = check_profile()
    assert told.level == Level.WARN and f"{NEW} is set, but" in told.text and f"reads {OLD}: set that" in told.text
    prefer_large_shared_memory()
    assert os.environ[OLD] == str(PROFILE)
    (told,) = check_profile()
    assert told.level == Level.OK and f"{OLD} gives images 17 MB" in told.text


def test_a_newer_distribution_reads_both_names(no_profile, monkeypatch):
    monkeypatch.setenv("ROS_DISTRO", "kilted")
    monkeypatch.setenv(OLD, str(PROFILE))
    prefer_large_shared_memory()
    assert NEW not in os.environ, "one of the user's choice is kept"
    (told,) = check_profile()
    assert told.level == Level.OK and f"{OLD} gives images 17 MB" in told.text
    monkeypatch.delenv(OLD)
    prefer_large_shared_memory()
    assert os.environ[NEW] == str(PROFILE)


@pytest.mark.parametrize("module", ["onnxruntime", "cv2"])
def test_a_missing_runtime_is_told_beside_all_else(doctor, tmp_path, module):
    report = doctor(**hide(module, tmp_path))
    assert f"no model can run: the module {module} is not installed; " in report.of("ERROR"), report.text
    assert "ROS 2" in report.of("OK") and report.code == 1 and "Traceback" not in report.text


def test_a_damaged_model_is_told(doctor, bundle_folder, tmp_path):
    damaged = Path(shutil.copytree(bundle_folder, tmp_path / "bundle"))
    with open(damaged / "fusion.onnx", "r+b") as file:
        file.write(b"\0")
    report = doctor("--model", str(damaged))
    assert "fusion.onnx: its SHA-256 is not the one in manifest.json" in report.of("ERROR")
    assert report.code == 1


def test_peers_that_are_no_machines_are_told(doctor):
    report = doctor(ROS_STATIC_PEERS="192.168.1.5,10.0.0.1")
    assert report.code == 2 and "Traceback" not in report.text, report.text
    (line,) = [line for line in report.text.splitlines() if "10.0.0.1" in line]
    assert (
        line.startswith("error: ") and "ROS_STATIC_PEERS holds addresses or names of machines, separated by ;" in line
    )


def test_a_node_in_another_domain_is_told(doctor, start, bench, bundle_folder):
    node = start("segment_node", model=str(bundle_folder), threads=1)
    bench.wait_for_node()
    there = int(os.environ["ROS_DOMAIN_ID"])
    report = doctor(ROS_DOMAIN_ID=str(there + 101))
    assert f"no node segment is heard in domain {there + 101}" in report.of("ERROR"), report.text
    assert f"(process {node.process.pid}) is in domain {there}: export ROS_DOMAIN_ID={there}" in report.of("ERROR")
    assert report.code == 1


def test_a_node_that_is_not_active_or_that_there_are_two_of_is_told(doctor, start, bench, bundle_folder):
    for _ in range(2):
        start("segment_node", model=str(bundle_folder), threads=1, autostart=False)
    seen = ("segment", "/refseg")
    bench.until(lambda: bench.node.get_node_names_and_namespaces().count(seen) == 2, "both nodes")
    report = doctor()
    assert "2 nodes are called /refseg/segment" in report.of("ERROR"), report.text
    assert "/refseg/segment is unconfigured and answers nothing: ros2 lifecycle set" in report.of("ERROR")


def test_a_camera_that_is_not_there_and_a_clock_that_is_not_there_are_told(doctor, start, bench, bundle_folder):
    start("segment_node", model=str(bundle_folder), threads=1, use_sim_time=True, image_topic="/camera/image_rav")
    bench.until(lambda: bench.node.count_subscribers("/camera/image_rav"), "the node")
    report = doctor(meanwhile=lambda: bench.show(picture()) and bench.listen(0.1))
    assert "has use_sim_time, but nothing comes on /clock" in report.of("ERROR"), report.text
    assert "nobody publishes /camera/image_rav; did you mean /camera/image_raw?" in report.of("ERROR")


def test_quality_of_service_that_does_not_fit_and_a_camera_without_calibration_are_told(
    doctor, start, bench, bundle_folder
):
    overrides = {"qos_overrides./front/image.subscription.reliability": "reliable"}
    settings = SETTINGS | {"camera_info_topic": "/front/info"}
    start("segment_node", model=str(bundle_folder), image_topic="/front/image", **settings, **overrides)
    bench.until(lambda: bench.node.count_subscribers("/front/image"), "the node")
    images = bench.node.create_publisher(
        Image, "/front/image", QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
    )
    infos = bench.node.create_publisher(CameraInfo, "/front/info", 1)

    def meanwhile() -> None:
        header = bench.header()
        images.publish(to_message(picture(), "rgb8", header))
        infos.publish(CameraInfo(header=header, width=320, height=240))
        bench.listen(0.1)

    report = doctor(meanwhile=meanwhile)
    assert "/bench offers /front/image in a way that segment does not take" in report.of("ERROR"), report.text
    assert "/front/info is all zeros, so the camera is not calibrated" in report.of("WARN")


def test_a_silent_camera_is_not_blamed_for_what_another_subscriber_wants(doctor, start, bench, bundle_folder):
    quality = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE)
    bench.node.create_subscription(Image, "/front/image", lambda _: None, quality)
    start("segment_node", model=str(bundle_folder), threads=1, image_topic="/front/image")
    bench.until(lambda: bench.node.count_subscribers("/front/image") == 2, "the node")
    quality = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
    bench.node.create_publisher(Image, "/front/image", quality)
    report = doctor(meanwhile=lambda: bench.listen(0.1))
    assert "/bench offers BEST_EFFORT VOLATILE, which fits, but sends nothing" in report.of("ERROR"), report.text


def test_a_silent_camera_whose_quality_of_service_does_not_fit_is_told_once(doctor, start, bench, bundle_folder):
    overrides = {"qos_overrides./front/image.subscription.reliability": "reliable"}
    start("segment_node", model=str(bundle_folder), threads=1, image_topic="/front/image", **overrides)
    bench.until(lambda: bench.node.count_subscribers("/front/image"), "the node")
    quality = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
    bench.node.create_publisher(Image, "/front/image", quality)
    report = doctor(meanwhile=lambda: bench.listen(0.1))
    told = [line for line in report.text.splitlines() if line.startswith("ERROR") and "/bench offers" in line]
    assert len(told) == 1 and "does not fit" in told[0], report.text


def test_a_node_that_ends_while_it_is_examined_is_told(doctor, start, bench, bundle_folder, tmp_path):
    node = start("segment_node", model=str(bundle_folder), threads=1)
    bench.wait_for_node()

    def meanwhile() -> None:
        if node.process.poll() is None and "is active" in (tmp_path / "report.txt").read_text():
            node.stop()
        bench.listen(0.05)

    report = doctor(meanwhile=meanwhile)
    assert "/refseg/segment ended while it was examined" in report.of("ERROR"), report.text
    assert report.code == 1 and "Traceback" not in report.text


# Now and then rclpy.spin alone does not wake up at a signal.
NODE = """
import rclpy
rclpy.init()
node = rclpy.create_node("plain")
print(flush=True)
while rclpy.ok():
    rclpy.spin_once(node, timeout_sec=0.5)
"""


@contextmanager
def plain_process(code: str = NODE, **environment: str) -> Iterator[subprocess.Popen]:
    """A process with a node, without our profile: its shared memory is what Fast DDS has by default."""
    stay_on_this_machine()
    plain = {name: value for name, value in os.environ.items() if not name.endswith("_PROFILES_FILE")}
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, env=plain | environment, preexec_fn=end_with_parent
    )
    process.stdout.readline()
    try:
        yield process
    finally:
        process.terminate()
        process.communicate()


def test_a_process_with_the_default_shared_memory_is_told(doctor):
    with plain_process() as process:
        report = doctor()
    assert f"(process {process.pid}) has 0.5 MB of shared memory" in report.of("WARN"), report.text


def test_the_daemon_of_the_command_line_of_ros_is_no_camera(doctor, tmp_path):
    """One with its command line, which `ros2 topic` leaves running."""
    module = tmp_path / "ros2cli" / "daemon" / "daemonize.py"
    module.parent.mkdir(parents=True)
    module.write_text(NODE + "main = None")
    paths = os.pathsep.join([str(tmp_path), os.environ["PYTHONPATH"]])
    with plain_process("from ros2cli.daemon.daemonize import main; main()", PYTHONPATH=paths) as process:
        report = doctor()
        (daemon,) = [one for one in participants() if one.pid == process.pid]
    assert daemon.segment and f"process {process.pid}" not in report.text
    assert not elsewhere(int(os.environ["ROS_DOMAIN_ID"]) + 101, [daemon])


def test_what_runs_in_other_domains_is_named_where_no_camera_is_heard(doctor, start, bench, bundle_folder):
    here = int(os.environ["ROS_DOMAIN_ID"])
    start("segment_node", model=str(bundle_folder), threads=1, image_topic="/elsewhere/image")
    bench.until(lambda: bench.node.count_subscribers("/elsewhere/image"), "the node")
    with plain_process(ROS_DOMAIN_ID=str(here + 101)) as process:
        report = doctor()
        (camera,) = [one for one in participants() if one.pid == process.pid]
    # Tests beside this one have processes in other domains, too, and three are named.
    told = rf"nobody publishes /elsewhere/image.*; in other domains run .*: start the camera with ROS_DOMAIN_ID={here}$"
    assert re.search(told, report.of("ERROR"), re.MULTILINE), report.text
    assert f"run {camera.name} (process {process.pid}) in domain {here + 101}:" in elsewhere(here, [camera])
    assert not elsewhere(here + 101, [camera])


def test_depth_that_does_not_come_is_told_by_the_nodes_own_diagnostics(doctor, start, bench, bundle_folder):
    start("segment_node", model=str(bundle_folder), **SETTINGS)
    camera = DepthCamera(bench)
    camera.wait_for_node()

    def meanwhile() -> None:
        camera.send_picture(bench.header())
        bench.listen(0.1)

    report = doctor(meanwhile=meanwhile)
    assert "no image in 3 s: /bench offers RELIABLE VOLATILE, which fits, but sends nothing" in report.of("ERROR")
    assert "nothing came on /camera/camera_info" in report.of("WARN"), report.text
