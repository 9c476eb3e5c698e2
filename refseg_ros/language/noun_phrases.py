"""Finds the head noun of a short English expression: "car" in "the black car on the left".

It uses closed lists of words (requests, prepositions, adjectives) and no dictionary of nouns, so it works with unknown
nouns. The head is the last noun before the words that describe it further.
"""

from __future__ import annotations

from collections.abc import Sequence


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_REQUESTS = _words(
    "please hey hi hello ok okay find show pick grab get give take bring fetch pass locate select segment highlight "
    "choose touch point look see go move drive where what which i'd i'll we let lets let's search detect identify "
    "follow reach approach need want is are there could would should now then navigate focus "
    "where's what's how i'm am help tell may um uh er hmm so sorry yes"
)
"""Verbs and courtesies at the beginning of an expression."""

_REQUESTS_BEFORE_A_PERSON = _words(
    "can will hand watch mark track hold place i turn robot push pull lift put do just have well no"
)
"""Words that ask only before another verb, a person or an article: "can you", but not "can on the left"."""

_REQUESTS_BEFORE_A_GOAL = _words("walk come head turn")
"""Words that ask only before "to" or "towards": "head to the mug", but not "head on the left"."""

_AFTER_THOSE = (_REQUESTS | _words("me us you i we the a an this my your")) - {"please"}

_REQUEST_FILLERS = _words(
    "me us you it up at to toward towards for over out down here i we like see seen have about am looking"
)
"""Words between the verb of a request and the thing."""

ONLY_ASKING = _REQUESTS | _REQUEST_FILLERS
"""Words of a request that name no thing elsewhere, as "can" and "hand" do."""

_AFTER_VERBS = _words("the a an this these my your")
"""What may stand right after a verb and not after a noun. Without "that": "mug that is red"."""

_COURTESIES = [
    wording.split()
    for wording in (
        *("thank you very much", "thank you so much", "thanks a lot", "thanks so much", "thank you", "right now"),
        *("right away", "for me", "please", "thanks", "now", "then", "robot", "you"),
    )
]
"""Wordings after the thing, each before those that it ends with. "you" is there since "closest to" says enough."""

_RETURNS = _words("give bring get take hand put want")
"""Requests in which "back" after the thing is no place: "give me the mug back"."""

_DETERMINERS = _words(
    "the a an this that these those my your our their his her its some any all both every each another other"
)

_PLACES = _words("left right top bottom front back middle center centre side corner edge far rear")
"""Words for a place: adjectives before a noun ("left mug"), adverbs after it ("mug left"), never things."""

_ADJECTIVES = _words(
    "red yellow green blue purple violet pink brown white black gray grey beige tan silver golden turquoise teal "
    "maroon navy cyan magenta multicolored multicoloured colorful colourful dark light bright pale clear "
    "transparent shiny shiney small smaller smallest little tiny big bigger biggest large larger largest huge tall "
    "taller tallest short shorter shortest long longer longest thin thinner thinnest thick thicker thickest fat "
    "skinny wide narrow high higher highest low lower lowest upper great biggish medium mini full empty half whole "
    "open closed old older oldest young younger youngest new first second third fourth fifth sixth last next 1st "
    "2nd 3rd 4th 5th one's two three four five six seven eight nine ten near nearer nearest close closer closest "
    "farther farthest further furthest central outer inner leftmost rightmost topmost bottommost foremost most more "
    "less least very really only same different single main round square rectangular flat still wooden plastic "
    "metallic blurry striped stripped plaid checkered spotted floral fuzzy furry hairy bald blond blonde broken "
    "clean dirty ripe fresh non brighter darker lighter visible partial complete entire alone nearby upright sideways "
    "upside happy sad cute nice good cool pretty nude naked shirtless asian no"
)
"""Includes what the expressions of RefCOCO and ReferIt say of people in photos."""

_ALSO_NOUNS = _words("orange gold one light second glass open square flat round high low last half short back front")
"""Words that are the head if there is no other noun: "the orange", "the light one"."""

_HEADS_OF_LAST_RESORT = _words("orange gold light")

