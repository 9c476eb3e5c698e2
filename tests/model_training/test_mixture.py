"""Tables, scans and photos in one run: what a batch depends on, what each part brings, and a run that goes on."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from model_training import train
from model_training.configs import household
from model_training.configs.schema import Config, Mix
from model_training.datasets.photo_scenes import photo_scenes, piece
from model_training.datasets.photos import Photos
from model_training.datasets.phrase_choice import contrasted
from model_training.datasets.pool import Pool
from model_training.datasets.rendering import RenderedScene
from model_training.datasets.scene_batches import LISTED, SceneBatches
from model_training.learning import checkpoint
from model_training.learning.backbone_weights import imagenet_file, read_tensors
from model_training.learning.training import Training
from model_training.sources.choice import source_of
from model_training.sources.mixture import Mixture
from refseg_ros.simulation.phrases import Phrase
from tests.model_training import tiny
from tests.model_training.datasets.test_photos import CUPS, write
from tests.model_training.folder import write_folder
from tests.model_training.test_train import interrupt_at

OBJ = "v 0 0 0\nv 0.06 0 0\nv 0.06 0.06 0\nv 0 0.06 0\nv 0.03 0.03 0.08\n" + "".join(
    f"f {face}\n" for face in ("1 3 2", "1 4 3", "1 2 5", "2 3 5", "3 4 5", "4 1 5")
)
CPU = torch.device("cpu")
NETWORK = replace(
    tiny.NETWORK,
    backbone="efficientnet-lite0",
    stem_channels=32,
    colour_channels=0,
    skip_channels=4,
    attention_heads=2,
    counting_channels=4,
)
CONFIG = replace(
    tiny.CONFIG,
    name="tiny-household",
    network=NETWORK,
    mix=Mix(tables=0.3, scans=0.4, photos=0.3, scan_scenes=replace(tiny.CONFIG.scenes, scenes=8, moving_share=0.25)),
    phases=tuple(replace(phase, steps=2, frames=6) for phase in tiny.CONFIG.phases),
    imagenet=True,
    contrasts=household.CONFIG.contrasts,
    unseen_scenes=2,
)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("mix")
    (root / "objects").mkdir()
    for name in ("red_widget", "blue_widget", "green_gadget"):
        (root / "objects" / f"{name}.obj").write_text(OBJ)
    write(root / "photos", [*CUPS, (5, (60, 90, 30, 8), "yellow", False)])
    return {name: root / name for name in ("objects", "photos", "data")}


@pytest.fixture(scope="module")
def mixture(folders: dict[str, Path]) -> Mixture:
    return mixed(folders)


def mixed(folders: dict[str, Path], config: Config = CONFIG) -> Mixture:
    return Mixture(config, folders["data"], folders["objects"], [folders["photos"]], workers=1)


def test_a_batch_is_of_all_parts_and_a_function_of_its_step(mixture: Mixture, folders: dict[str, Path]) -> None:
    again, drawn = mixed(folders).drawn(1), mixture.drawn(1)
    for step in (1, 0):
        for ours, theirs in zip(drawn[step][:4], again[step][:4], strict=True):
            assert np.array_equal(ours, theirs)
    words = {mixture.vocabulary.words[i] for step in range(12) for i in np.unique(drawn[step].words)}
    assert {"widget", "gadget", "cup", "banana"} <= words


def test_the_words_and_nouns_are_those_of_all_parts(mixture: Mixture) -> None:
    assert {"widget", "gadget", "cup", "banana", "mug", "hammer"} <= set(mixture.config.nouns)
    assert {"widget", "please", "saltshaker"} & set(mixture.vocabulary.words) >= {"widget", "please"}
    assert mixture.config.network.vocabulary == len(mixture.vocabulary)


def test_labels_of_a_frame_are_shares(mixture: Mixture) -> None:
    """Background and classes make up each cell, but in photos, whose lists are not believed to the end."""
    sums = set()
    for step in range(8):
        dense = mixture.drawn(0)[step].labels.dense[8]
        share = dense[:, : 1 + len(mixture.config.nouns)].sum(1)
        assert (share < 1 + 1e-5).all() and (share > LISTED - 1e-5).all()
        sums |= {round(float(frame.max() - frame.min()), 1) > 0 for frame in share}
    assert sums == {True, False}


def test_processes_share_a_batch(mixture: Mixture) -> None:
    pools, words = mixture._learned, mixture.vocabulary
    whole, *shares = (
        SceneBatches(pools, words, 8, 4, 2, 0.3, 5, rank, ranks, mixture.config.nouns)
        for rank, ranks in ((0, 1), (0, 2), (1, 2))
    )
    for step in range(4):
        halves = [share[step] for share in shares]
        # The parts of a batch are interleaved: rank 0 has frames 0 and 2.
        for name in ("clips", "words", "masks", "present"):
            joined = np.stack([getattr(half, name) for half in halves], 1).reshape(getattr(whole[step], name).shape)
            assert np.array_equal(joined, getattr(whole[step], name))


def test_a_mesh_that_is_left_out_is_told(folders: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copy(folders["objects"] / "red_widget.obj", folders["objects"] / "red_widget.ply")
    try:
        mixed(folders)
    finally:
        (folders["objects"] / "red_widget.ply").unlink()
    assert "red_widget.ply: is left out" in capsys.readouterr().err


def test_weights_say_how_often(mixture: Mixture) -> None:
    """Without photos and scans only what tables can be is said."""
    tables, scans, _ = mixture._learned
    heavy = SceneBatches([replace(tables, weight=1e-9), scans], mixture.vocabulary, 8, 8, 2, 0.0, 0)
    light = SceneBatches([tables, replace(scans, weight=1e-9)], mixture.vocabulary, 8, 8, 2, 0.0, 0)
    said = [
        {mixture.vocabulary.words[i] for step in range(6) for i in np.unique(part[step].words)}
        for part in (heavy, light)
    ]
    assert "widget" in said[0] and "widget" not in said[1]


def test_a_run_goes_on_and_refuses_other_parts(
    folders: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = {"objects": folders["objects"], "photos": [folders["photos"]]}
    through = train.train(CONFIG, tmp_path / "a", folders["data"], 1, CPU, **arguments)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        interrupt_at(patch, phase=1, step=0)
        train.train(CONFIG, tmp_path / "b", folders["data"], 1, CPU, **arguments)
    resumed = train.train(CONFIG, tmp_path / "b", folders["data"], 1, CPU, **arguments)
    (ours, facts), (theirs, _) = checkpoint.load(resumed), checkpoint.load(through)
    assert "widget" in facts["vocabulary"] and facts["photos"] == ["photos of photos"]
    assert ours.keys() == theirs.keys()
    with pytest.raises(ValueError, match="another (mix|scans|scenes|photos|vocabulary|network)"):
        train.train(CONFIG, tmp_path / "b", folders["data"], 1, CPU, objects=folders["objects"])
    fewer = replace(CONFIG, mix=replace(CONFIG.mix, scan_scenes=replace(CONFIG.mix.scan_scenes, scenes=4)))
    with pytest.raises(ValueError, match="another mix; use another --out"):
        train.train(fewer, tmp_path / "b", tmp_path / "data", 1, CPU, **arguments)
    assert not (tmp_path / "data").exists(), "refused before anything is rendered"


def test_other_photos_are_another_run(folders: dict[str, Path], tmp_path: Path) -> None:
    same, other = (shutil.copytree(folders["photos"], tmp_path / place / "photos") for place in "ab")
    write(other, [*CUPS[:2], (1, (130, 55, 20, 20), "red", False), (5, (60, 90, 30, 8), "yellow", False)])
    facts = [Mixture(CONFIG, tmp_path, None, [photos], 1).facts for photos in (folders["photos"], same, other)]
    assert facts[0] == facts[1]
    assert [name for name in facts[0] if facts[0][name] != facts[2][name]] == ["version of the photos"]


def test_a_bad_mesh_is_refused_before_anything_is_rendered(folders: dict[str, Path], tmp_path: Path) -> None:
    shutil.copytree(folders["objects"], tmp_path / "objects")
    (tmp_path / "objects" / "bolt.stl").write_bytes(b"half a mesh")
    with pytest.raises(ValueError, match=r"bolt\.stl: is damaged"):
        train.train(CONFIG, tmp_path / "run", tmp_path / "data", 1, CPU, objects=tmp_path / "objects")
    assert not (tmp_path / "data").exists()


def test_what_a_backbone_forgot_comes_back_in_part(tmp_path: Path) -> None:
    torch.manual_seed(3)
    start, share = tmp_path / "start.safetensors", 0.25
    prepared = {"pixel_mean": (127.0, 127.0, 127.0), "pixel_std": (128.0, 128.0, 128.0)}  # as ImageNet's want it
    config = replace(CONFIG, network=replace(NETWORK, **prepared))
    before, state = Training(config, CPU).average, Training(config, CPU)
    weights = {
        name: torch.rand_like(value) for name, value in before.items() if name.startswith("encoder.") and value.ndim
    }
    checkpoint.save(start, before | weights, {})
    (report,) = train.begun(state, start, imagenet_share=share)
    assert not report.missing
    imagenet = read_tensors(imagenet_file(NETWORK.backbone))
    for name, value in state.model.state_dict().items():
        if name in weights:
            theirs = imagenet.get(name.removeprefix("encoder.backbone."))
            wanted = weights[name] if theirs is None else share * theirs + (1 - share) * weights[name]
            assert torch.allclose(value, wanted, atol=1e-6), name
        assert torch.equal(state.average[name], value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--imagenet-share", "0.5"], "--imagenet-share has no effect without --start"),
        (
            ["--imagenet-share", "1.5", "--start", "w.safetensors"],
            "--imagenet-share is 1.5; it must be between 0 and 1",
        ),
        (
            ["--imagenet-share", "0.5", "--start", "w.safetensors", "--config", "tabletop"],
            "--imagenet-share has no effect with tabletop, which did not begin with ImageNet's weights",
        ),
    ],
)
def test_a_share_that_does_nothing_is_refused(
    options: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train.main(["--config", "household", *options]) == 2
    assert message in capsys.readouterr().err.splitlines()[-1]


def test_nothing_to_mix_in_is_refused(folders: dict[str, Path]) -> None:
    config = replace(CONFIG, mix=replace(CONFIG.mix, tables=0.0))
    with pytest.raises(ValueError, match="give --objects or --photos"):
        Mixture(config, folders["data"], None, [], workers=1)
    with pytest.raises(ValueError, match="give --objects or --photos"):
        Mixture(CONFIG, folders["data"], None, [], workers=1)
    with pytest.raises(ValueError, match="mixes nothing in"):
        source_of(tiny.CONFIG, folders["data"], 1, folders["data"], objects=folders["objects"])


@pytest.mark.parametrize("photos", [False, True])
def test_parts_without_meshes_is_one_line(
    folders: dict[str, Path], tmp_path: Path, photos: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--config", "parts", "--out", str(tmp_path / "run"), "--data", str(tmp_path / "data"), "--device", "cpu"]
    assert train.main([*options, *(["--photos", str(folders["photos"])] if photos else [])]) == 2
    assert capsys.readouterr().err == "error: the configuration parts is given nothing to mix in; give --objects\n"
    assert not (tmp_path / "data").exists()


def test_orders_are_followed_by_their_like() -> None:
    one, other = (
        Phrase(f"the {rank} mug", "order", target, (1, 2, 3)) for rank, target in (("first", 1), ("second", 2))
    )
    beyond = Phrase("the fourth mug", "absent", None, (3, 2, 1), reason="order")
    elsewhere = Phrase("the first bowl", "order", 7, (7, 8, 9))
    offered, followers = [one, other, beyond, elsewhere], set()
    for seed in range(40):
        rng = np.random.default_rng(seed)
        followers.add(contrasted([one, elsewhere], rng, offered, ("order",))[1].text)
    assert followers == {other.text, beyond.text, elsewhere.text}
    rng = np.random.default_rng(0)
    assert contrasted([one, elsewhere], rng, offered) == [one, elsewhere]


def test_of_a_photo_only_what_its_own_list_would_name_is_called_absent(
    folders: dict[str, Path], tmp_path: Path
) -> None:
    """Another folder's list names things that may be in view here, and that nobody outlined."""
    other = write(tmp_path / "other", CUPS)
    listed = json.loads((other / "instances.json").read_text())
    listed["categories"] = [
        kind | {"name": {"cup": "kettle"}.get(kind["name"], "person")} for kind in listed["categories"]
    ]
    (other / "instances.json").write_text(json.dumps(listed))
    mix = Mixture(CONFIG, tmp_path, folders["objects"], [folders["photos"], other], 1)
    of_photos = [source() for source in mix._sources[2:]]
    assert [part.title for part in of_photos] == ["photos of photos", "photos of other"]
    assert [part.learned.weight for part in of_photos] == [CONFIG.mix.photos / 2] * 2
    for part, own, others in zip(of_photos, ("cup", "kettle"), ("kettle", "cup"), strict=True):
        (scene,) = part.learned.scenes
        said = " ".join(p.text for seed in range(30) for p in part.learned.said(scene, np.random.default_rng(seed)))
        assert own in said and others not in said
    scans = mix._sources[1].args[-1]
    assert "kettle" in scans and "person" not in scans, "people are laid over scenes of scans"


