"""The turns of phrase, English and Spanish, that leave something out of a dish: "without …", "sin …", "… allergy"."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlops.recommendation import Language

_WHO = r"(?:(?:i|we|he|she|they|who|that|which) )?"
_CANNOT = (
    r"(?:can't|cannot|can not|don't|do not|doesn't|does not|won't|shouldn't|should not|mustn't|must not|dont|cant)"
)
_QUIEN = r"(?:(?:yo|nosotros|mi hij[oa]) )?"
FORMS: dict[str, tuple[str, ...]] = {
    "en_allergy": (
        r"(?:(?:i'm|i am|we are|is|are|am|people) )?(?:(?:very|severely|highly|also) )?allergic to",
        r"(?:(?:i'm|i am|we are|is|are|am|people) )?(?:intolerant (?:to|of)|sensitive to)",
        rf"{_WHO}(?:(?:have|has|had|with) )?(?:an? )?(?:allerg(?:y|ies)|intolerances?|sensitivity)(?: to|:)",
    ),
    "es_allergy": (
        rf"{_QUIEN}(?:(?:soy|es|somos|son|para) )?(?:muy )?(?:alergic[oa]s?|intolerantes?|sensibles?)(?: al?|:)",
        rf"{_QUIEN}(?:(?:tengo|tiene|tenemos|con|por) )?(?:una )?(?:alergias?|intolerancias?)(?: al?|:)",
    ),
    "es_without": (
        r"sin(?: (?:nada de|usar|utilizar|anadir|echar|poner|llevar|que lleve|que tenga|contener))?",
        r"libres? de",
        r"(?:que )?(?:no|nunca) (?:llev[ae]n?|contengan?|contienen?|tengan?|tienen?|incluyan?)(?: nada de)?",
        r"(?:que )?(?:no|nunca) (?:us[ae]n?|necesit[ae]n?)",
        rf"{_QUIEN}no (?:pued[eo]n?|podemos|deb[eo]n?) (?:comer|tomar|consumir|usar|probar|beber|ver)",
        rf"{_QUIEN}no quier[eo]n? (?:comer|tomar|ponerle|echarle)",
        rf"{_QUIEN}no (?:com[eo]n?|tom[ao]n?|beb[eo]n?|quier[eo]|tengo|hay|uso)(?: nada de)?",
        rf"{_QUIEN}no (?:comemos|bebemos|queremos|tenemos)(?: nada de)?",
        r"no me quedan?|(?:a mi )?no (?:me|le|nos|les) gustan?(?: nada)?",
        r"(?:pero )?nada de|evit(?:ar|ando|o|e)|excepto|salvo|excluyendo|quitando|odio|(?:todo|cualquier cosa) menos",
        r"se me (?:ha acabado|acabo|acabaron|han acabado)",
    ),
    "en_without": (
        r"(?:(?:made|cooked|but) )*without(?: (?:using|adding))?|w/o",
        r"(?:(?:that|which) )?(?:(?:is|are) )?free (?:of|from)",
        rf"{_WHO}{_CANNOT} (?:really )?(?:eat|have|like|tolerate|digest|use|drink|consume|stand)",
        rf"{_WHO}{_CANNOT} (?:contain|include|need|require)",
        r"(?:not|never) containing|(?:(?:that|which) )?contain(?:s|ing)? no|(?:but )?with no|with zero|but no",
        r"exclud(?:e|es|ing)|except(?: for)?|avoid(?:s|ing)?|omit(?:s|ting)?|minus|skip(?:ping)?|hold the",
        rf"leav(?:e|ing) out|(?:anything|everything) but|{_WHO}(?:hate|dislike)s?",
    ),
    "en_no": (
        r"(?:(?:i|we)(?:'ve| have)?(?: got)? |there(?:'s| is| are) |has |have )?no",
        r"(?:(?:i'm|i am|we're|we are|i|we|have|ran|run|running|all) )*out of",
    ),
}
_OPENING = re.compile(
    "|".join(rf"(?P<{name}>(?<![\w'])(?:{'|'.join(forms)})(?![\w']))" for name, forms in FORMS.items())
)
# Of these every opening has one, and few queries do.
_TELLING = frozenset(
    """allergic intolerant sensitive allergy allergies intolerance intolerances sensitivity
    alergico alergica alergicos alergicas intolerante intolerantes sensible sensibles alergia alergias intolerancia
    intolerancias sin libre libres no nunca nada evitar evitando evito evite excepto salvo excluyendo quitando odio
    menos acabado acabo acabaron without w free can't cannot not don't doesn't won't shouldn't mustn't dont cant
    containing zero exclude excludes excluding except avoid avoids avoiding omit omits omitting minus skip skipping
    hold out anything everything hate hates dislike dislikes""".split()
)
_TOKEN = re.compile(r"[\w']+")
# And one of these every ending, and every single word that leaves something out.
_TELLING_PARTS = ("free", "less", "non", "allerg", "intoleran")
ENDING = re.compile(
    r"[- ]?(?P<allergy>allerg(?:y|ies|ic)|intoleran(?:t|ce|ces))(?!\w)"
    r"|[- ]free(?!\w)(?![- ](?:range|from|of|form|standing|style|time|flow))"
)
ONE_WORD = re.compile(
    r"(?<!\w)(?:(?P<less>egg|dairy|meat|sugar|flour|nut|gluten|milk|grain|alcohol|butter|yeast)less"
    r"|non[- ]?(?P<non>dairy|alcohol)(?:ic)?)(?!\w)"
)
# Right before a trigger these turn it around ("not without eggs") or make it a figure of speech ("can't live without").
_TURNED = re.compile(
    r"(?:(?<!\w)(?:not|never|nunca|jamas|nor|non|no|isn't|aren't|no es|no son|no soy|no sea|no somos)"
    r"|(?<!\w)(?:with|con)(?: ?/| or| and| o| y)"
    r"|(?:n't|not) (?:(?:have|need) to )?(?:be|live|do|cope|survive|like|want|have|make|eat)(?: it| them| that)?"
    r"|(?:cannot|never) (?:live|do)|not necessarily|not strictly|goes"
    r"|no (?:quiero|me gustan?|(?:puedo|hace falta que|tiene que|necesita) (?:vivir|comer|estar|ser|sea))(?: l[oa]s?)?)"
    r"(?: an?| una?)?[ -]*$"
)
_LONGEST_TURN = 40
_PROMISE = re.compile(r"(?: \w+){1,2}[- ](?:free|allerg|intoleran)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """A turn of phrase at characters `start` up to `end`.

    `certain`: only a food can stand beside it. `allergy`: it names one.
    """

    start: int
    end: int
    language: Language = "en"
    certain: bool = True
    allergy: bool = False


def leaves_out(line: str) -> bool:
    """Say whether there can be a trigger in a folded line at all, in a tenth of the time that looking for it takes."""
    return any(part in line for part in _TELLING_PARTS) or not _TELLING.isdisjoint(_TOKEN.findall(line))


def openings(line: str) -> Iterator[Trigger]:
    """Find the phrases that what is left out follows, in a folded line."""
    for match in _OPENING.finditer(line):
        name = match.lastgroup or ""
        followed = name == "en_no" and _promise_follows(line, match.end())
        if not turned(line, match.start()) and not followed:
            yield Trigger(
                start=match.start(),
                end=match.end(),
                language="es" if name.startswith("es") else "en",
                certain=name != "en_no",
                allergy=name.endswith("allergy"),
            )


def endings(line: str) -> Iterator[Trigger]:
    """Find the phrases that what is left out stands before: "-free", "allergy"."""
    for match in ENDING.finditer(line):
        yield Trigger(start=match.start(), end=match.end(), allergy=match["allergy"] is not None)


def one_word(line: str) -> Iterator[tuple[Trigger, str]]:
    """Find "eggless" and "non-dairy", and what they leave out."""
    for match in ONE_WORD.finditer(line):
        if not turned(line, match.start()):
            yield Trigger(start=match.start(), end=match.end()), match["less"] or match["non"]


def turned(line: str, start: int) -> bool:
    """Say whether what stands before `start` turns a trigger there around."""
    return _TURNED.search(line, max(0, start - _LONGEST_TURN), start) is not None


def _promise_follows(line: str, place: int) -> bool:
    """True for the "no" of "no nut allergy" and "no gluten-free bread"."""
    return _PROMISE.match(line, place) is not None
