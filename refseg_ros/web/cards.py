"""The answers, queries and diagnostics as HTML. Every text from outside is escaped here."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from html import escape

from refseg_ros.answer import Answer, Verdict
from refseg_ros.text import printable
from refseg_ros.web.diagnosis import FAULT, FINE, WARNING, Finding
from refseg_ros.web.moment import Moment, Sighting
from refseg_ros.web.words import Word, words_of

LONGEST = 160
"""Characters of an expression that are shown."""
_SCORED = (Verdict.FOUND, Verdict.UNCERTAIN, Verdict.NOT_FOUND)
_LEVELS = {FINE: "fine", WARNING: "warning", FAULT: "fault"}


def shown(text: str) -> str:
    """The beginning of a text in one line, escaped for HTML."""
    return escape(brief(text, LONGEST))


def brief(text: str, most: int = 90) -> str:
    """The beginning of a text in one line."""
    line = printable(text[: 2 * most])
    return line if len(line) <= most else f"{line[:most]}…"


def quiet(text: str) -> str:
    """A line for where there is nothing yet; `text` must be our own, since it is not escaped."""
    return f'<p class="quiet">{text}</p>'


def summary(moment: Moment) -> str:
    """The verdicts in a sentence, for screen readers."""
    return "; ".join(f"{one.answer.verdict.label}: {printable(one.answer.text[:LONGEST])}" for one in moment.sightings)


def query_buttons(texts: Sequence[str]) -> str:
    """A button for each query, which asks it."""
    buttons = (f'<button type="button" data-ask="{escape(text)}">{shown(text)}</button>' for text in texts)
    return f'<div class="queries">{"".join(buttons)}</div>'


def finding_lines(findings: Sequence[Finding]) -> str:
    """A line for each finding."""
    named = ((_LEVELS.get(finding.level, "fault"), finding.text) for finding in findings)
    lines = (
        f'<li class="{level}"><span class="sr-only">{level}: </span>{escape(brief(text, 600))}</li>'
        for level, text in named
    )
    return f'<ul class="findings">{"".join(lines)}</ul>'


def place_words(sighting: Sighting) -> str:
    """Where a thing is and how large, in words, or why that is not known; empty without depth."""
    place = sighting.place
    if place is None:
        return f"not placed in space: {printable(sighting.not_placed)}" if sighting.not_placed else ""
    x, y, z = place.centre
    size = " × ".join(f"{100 * length:.0f}" for length in place.size)
    return f"at {x:.3f}, {y:.3f}, {z:.3f} m in {printable(place.frame_id)}, {size} cm"


def expression(answer: Answer, vocabulary: Collection[str]) -> str:
    """The words of an expression, underlined by their weight, unknown ones struck through."""
    words = words_of(answer, vocabulary)
    return " ".join(map(_word, words)) if words else shown(answer.text)


def verdict(answer: Answer) -> str:
    """The verdict, and the score where it has one."""
    percent = round(100 * answer.score)
    score = (
        f'<span class="score" role="img" aria-label="score {percent} percent"><i style="width:{percent}%"></i></span>'
        f'<span class="number">{answer.score:.2f}</span>'
    )
    return f"<b>{answer.verdict.label}</b>{score if answer.verdict in _SCORED else ''}"


def notes(sighting: Sighting, truth: str) -> str:
    """Whether the thing stands still, where it is, and `truth`: what it truly is, or ""."""
    found = ("stands still" if sighting.stable else "", place_words(sighting), truth)
    return escape(" · ".join(note for note in found if note))


def hints(answer: Answer, vocabulary: Collection[str]) -> str:
    """What to ask instead, with buttons that ask it; empty where the expression is understood."""
    words = words_of(answer, vocabulary)
    lines = [
        f'Did you mean <button type="button" data-ask="{escape(_mended(words))}">'
        f"{escape(word.meant)}</button> for {shown(word.text)}?"
        for word in words
        if word.meant
    ]
    if answer.truncated_words:
        lines.append(f"Not read, it is too long: {shown(' '.join(answer.truncated_words))}")
    if answer.verdict is Verdict.NOT_UNDERSTOOD and not lines:
        lines.append("Name a thing, such as “the red mug”.")
    return "".join(f'<p class="hint">{line}</p>' for line in lines)


def _word(word: Word) -> str:
    if not word.known:
        return f'<s title="the model does not know this word">{shown(word.text)}</s>'
    return f'<span class="word" style="--weight:{word.weight:.2f}">{shown(word.text)}</span>'


def _mended(words: Sequence[Word]) -> str:
    """The expression with the known words that were meant."""
    return " ".join(word.meant or word.text for word in words)
