from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refseg_ros.expression import MAX_CHARACTERS
from refseg_ros.node.queries import MOST_EXPRESSIONS, ActiveQueries, QueryError, separator_hint, split
from refseg_ros.text import quoted

TEXTS = st.text(st.characters(codec=None) | st.sampled_from(["\0", "\ud800", "\u202e", "\U0001f9ff"]))


@pytest.mark.parametrize(
    ("text", "expressions"),
    [
        ("the red mug", ("the red mug",)),
        (" the red mug ;the bowl;", ("the red mug", "the bowl")),
        ("red; red", ("red", "red")),
        ("", ()),
        (" ;\n;\t", ()),
        ("a;" * MOST_EXPRESSIONS + " ; ", ("a",) * MOST_EXPRESSIONS),
    ],
)
def test_expressions_stand_between_semicolons(text, expressions):
    assert split(text) == (expressions, False)


def test_what_is_too_much_is_said():
    assert split("a;" * (MOST_EXPRESSIONS + 1)) == (("a",) * MOST_EXPRESSIONS, True)
    ((one,), too_many) = split("x" * 10_000_000)
    assert len(one) == MAX_CHARACTERS + 1 and not too_many


@given(TEXTS)
def test_any_text_gives_few_expressions_that_a_message_can_carry(text):
    expressions, _ = split(text)
    assert len(expressions) <= MOST_EXPRESSIONS
    for expression in expressions:
        assert expression == expression.strip() != ""
        assert "\0" not in expression and ";" not in expression
        assert expression.encode("utf-8").decode("utf-8") == expression
        assert quoted(expression).isascii() and quoted(expression).isprintable()
        assert len(quoted(expression)) < 1000


def test_each_expression_has_a_number_of_its_own_that_never_comes_again():
    queries = ActiveQueries()
    assert queries.current == ()
    assert queries.replace("red; green")
    goal = queries.add_goal("the bowl", "front")
    (image,) = queries.number("the plate")
    assert [(query.id, query.text, query.of_goal) for query in queries.current] == [
        (1, "red", False),
        (2, "green", False),
        (3, "the bowl", True),
    ]
    assert image.id == 4
    assert [query.id for query in queries.of_camera("front")] == [1, 2, 3]
    assert [query.id for query in queries.of_camera("wrist")] == [1, 2], "the goal looks through another camera"
    assert queries.replace(" red ;green;")
    assert [query.id for query in queries.current] == [1, 2, 3], "the same again"
    queries.replace("blue")
    assert [query.id for query in queries.current] == [5, 3]
    queries.remove_goal(goal)
    queries.remove_goal(goal)
    queries.replace(" ")
    assert queries.current == ()
    assert queries.add_goal("red", "").id == 6


@pytest.mark.parametrize(("text", "words"), [("", "no expression"), (";", "no expression"), ("a;b", "has 2")])
def test_a_goal_is_one_expression(text, words):
    with pytest.raises(QueryError, match=words):
        ActiveQueries().add_goal(text, "")


def test_the_work_on_an_image_is_bounded():
    queries = ActiveQueries()
    assert not queries.replace("a;" * 100)
    with pytest.raises(QueryError, match="more than the 8"):
        queries.number("a;" * 100)
    for _ in range(MOST_EXPRESSIONS):
        queries.add_goal("red", "")
    with pytest.raises(QueryError, match="already"):
        queries.add_goal("red", "")
    assert len(queries.current) == 2 * MOST_EXPRESSIONS


@pytest.mark.parametrize(
    ("text", "separator"),
    [
        ("the red mug, the bowl", ","),
        ("the red mug and the bowl", "and"),
        ("the red mug & the bowl", "&"),
        ("the red mug|the bowl", "|"),
        ("the red mug. the bowl", "."),
        ("the red mug/the bowl", "/"),
        ("the red mug\nthe bowl", r"\n"),
        *[(f"the red mug{mark}the bowl", ascii(mark)[1:-1]) for mark in "，、؛\u037e﹔；。"],
        ("the black and white mug and the bowl", "and"),
        ("dr. pepper. the bowl", "."),
        ("the can; the mug between the can and the bowl, the banana", ","),
        ("robot, find the mug, the bowl", ","),
        ("mug, the 2nd bowl", ","),
    ],
)
def test_what_looks_like_several_expressions_gets_a_hint(text, separator):
    hint = separator_hint(ActiveQueries().number(text))
    assert f"only ; separates several, not '{separator}'" in hint and hint.isascii()


@pytest.mark.parametrize(
    "text",
    [
        "the red mug; the bowl",
        "the mug between the can and the bowl",
        "the mug between the can & the bowl",
        "the black and white mug",
        "the mug that is small and red",
        "the black & white mug.",
        "the mug of 1.5 cm, ",
        "the 1/2 full mug\n",
        "sand",
        "the Dr. Pepper can",
        "a St. Bernard",
        "guy w/ hat",
        "a cup w/o handle",
        "the black/white mug",
        "the M&M's bag",
        "the 1,000-piece puzzle",
        "the 1,5 l bottle",
        "\nthe mug",
        "robot, find the mug",
        "ok, the mug",
        "the mug, thank you",
    ],
)
def test_what_is_one_expression_gets_none(text):
    assert separator_hint(ActiveQueries().number(text)) == ""