_BREAKS = _words(
    "in on at of with without by behind beside besides between under underneath beneath below above over near "
    "against around across along inside outside into onto off out up down from to toward towards away before after "
    "through next beyond among opposite past than like as per about for upon within via atop w you he she it they we i "
    "who whose whom where when while because that which if but and or not nor is isn't are aren't was wasn't were "
    "be being been has hasn't have having had does doesn't do did can't cannot will please thanks thank here there "
    "just also too only only's looks says sits stands holds wears faces nearest furthest closest farthest again "
    "now then that's thats who's it's"
)
"""Words that may follow a noun and begin its further description."""

_PARTICLES = _words("down off out over through up")
_JOINING = _words("and or not only just next near very") | _PARTICLES
"""Those of them that may also stand within the words before a noun: "black and white cat", "upside-down mug"."""

_PARTITIVES = _words(
    "one pair half piece slice part portion bunch kind type sort set group pile stack couple lot lots some any all "
    "none each both most rest bit pack"
)
"""Words before "of" that count or portion the noun after it: "pair of scissors"."""

_NOUNS_IN_ING = _words(
    "thing anything something everything nothing ring string king wing building painting drawing ceiling clothing "
    "icing frosting railing pudding dumpling dressing seasoning stuffing sling spring swing sing wedding earring "
    "bling awning siding topping filling coating duckling sibling lightning evening morning landing opening bedding "
    "lettering"
)
_NOUNS_IN_ED = _words("bed shed sled seed weed reed bread moped biped speed feed")

_IRREGULAR_PARTICIPLES = _words(
    "beaten begun bent bitten blown born bought bound brought built burnt caught chosen cut dealt done drawn driven "
    "eaten fallen fed flown flung forgotten found frozen given gone grown held hidden hung hurt kept knelt known laid "
    "lain leant lent lit made meant melt met mown paid put ridden said sat see seen sent sewn shaken shown shrunk "
    "shut slept slung sold spent spilt split spun stolen stood strewn struck strung stuck sunk swept swung taken "
    "taught thrown told torn upset woken won worn woven written"
)
"""Without those that name things, too: felt, ground, led, saw, set, shot, spread, wound. "see" is that of
"see-through"."""

_DIGITS = frozenset("0123456789")


def request(words: Sequence[str]) -> int:
    """How many words at the beginning only ask: 2 in "show me the red mug".

    Args:
        words: in lower case, as `expression.tokenise` gives them.
    """
    count = 0
    while count < len(words) and (_asks(words, count) or (count and _fills(words, count))):
        count += 1
    return count


def _asks(words: Sequence[str], at: int) -> bool:
    if words[at] in _REQUESTS or _is_verb(words, at):
        return True
    return words[at] in _REQUESTS_BEFORE_A_PERSON and at + 1 < len(words) and _is_verb(words, at + 1)


def _fills(words: Sequence[str], at: int) -> bool:
    return words[at] in _REQUEST_FILLERS or (words[at] == "on" and words[at - 1] == "focus")


def _is_verb(words: Sequence[str], at: int) -> bool:
    """Whether a word that may be a noun asks: "grasp the mug", but not "table the cake is on"."""
    word, following = words[at], words[at + 1] if at + 1 < len(words) else ""
    if word in _REQUESTS_BEFORE_A_PERSON and following in _AFTER_THOSE:
        return True
    after = [later for later in words[at + 1 : at + 3] if later not in _PARTICLES]  # "walk over to the mug"
    if word in _REQUESTS_BEFORE_A_GOAL and after and after[0] in ("to", "toward", "towards"):
        return True
    if following not in _AFTER_VERBS or not _may_be_noun(word):
        return False
    clauses = [later for later in range(at + 1, len(words)) if words[later] in ("is", "are", "was", "were")]
    return all(words[clause - 1] in ("that", "which", "who") for clause in clauses)


def courtesy(words: Sequence[str]) -> int:
    """How many words at the end are courtesies: 2 in "the red mug, thank you".

    Args:
        words: in lower case, as `expression.tokenise` gives them.
    """
    count = 0
    while closing := _closing(words[: len(words) - count]):
        count += closing
    return count


def _closing(words: Sequence[str]) -> int:
    """How many words the last courtesy has."""
    for said in _COURTESIES:
        before, last = words[: -len(said)], list(words[-len(said) :])
        if last == said and not (said[0] == "right" and _is_place(before)):
            return len(said)
    if not words or words[-1] != "back" or _RETURNS.isdisjoint(words[: request(words)]):
        return 0
    return int(head_noun(words[:-1]) == len(words) - 2)  # not "give me the mug at the back"


