"""Each thing that can be wrong with the files of a model: refused in one line that names the file."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper

from refseg_ros import BundleError, Segmenter, Verdict
from refseg_ros.engines import bundle
from refseg_ros.engines.bundle import Bundle
from refseg_ros.engines.external_data import external_files
from refseg_ros.engines.manifest import ATTENTION, Clip, Manifest
from refseg_ros.expression import Vocabulary
from tests.bundles import MANIFEST, WEIGHTS, clip, encoder, fusion, write_bundle

FILES = ["vocabulary.txt", "encoder.onnx", "clip.onnx", "fusion.onnx"]


@pytest.fixture
def folder(bundle_folder: Path, tmp_path: Path) -> Path:
    """A bundle to break."""
    return Path(shutil.copytree(bundle_folder, tmp_path / "broken"))


def refused(folder: Path, *words: str) -> None:
    with pytest.raises(BundleError) as caught:
        Segmenter(folder, threads=1)
    line = str(caught.value)
    assert "\n" not in line
    for word in words:
        assert word in line, line


def test_what_is_written_is_read(bundle_folder):
    read = Bundle.load(bundle_folder)
    assert set(read.contents) == set(FILES) == set(read.manifest.files)
    assert dataclasses.replace(read.manifest, files={}) == MANIFEST
    assert Manifest.parse(read.manifest.dump()) == read.manifest


def test_the_json_has_the_documented_shape(bundle_folder):
    data = json.loads((bundle_folder / "manifest.json").read_text())
    assert data["format"] == 5 and data["input"] == {"height": 144, "width": 192, "padding": 128}
    assert data["steps"] == [["encoder.onnx"], ["clip.onnx"], ["fusion.onnx"]]
    assert data["text"] == {"tokenizer": "words", "file": "vocabulary.txt", "length": 6}
    assert data["clip"] == {"length": 3, "interval": 0.2, "memory": "attention"}
    assert data["thresholds"] == {"mask": 0.5, "absent": 0.35, "found": 0.65}
    assert data["certainty"] == {"bias": 0.0, "presence": 1.0, "strength": 0.0, "sharpness": 0.0, "size": 0.0}


def test_no_such_folder(tmp_path):
    refused(tmp_path / "nowhere", "nowhere", "no such folder", "tabletop")


def test_a_model_that_ships_is_known_by_its_name_unless_a_folder_has_it(
    bundle_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert Bundle.load("tabletop").folder == bundle.TABLETOP
    shutil.copytree(bundle_folder, "tabletop")
    assert Bundle.load("tabletop").folder.resolve() == tmp_path / "tabletop"
    assert Bundle.load(bundle.TABLETOP).folder == bundle.TABLETOP


@pytest.mark.parametrize("name", ["manifest.json", *FILES])
def test_missing(folder, name):
    (folder / name).unlink()
    refused(folder, name, "No such file")


@pytest.mark.parametrize("name", ["manifest.json", *FILES])
def test_empty(folder, name):
    (folder / name).write_bytes(b"")
    refused(folder, name, "empty")


@pytest.mark.parametrize("name", ["manifest.json", *FILES])
def test_a_folder_in_the_place_of_a_file(folder, name):
    (folder / name).unlink()
    (folder / name).mkdir()
    refused(folder, name, "cannot be read")


@pytest.mark.parametrize("name", ["manifest.json", *FILES])
def test_cut_short(folder, name):
    data = (folder / name).read_bytes()
    (folder / name).write_bytes(data[: len(data) // 2])
    refused(folder, name, "JSON" if name == "manifest.json" else "cut short")


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("where", [0.0, 0.5, 0.999])
def test_a_flipped_bit(folder, name, where):
    data = bytearray((folder / name).read_bytes())
    data[int(where * len(data))] ^= 0x10
    (folder / name).write_bytes(data)
    refused(folder, name, "SHA-256")


def test_two_files_exchanged(folder):
    os.replace(folder / "encoder.onnx", folder / "fusion.onnx")
    shutil.copy(folder / "fusion.onnx", folder / "encoder.onnx")
    refused(folder, "fusion.onnx", "SHA-256")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"format": 1}, "format is 1"),
        ({"format": None}, "format is None"),
        ({"input": {"height": 144}}, "`input` has no `width`"),
        ({"input": {"height": 144, "width": 192}}, "`input` has no `padding`"),
        ({"input": {"height": 144, "width": 192, "padding": 256}}, "padding is 256"),
        ({"input": {"height": 0, "width": 192, "padding": 0}}, "height is 0"),
        ({"input": {"height": "144", "width": 192, "padding": 0}}, "height is '144'"),
        ({"input": [144, 192]}, "`input` is not a JSON object"),
        ({"clip": {"length": 10**9, "interval": 0.2, "memory": "attention"}}, "length is 1000000000"),
        ({"clip": {"length": True, "interval": 0.2, "memory": "attention"}}, "length is True"),
        ({"clip": {"length": 4, "interval": math.nan, "memory": "attention"}}, "interval is nan"),
        ({"thresholds": {"mask": 1.0, "absent": 0.5, "found": 0.5}}, "mask is 1.0"),
        ({"clip": {"length": 4, "interval": 0.2, "memory": "frames"}}, "memory is 'frames'"),
        ({"text": {"tokenizer": "words", "file": "vocabulary.txt", "length": 0}}, "length is 0"),
        ({"text": {"tokenizer": "bpe", "file": "vocabulary.txt", "length": 6}}, "tokenizer is 'bpe'"),
        ({"text": {"tokenizer": "words", "file": "more.txt", "length": 6}}, "does not name 'more.txt'"),
        ({"steps": []}, "`steps` are no lists of graphs"),
        ({"steps": [[]]}, "`steps` are no lists of graphs"),
        ({"steps": ["encoder.onnx"]}, "`steps` are no lists of graphs"),
        ({"steps": "encoder.onnx"}, "`steps` are no lists of graphs"),
        ({"steps": [[["encoder.onnx"]]]}, "`steps` name ['encoder.onnx']"),
        ({"steps": [["encoder.onnx", "vocabulary.txt"]]}, "`steps` name 'vocabulary.txt'"),
        ({"steps": [["encoder.onnx"], ["encoder.onnx"]]}, "`steps` name 'encoder.onnx'"),
        ({"steps": [["encoder.onnx", "more.onnx"]]}, "does not name 'more.onnx'"),
        ({"metrics": 0.7}, "`metrics` is not a JSON object"),
        ({"files": {}}, "does not name 'vocabulary.txt'"),
        ({"files": dict.fromkeys(FILES, "0" * 64) | {"../outside": "0" * 64}}, "'../outside'"),
        ({"files": dict.fromkeys(FILES, "0" * 64) | {"/etc/hostname": "0" * 64}}, "'/etc/hostname'"),
        ({"files": dict.fromkeys(FILES, "0" * 64) | {"..": "0" * 64}}, "'..'"),
        ({"files": dict.fromkeys(FILES, "ABC")}, "'ABC'"),
        ({"files": dict.fromkeys(FILES, 7)}, "SHA-256 7"),
    ],
    ids=str,
)
def test_a_manifest_with_a_wrong_value(folder, change, words):
    data = json.loads((folder / "manifest.json").read_text()) | change
    (folder / "manifest.json").write_text(json.dumps(data))
    refused(folder, "manifest.json", words)


@pytest.mark.parametrize("key", [field.name for field in dataclasses.fields(Manifest)])
def test_a_manifest_that_lacks_a_value(folder, key):
    data = json.loads((folder / "manifest.json").read_text())
    del data[key]
    (folder / "manifest.json").write_text(json.dumps(data))
    refused(folder, "manifest.json", key)


@pytest.mark.parametrize("text", [b"[]", b"null", b"\xff\xfe\x00", b"[" * 100000, b"{} {}", b"1e999"])
def test_a_manifest_that_is_none(folder, text):
    (folder / "manifest.json").write_bytes(text)
    refused(folder, "manifest.json")


@pytest.mark.parametrize("name", ["encoder", "clip", "fusion"])
@pytest.mark.parametrize(
    "data",
    [b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5\n", b"\x00" * 64, b"\x80" * 64, b"\x08\x07"],
)
def test_a_file_of_the_right_hash_that_is_no_onnx(tmp_path, name, data):
    refused(write_bundle(tmp_path / "b", **{name: data}), f"{name}.onnx")


def test_a_vocabulary_of_the_right_hash_that_is_none(tmp_path):
    refused(write_bundle(tmp_path / "b", vocabulary=b"red\ngreen\n"), "vocabulary.txt")


@pytest.mark.parametrize("place", ["inside.bin", "../outside.bin", "/etc/hostname"])
@pytest.mark.parametrize("nested", [False, True], ids=["initializer", "constant inside an If"])
def test_external_data_is_refused(tmp_path, place, nested):
    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[1], data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value=place)
    made = encoder()
    if nested:
        branch = helper.make_graph([helper.make_node("Constant", [], ["c"], value=tensor)], "g", [], [])
        made.graph.node.append(helper.make_node("If", ["yes"], ["z"], then_branch=branch, else_branch=branch))
    else:
        made.graph.initializer.append(tensor)
    assert external_files(made.SerializeToString()) == {place}
    refused(write_bundle(tmp_path / "b", encoder=made.SerializeToString()), "encoder.onnx", place)


def test_a_model_in_one_file_has_no_external_data():
    assert external_files(encoder().SerializeToString()) == external_files(fusion().SerializeToString()) == set()


@given(st.binary(max_size=200))
def test_any_bytes_are_looked_through_or_refused(data):
    try:
        assert isinstance(external_files(data), set)
    except ValueError as error:
        assert str(error)


def renamed(model: onnx.ModelProto, old: str, new: str) -> bytes:
    """The model with an input or output of another name."""
    for value in [*model.graph.input, *model.graph.output]:
        value.name = new if value.name == old else value.name
    for node in model.graph.node:
        node.input[:] = [new if name == old else name for name in node.input]
        node.output[:] = [new if name == old else name for name in node.output]
    return model.SerializeToString()


def test_engines_that_do_not_fit_each_other(tmp_path):
    other = renamed(fusion(), "feature_1", "feature_9")
    refused(write_bundle(tmp_path / "b", fusion=other), "fusion.onnx", "`feature_9`")


def test_a_clip_that_looks_for_what_no_one_keeps(tmp_path):
    refused(
        write_bundle(tmp_path / "b", clip=renamed(clip(), "past_1_value", "past_1_worth")), "clip.onnx", "past_1_worth"
    )


def test_a_clip_that_wants_merged_pairs_and_gives_none(tmp_path):
    made = clip()
    made.graph.input.append(helper.make_tensor_value_info("past_1_shares", TensorProto.FLOAT, ["past", "past", 1728]))
    refused(write_bundle(tmp_path / "b", clip=made.SerializeToString()), "clip.onnx", "no output `column_1_attended`")


def test_a_graph_needs_its_file(folder):
    data = json.loads((folder / "manifest.json").read_text())
    del data["files"]["clip.onnx"]
    (folder / "manifest.json").write_text(json.dumps(data))
    refused(folder, "manifest.json", "does not name 'clip.onnx'")


def test_a_clip_of_one_frame_needs_none(tmp_path):
    made = fusion()
    kept = [value for value in made.graph.input if value.name != "strongest_1"]
    del made.graph.input[:]
    frame = helper.make_tensor_value_info("ring_1_value", TensorProto.FLOAT, [1, 1728, 3])
    made.graph.input.extend([frame, *kept])
    nodes = [helper.make_node("Reshape", ["ring_1_value", "positions"], ["strongest_1"]), *made.graph.node]
    del made.graph.node[:]
    made.graph.node.extend(nodes)
    made.graph.initializer.append(onnx.numpy_helper.from_array(np.array([1728, 3]), "positions"))
    contents = {
        "vocabulary.txt": Vocabulary(list(WEIGHTS)[2:]).dump().encode(),
        "encoder.onnx": encoder().SerializeToString(),
        "fusion.onnx": made.SerializeToString(),
    }
    bundle.write(
        tmp_path / "b",
        dataclasses.replace(MANIFEST, steps=(("encoder.onnx",), ("fusion.onnx",)), clip=Clip(1, 0.0, ATTENTION)),
        contents,
    )
    stream = Segmenter(tmp_path / "b", threads=1).stream()
    for stamp, (red, verdict) in enumerate([(255, Verdict.FOUND), (0, Verdict.NOT_FOUND)]):
        stream.observe(np.full((48, 64, 3), (red, 0, 0), np.uint8), float(stamp))
        assert [answer.verdict for answer in stream.answer(["red", "redder"])] == [verdict, verdict]


def test_a_network_without_logits(tmp_path):
    refused(write_bundle(tmp_path / "b", fusion=renamed(fusion(), "logits", "other")), "fusion.onnx", "`logits`")


@pytest.mark.parametrize(
    ("output", "kind", "words"),
    [("word_attention", "Identity", "`word_attention` of (6,)"), ("presence", "Size", "for 2 expressions")],
)
def test_a_fusion_whose_output_has_another_shape(tmp_path, output: str, kind: str, words: str) -> None:
    made = fusion()
    (node,) = (node for node in made.graph.node if node.output[0] == output)
    del node.attribute[:], node.input[1:]
    node.op_type = kind
    if kind == "Size":  # one number instead of one for each expression
        node.output[0] = "size"
        made.graph.node.append(helper.make_node("Cast", ["size"], ["number"], to=TensorProto.FLOAT))
        made.graph.node.append(helper.make_node("Unsqueeze", ["number", "first"], [output]))
        made.graph.initializer.append(onnx.numpy_helper.from_array(np.array([0]), "first"))
    for value in made.graph.output:
        value.type.tensor_type.ClearField("shape")
    refused(write_bundle(tmp_path / "b", fusion=made.SerializeToString()), "fusion.onnx", words)


def test_an_encoder_that_wants_more_than_an_image(tmp_path):
    made = encoder()
    made.graph.input.append(helper.make_tensor_value_info("more", TensorProto.FLOAT, [1]))
    refused(write_bundle(tmp_path / "b", encoder=made.SerializeToString()), "encoder.onnx", "`more`")


def test_an_encoder_of_another_input_size(tmp_path):
    manifest = dataclasses.replace(MANIFEST, input=dataclasses.replace(MANIFEST.input, width=200))
    refused(write_bundle(tmp_path / "b", manifest), "encoder.onnx", "Got: 200 Expected: 192")


def test_a_vocabulary_that_the_fusion_does_not_know(tmp_path):
    words = "<pad>\n<unknown>\n" + "".join(f"word{index}\n" for index in range(100))
    refused(write_bundle(tmp_path / "b", vocabulary=words.encode()), "vocabulary.txt", "has 102 ids")


def test_a_network_that_returns_what_is_no_number(tmp_path):
    made = fusion()
    for tensor in made.graph.initializer:
        if tensor.name == "weights":
            weights = np.full(tuple(tensor.dims), np.nan, np.float32)
            tensor.CopyFrom(onnx.numpy_helper.from_array(weights, "weights"))
    refused(write_bundle(tmp_path / "b", fusion=made.SerializeToString()), "fusion.onnx", "not finite")


def test_an_export_that_was_stopped_is_refused(folder):
    """The manifest is written last, so new files stand beside the old manifest."""
    (folder / "encoder.onnx").write_bytes(fusion().SerializeToString())
    refused(folder, "encoder.onnx", "copy the whole bundle again")


def test_nothing_stays_behind_when_a_write_fails(folder):
    (folder / "vocabulary.txt").unlink()
    (folder / "vocabulary.txt").mkdir()
    with pytest.raises(OSError):
        bundle.write(folder, MANIFEST, {"vocabulary.txt": b"x"})
    assert not [path for path in folder.iterdir() if "partial" in path.name]


def test_a_bundle_in_the_home_folder_is_found(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    folder = write_bundle(tmp_path / "mine")
    assert Bundle.load("~/mine").folder == folder
    with pytest.raises(BundleError, match="there is no such folder"):
        Bundle.load("~nobody of this name/mine")