def test_a_photo_s_crowd_is_not_said(tmp_path: Path) -> None:
    reader = Photos(write(tmp_path, [*CUPS, (2, (0, 0, 90, 30), "blue", True)]))
    (scene,) = photo_scenes(reader, reader.splits[0])

    def cut(scene: RenderedScene, rng: np.random.Generator) -> RenderedScene:
        return piece(scene, 48, 64, 128, rng)

    pool = Pool([scene], nouns=reader.nouns, cut=cut)
    said = {phrase.text for seed in range(30) for phrase in pool.said(scene, np.random.default_rng(seed))}
    assert said and not any("couch" in text or "sofa" in text for text in said)


LESSONS = replace(CONFIG, mix=replace(CONFIG.mix, tables=0.5, scans=0.0, photos=0.0, frames=0.5))


def test_a_person_s_frames_are_learned_among_tables(
    folders: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = write_folder(tmp_path / "own")
    table = own / "expressions.csv"
    table.write_text(table.read_text().replace("the green box", "the doohickey"))
    lessons = Mixture(LESSONS, folders["data"], None, [], 1, frames=[own])
    assert {"doohickey", "box", "mug"} <= set(lessons.vocabulary.words)
    said = {lessons.vocabulary.words[i] for step in range(8) for i in np.unique(lessons.drawn(1)[step].words)}
    assert "doohickey" in said and "mug" in said
    through = train.train(LESSONS, tmp_path / "a", folders["data"], 1, CPU, frames=[own])
    assert re.search(r"own frames of own, val: overall .* of 3 expressions, .* of 4\n", capsys.readouterr().out)
    assert checkpoint.load(through)[1]["frames"] == ["own frames of own"]
    table.write_text(table.read_text().replace("0-red", "0-?").replace("0-blue", "0-red").replace("0-?", "0-blue"))
    with pytest.raises(ValueError, match="of a run with another version of the frames; use another --out"):
        train.train(LESSONS, tmp_path / "a", folders["data"], 1, CPU, frames=[own])


def test_words_of_the_weights_that_a_run_begins_with_stay_known(folders: dict[str, Path], tmp_path: Path) -> None:
    own = write_folder(tmp_path / "own")
    parts = {"objects": folders["objects"], "photos": [folders["photos"]]}
    begun = train.train(CONFIG, tmp_path / "a", folders["data"], 1, CPU, **parts)
    config = replace(LESSONS, goes_on=True, phases=(replace(CONFIG.phases[1], steps=1, encoder_factor=0.0),))
    with pytest.raises(
        ValueError, match="the configuration tiny-household goes on from finished weights; give --start"
    ):
        train.train(config, tmp_path / "b", folders["data"], 1, CPU, frames=[own])
    on = train.train(config, tmp_path / "b", folders["data"], 1, CPU, begun, frames=[own])
    (before, facts), (after, known) = checkpoint.load(begun), checkpoint.load(on)
    assert "widget" in facts["vocabulary"] and set(facts["vocabulary"]) <= set(known["vocabulary"])
    assert "box" in known["vocabulary"] and "yellow" in known["vocabulary"]
    frozen = [name for name in before if name.startswith("encoder.backbone.")]
    assert frozen and all(torch.equal(before[name], after[name]) for name in frozen)


def test_what_a_configuration_does_not_mix_is_refused(folders: dict[str, Path], tmp_path: Path) -> None:
    own = write_folder(tmp_path / "own")
    with pytest.raises(ValueError, match="is given nothing to mix in; give --frames"):
        Mixture(LESSONS, folders["data"], None, [], 1)
    for config, more, name in (
        (LESSONS, {"objects": folders["objects"]}, "objects"),
        (LESSONS, {"photos": [folders["photos"]]}, "photos"),
        (CONFIG, {"objects": folders["objects"]}, "frames"),
    ):
        given = {"objects": None, "photos": [], "frames": [own], "workers": 1} | more
        with pytest.raises(ValueError, match=f"mixes no {name} in; leave --{name} out"):
            Mixture(config, folders["data"], **given)