def _is_place(before: Sequence[str]) -> bool:
    """Whether a "right" after these words is a place: "the mug on the right now"."""
    return not before or not (_may_be_noun(before[-1]) or before[-1] in ("one", "left", "right"))


def head_noun(words: Sequence[str]) -> int | None:
    """Index of the head noun of an expression; None if it names only a place or a colour, or nothing.

    Args:
        words: in lower case, as `expression.tokenise` gives them.
    """
    at = request(words)
    while True:
        at, head = _noun(words, _placed(words, at))
        portioned = head is None or words[head] in _PARTITIVES
        if not (portioned and at > 0 and words[at : at + 1] == ["of"] and words[at - 1] in _PARTITIVES):
            return head
        at += 1


def _placed(words: Sequence[str], at: int) -> int:
    """Where the noun phrase begins after a place in front of it: "second from the left" mug, "on the left" mug."""
    begin = at
    while at < len(words) and (words[at] in _DETERMINERS or words[at] in _ADJECTIVES):
        at += 1
    if at < len(words) and words[at] in ("from", "on", "at", "in"):
        at += 1
        while at < len(words) and words[at] in _DETERMINERS:
            at += 1
        first = at
        while at < len(words) and words[at] in _PLACES:
            at += 1
        if first < at < len(words) and _may_be_noun(words[at]):
            return at
    return begin


def _noun(words: Sequence[str], at: int) -> tuple[int, int | None]:
    """The end of the noun phrase that begins at `at`, and its head."""
    head: int | None = None
    resort: int | None = None
    while at < len(words):
        word, following = words[at], words[at + 1 : at + 2]
        nouns_follow = bool(following) and _may_be_noun(following[0])
        begins_clause = head is not None and word in _BREAKS  # "mug that's red", not "man's hand"
        if (word.endswith("'s") and not begins_clause) or (word in _DETERMINERS and head is None):
            head = None
        elif head is None and resort is None and word in _JOINING and following:
            pass
        elif word in _BREAKS and not (head is None and word in _ADJECTIVES) or word in _DETERMINERS:
            break
        elif word in _PLACES or word in _ADJECTIVES or _is_number(word, following):
            if head is not None and not (word in _ALSO_NOUNS and not nouns_follow and word not in _PLACES):
                break  # "man white shirt", "mug left"
            if word in _HEADS_OF_LAST_RESORT or word in ("one", "number"):
                resort = at
        elif word in _ALSO_NOUNS and nouns_follow and head is not None:
            break  # "man orange shirt"
        elif _is_participle(word):
            has_none = head is None or words[head] in _HEADS_OF_LAST_RESORT
            if has_none and not nouns_follow and _names_a_thing(words, at):
                head = at
            elif not (head is None and resort is None) and (word.endswith("ing") or not nouns_follow):
                break  # "man holding", "cake half eaten"
        elif head is None or words[head] in _HEADS_OF_LAST_RESORT or word[0].isalnum():  # else a sign: "mug ☕"
            head = at
        at += 1
    return at, resort if head is None else head


def _is_number(word: str, following: Sequence[str]) -> bool:
    """Whether a word is "2", "2nd" or the "number" of "number 2"."""
    return not _DIGITS.isdisjoint("".join(following) if word == "number" else word)


def _names_a_thing(words: Sequence[str], at: int) -> bool:
    """Whether a word in -ing ends a noun phrase: "the red bearing", "the housing on the left", not "man standing"."""
    before, following = words[:at], words[at + 1 : at + 3]
    describes = len(following) == 2 and following[0] in _PARTICLES and _may_be_noun(following[1])  # "laying down sheep"
    return (
        words[at].endswith("ing")
        and any(word in _DETERMINERS for word in before)
        and before[-1] in _DETERMINERS | _ADJECTIVES | _HEADS_OF_LAST_RESORT
        and (not following or (following[0] in _BREAKS and not describes))
    )


def _may_be_noun(word: str) -> bool:
    return not (
        word in _BREAKS or word in _DETERMINERS or word in _PLACES or word in _ADJECTIVES or _is_participle(word)
    )


def _is_participle(word: str) -> bool:
    if word.endswith("ing"):
        return len(word) > 4 and word not in _NOUNS_IN_ING
    return word in _IRREGULAR_PARTICIPLES or word.endswith("ed") and len(word) > 3 and word not in _NOUNS_IN_ED
