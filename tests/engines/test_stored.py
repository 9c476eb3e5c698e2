"""Built engines beside a bundle: what is written is read, and what was built for something else is refused by name."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import shutil
from pathlib import Path

import pytest

from refseg_ros.engines import bundle as bundles
from refseg_ros.engines import stored
from refseg_ros.engines.bundle import Bundle
from refseg_ros.engines.graphs import CPU_INT8, for_cpu, graph_file, of_precision
from refseg_ros.engines.passport import Machine, Passport
from refseg_ros.errors import BundleError, UnavailableError

ORIN = Machine("tensorrt", "10.3.0", "Orin", "8.7")
PLAN = b"an engine"


@pytest.fixture
def bundle(bundle_folder: Path, tmp_path: Path) -> Bundle:
    """A bundle with an engine for its encoder."""
    made = Bundle.load(shutil.copytree(bundle_folder, tmp_path / "bundle"))
    stored.write(made, "encoder.onnx", PLAN, passport(made))
    return made


def passport(bundle: Bundle, **changed: object) -> Passport:
    values: dict = {
        **dataclasses.asdict(ORIN),
        "precision": "fp32",
        "onnx": bundle.manifest.files["encoder.onnx"],
        "engine": stored.sha256(PLAN),
        "queries": 8,
        "cameras": 4,
        "parity": 0.001,
    }
    return Passport(**values | changed)


def refused(bundle: Bundle, machine: Machine, *words: str) -> None:
    with pytest.raises(BundleError) as caught:
        stored.read(bundle, "encoder.onnx", machine)
    line = str(caught.value)
    assert "\n" not in line and "encoder.engine" in line and "build" in line
    assert all(word in line for word in words), line


def test_what_is_written_is_read(bundle: Bundle) -> None:
    assert stored.read(bundle, "encoder.onnx", ORIN) == (PLAN, passport(bundle))
    assert Bundle.load(bundle.folder).contents == bundle.contents


@pytest.mark.parametrize(
    ("machine", "words"),
    [
        ({"library": "tensorrt_rtx"}, ["the library that built it is tensorrt, not tensorrt_rtx"]),
        ({"version": "10.7.0"}, ["the version of that library is 10.3.0, not 10.7.0"]),
        ({"gpu": "Thor"}, ["the GPU that it was built on is Orin, not Thor"]),
        ({"compute_capability": "11.0"}, ["the compute capability of that GPU is 8.7, not 11.0"]),
    ],
)
def test_an_engine_of_another_machine_is_refused(bundle: Bundle, machine: dict, words: list[str]) -> None:
    refused(bundle, dataclasses.replace(ORIN, **machine), *words, f"build_engine {bundle.folder} --rebuild")


def test_an_engine_of_another_model_is_refused(bundle: Bundle) -> None:
    changed = passport(bundle, onnx="0" * 64)
    stored.write(bundle, "encoder.onnx", PLAN, changed)
    refused(bundle, ORIN, "the SHA-256 of the ONNX file that it was built from", "0" * 64)


def test_a_damaged_engine_is_refused(bundle: Bundle) -> None:
    stored.engine_path(bundle, "encoder.onnx").write_bytes(PLAN[:-1])
    refused(bundle, ORIN, "the SHA-256 of the engine")


def test_an_engine_of_an_unknown_precision_is_refused(bundle: Bundle) -> None:
    stored.write(bundle, "encoder.onnx", PLAN, passport(bundle, precision="fp4"))
    refused(bundle, ORIN, "the precision is 'fp4'")


def test_an_engine_of_a_variant_that_is_gone_is_refused(bundle: Bundle) -> None:
    stored.write(bundle, "encoder.onnx", PLAN, passport(bundle, precision="fp16"))
    with pytest.raises(BundleError, match=r"has no encoder\.gpu-fp16\.onnx .*model_training\.quantize .* gpu-fp16"):
        stored.read(bundle, "encoder.onnx", ORIN)


def test_no_engine(bundle: Bundle) -> None:
    for name in ("encoder.engine", "encoder.engine.json"):
        (bundle.folder / name).rename(bundle.folder / "away")
        with pytest.raises(
            UnavailableError, match=rf"not built yet; run: ros2 run refseg_ros build_engine {bundle.folder}"
        ):
            stored.read(bundle, "encoder.onnx", ORIN)
        os.replace(bundle.folder / "away", bundle.folder / name)


def test_engines_fit_when_those_of_all_graphs_are_there_and_as_wanted(bundle: Bundle) -> None:
    others = [name for name in bundle.manifest.graphs if name != "encoder.onnx"]
    for name in others:
        assert not stored.fit(bundle, ORIN), name
        stored.write(bundle, name, PLAN, passport(bundle, onnx=bundle.manifest.files[name]))
    assert stored.fit(bundle, ORIN) and stored.fit(bundle, ORIN, precision="fp32", queries=8, cameras=4)
    with pytest.raises(BundleError, match=r"\.engine: expressions at once, at most is 8, not 9; add --rebuild"):
        stored.fit(bundle, ORIN, queries=9)
    with pytest.raises(BundleError, match="the GPU that it was built on is Orin, not Thor"):
        stored.fit(bundle, dataclasses.replace(ORIN, gpu="Thor"))


def test_a_folder_in_the_place_of_an_engine(bundle: Bundle) -> None:
    (bundle.folder / "encoder.engine").unlink()
    (bundle.folder / "encoder.engine").mkdir()
    refused(bundle, ORIN, "cannot be read")


@pytest.mark.parametrize("text", ["", "[]", "{}", "{", '"x"', "[" * 100000, "\x00", '{"format": 2}', '{"parity": 1}'])
def test_a_passport_that_is_none_is_refused(bundle: Bundle, text: str) -> None:
    (bundle.folder / "encoder.engine.json").write_text(text)
    refused(bundle, ORIN, "encoder.engine.json", "no passport of this version")


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(Passport)])
@pytest.mark.parametrize("value", [None, [], math.nan, -1])
def test_a_passport_with_a_wrong_value_is_refused(bundle: Bundle, field: str, value: object) -> None:
    values = json.loads(passport(bundle).dump())
    (bundle.folder / "encoder.engine.json").write_text(json.dumps(values | {field: value}))
    refused(bundle, ORIN, "no passport of this version", field)


def test_graphs_and_their_variants_are_told_apart(bundle: Bundle) -> None:
    int8 = graph_file("encoder.onnx", CPU_INT8)
    assert int8 == "encoder.cpu-int8.onnx" and graph_file("encoder.onnx", "") == "encoder.onnx"
    assert for_cpu(bundle, "encoder.onnx") == "encoder.onnx" == of_precision(bundle, "encoder.onnx", "fp32")
    bundles.write(bundle.folder, bundle.manifest, {**bundle.contents, int8: bundle.contents["encoder.onnx"]})
    more = Bundle.load(bundle.folder)
    assert more.manifest.graphs == bundle.manifest.graphs and "encoder.onnx" in more.manifest.graphs
    assert for_cpu(more, "encoder.onnx") == int8 and for_cpu(more, "fusion.onnx") == "fusion.onnx"
