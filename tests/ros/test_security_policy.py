"""The SROS2 policy against what the nodes really offer, as seen from the network."""

from __future__ import annotations

import re
import time
import urllib.request
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest

from refseg_ros.demo.processes import NodeProcess

POLICY = Path(__file__).parent.parent.parent / "config" / "sros2" / "refseg_policy.xml"
ALWAYS_ALLOWED = {"/clock", "/parameter_events"}
"""Subscribed to or not, by the distribution and by use_sim_time."""
WITH_DEPTH = {f"/refseg/{name}" for name in ("pose", "markers", "cloud", "detections", "detections_3d")}
"""Published only with a depth topic, some only where vision_msgs is installed."""
OTHER_INPUTS = {
    *("/camera/image_raw/compressed", "/camera/camera_info", "/camera/depth", "/camera/depth/compressedDepth"),
    *("/tf", "/tf_static"),
}
"""Subscribed to only by parameter."""
OPTIONAL_SERVICES = {"get_type_description"}
"""Offered by the distributions from Jazzy on."""


def allowed(node: str, kind: str, access: str) -> set[str]:
    (profile,) = ElementTree.parse(POLICY).getroot().iterfind(f".//profile[@node='{node}']")
    return {item.text for item in profile.iterfind(f"{kind}[@{access}='ALLOW']/*")}


def names(offered: list[tuple[str, list[str]]]) -> set[str]:
    return {name for name, _ in offered}


def is_of_an_action(name: str) -> bool:
    return "/_action/" in name


@contextmanager
def watching(web: NodeProcess) -> Iterator[None]:
    """Be a browser that shows the page: only then does the node listen to images and answers."""
    from websockets.sync.client import connect

    end = time.monotonic() + 60
    while not (address := re.search(r"the page is at (http://\S+)", web.log.read_text())):
        web.check()
        assert time.monotonic() < end, web.tail()
        time.sleep(0.05)
    page = urllib.request.urlopen(address[1]).read().decode()
    with connect(address[1].replace("http", "ws").rstrip("/") + re.search(r"/pictures/[\w-]+", page)[0]):
        yield


@pytest.mark.parametrize(
    "executable, node, namespace",
    [
        ("segment_node", "segment", "/refseg"),
        ("camera_node", "camera", "/camera"),
        ("speech_node", "speech", "/refseg"),
        ("web_node", "web", "/refseg"),
    ],
)
def test_the_policy_names_what_the_node_offers_and_nothing_else(
    bench, start, bundle_folder, tmp_path, executable, node, namespace
):
    parameters = {
        **{"segment_node": {"model": str(bundle_folder)}, "camera_node": {}, "speech_node": {}},
        "web_node": {"port": 0, "lessons": str(tmp_path)},
    }[executable]
    if executable == "web_node":
        pytest.importorskip("nicegui", reason="nicegui is not installed (the extra `web`)")
    if executable == "speech_node":
        pytest.importorskip("pocketsphinx", reason="pocketsphinx is not installed (the extra `speech`)")
        import numpy as np

        from tests.speech.voice import write_wav

        parameters["source"] = str(write_wav(tmp_path / "long.wav", np.zeros(16_000 * 600, np.int16)))
    process = start(executable, **parameters)
    published, subscribed = allowed(node, "topics", "publish"), allowed(node, "topics", "subscribe")
    services, actions = allowed(node, "services", "reply"), allowed(node, "actions", "execute")
    requests = allowed(node, "services", "request")
    optional = {f"{namespace}/{node}/{name}" for name in OPTIONAL_SERVICES}
    seen: tuple[set[str], ...] = ()

    def matches() -> bool:
        nonlocal seen
        process.check()
        graph = bench.node
        if (node, namespace) not in graph.get_node_names_and_namespaces():
            return False
        seen = (
            names(graph.get_publisher_names_and_types_by_node(node, namespace)),
            names(graph.get_subscriber_names_and_types_by_node(node, namespace)),
            names(graph.get_service_names_and_types_by_node(node, namespace)),
            names(graph.get_client_names_and_types_by_node(node, namespace)),
        )
        found_actions = {name.split("/_action/")[0] for name in seen[0] | seen[2] if is_of_an_action(name)}
        topics, inputs, replies, asked = ({name for name in one if not is_of_an_action(name)} for one in seen)
        return (
            topics | WITH_DEPTH | ALWAYS_ALLOWED == published | WITH_DEPTH | ALWAYS_ALLOWED
            and inputs | OTHER_INPUTS | ALWAYS_ALLOWED == subscribed | OTHER_INPUTS | ALWAYS_ALLOWED
            and replies | optional == services | optional
            and asked == requests
            and found_actions == actions
        )

    try:
        with watching(process) if executable == "web_node" else nullcontext():
            bench.until(matches, "the node as the policy has it", seconds=90.0)
    except AssertionError:
        topics, inputs, replies, asked = seen or (set(), set(), set(), set())
        differing = (topics ^ published, inputs ^ subscribed, replies ^ services, asked ^ requests)
        raise AssertionError(f"offered or allowed, but not both: {differing}\n{process.tail()}") from None


def test_no_name_is_a_wildcard():
    text = POLICY.read_text()
    assert "*" not in text and "DENY" not in text
