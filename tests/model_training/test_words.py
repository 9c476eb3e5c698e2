"""The nouns of households and their other names."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from model_training.words import known_nouns, names, synonyms_for
from refseg_ros.expression import Vocabulary, dump_synonyms, tokenise
from refseg_ros.language.noun_phrases import head_noun
from refseg_ros.simulation.wording import all_texts

DATA = Path(os.environ.get("REFSEG_DATA", Path(__file__).parents[3] / "shared" / "data"))


def household() -> Vocabulary:
    words = Vocabulary.of_texts([*all_texts(), *known_nouns()]).words[2:]
    return Vocabulary(words, synonyms_for(frozenset(words)))


def listed(name: str) -> object:
    path = DATA / name
    if not path.is_file():
        pytest.skip(f"{path} is not here")
    return json.loads(path.read_text())


def test_each_name_is_as_expressions_spell_it() -> None:
    for noun, others in names().items():
        for name in (noun, *others):
            assert " ".join(tokenise(name)) == name


def test_synonyms_lead_from_unknown_words_to_known_ones() -> None:
    vocabulary = household()
    assert vocabulary.synonyms["tumbler"] == "cup" and vocabulary.synonyms["fridge"] == "refrigerator"
    single = {noun: others for noun, others in names().items() if " " not in noun}
    assert all(other in vocabulary for others in single.values() for other in others if " " not in other)
    assert synonyms_for({"mug"}) == {}


def test_the_shipped_bundle_has_the_synonyms_of_its_words() -> None:
    from refseg_ros.engines.bundle import TABLETOP, Bundle

    bundle = Bundle.load(TABLETOP)
    assert bundle.contents["synonyms.txt"].decode() == dump_synonyms(synonyms_for(bundle.vocabulary().words))


def test_the_things_of_the_scans_are_known_by_their_nouns() -> None:
    vocabulary = household()
    for thing in listed("ycb_objects/objects.json"):
        assert vocabulary.encode(f"the {thing['noun']}", 8).understood, thing["noun"]


@pytest.mark.parametrize("name", ["coco_household", "pantry"])
def test_the_classes_of_photos_are_known(name: str) -> None:
    vocabulary = household()
    classes = [category["name"] for category in listed(f"{name}/instances.json")["categories"]]
    understood = [vocabulary.encode(f"the {words}", 8).understood for words in classes]
    assert sum(understood) >= 0.8 * len(classes), [c for c, known in zip(classes, understood, strict=True) if not known]


def test_names_that_others_wrote_down_are_mostly_understood() -> None:
    """One-word synonyms of LVIS for classes whose name is a known noun."""
    vocabulary, asked, missed = household(), 0, []
    for category in listed("lvis_names/lvis_v1_names.json"):
        spoken = [" ".join(tokenise(name.partition("_(")[0].replace("_", " "))) for name in category["synonyms"]]
        if spoken[0] in names():
            for word in spoken[1:]:
                if head_noun(tokenise(word)) is not None and " " not in word:
                    asked += 1
                    missed += [] if word in vocabulary else [word]
    assert asked > 25 and len(missed) < 0.4 * asked, missed
