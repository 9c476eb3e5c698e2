from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refseg_ros.expression import MAX_CHARACTERS
from refseg_ros.node.queries import MOST_EXPRESSIONS, QueryError, Questions, shown, split

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
        assert shown(expression).isascii() and shown(expression).isprintable()
        assert len(shown(expression)) < 1000


def test_each_expression_has_a_number_of_its_own_that_never_comes_again():
    questions = Questions()
    assert questions.current == ()
    assert questions.ask("red; green")
    goal = questions.pursue("the bowl")
    (image,) = questions.number("the plate")
    assert [(query.id, query.text, query.pursued) for query in questions.current] == [
        (1, "red", False),
        (2, "green", False),
        (3, "the bowl", True),
    ]
    assert image.id == 4
    questions.ask("blue")
    assert [query.id for query in questions.current] == [5, 3]
    questions.drop(goal)
    questions.drop(goal)
    questions.ask(" ")
    assert questions.current == ()
    assert questions.pursue("red").id == 6


@pytest.mark.parametrize(("text", "words"), [("", "no expression"), (";", "no expression"), ("a;b", "has 2")])
def test_a_goal_is_one_expression(text, words):
    with pytest.raises(QueryError, match=words):
        Questions().pursue(text)


def test_the_work_on_an_image_is_bounded():
    questions = Questions()
    assert not questions.ask("a;" * 100)
    with pytest.raises(QueryError, match="more than the 8"):
        questions.number("a;" * 100)
    for _ in range(MOST_EXPRESSIONS):
        questions.pursue("red")
    with pytest.raises(QueryError, match="already"):
        questions.pursue("red")
    assert len(questions.current) == 2 * MOST_EXPRESSIONS
