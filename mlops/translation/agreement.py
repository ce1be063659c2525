"""As much Spanish grammar as a list of ingredients needs: gender, number, adjectives and articles that agree.

Pure, and by rules with a list of exceptions from the kitchen; no dictionary of the language.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_FEMININE_ENDINGS = ("a", "as", "ción", "ciones", "sión", "siones", "dad", "dades", "tud", "tudes", "umbre", "umbres")
_FEMININE = frozenset(
    """
    sal leche carne nuez nueces miel piel pieles flor flores col coles coliflor coliflores raíz raíces res reses ave
    aves
    fuente fuentes base bases parte partes noche sartén sartenes sangre nieve hiel mano manos clase clases hoja torre
    perdiz perdices lombriz codorniz codornices lubrina liebre liebres serpiente superficie llave tarde vez veces mitad
    """.split()
)
_MASCULINE = frozenset(
    """
    día días mapa aroma aromas clima tema problema programa sistema cava cavas curry maná sofá panorama gorgonzola
    provolone vodka tequila
    """.split()
)
# Feminine, and yet "el agua": the stressed a wants the other article in the singular.
_STRESSED_A = frozenset({"agua", "ave", "ala", "alga", "ancla", "hambre"})
_SINGULAR_IN_S = frozenset(
    {"anís", "res", "gas", "mes", "brócolis", "bis", "chasis", "couscous", "hummus", "cuscús", "maíz"}
)
_INVARIABLE_STARTS = frozenset("a al con de del en sin para por hasta poco muy".split())


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """Gender and number of a Spanish noun phrase."""

    feminine: bool
    plural: bool


def form_of(phrase: str) -> Form:
    """Gender and number of the first word of `phrase`, which is its head."""
    head = re.split(r"[\s,(]", phrase.strip().lower(), maxsplit=1)[0]
    plural = head.endswith("s") and head not in _SINGULAR_IN_S
    if head in _MASCULINE:
        return Form(feminine=False, plural=plural)
    return Form(feminine=head in _FEMININE or head.endswith(_FEMININE_ENDINGS), plural=plural)


def pluralised(noun: str) -> str:
    """The plural of a single noun or adjective in the singular."""
    if noun.endswith("z"):
        return f"{noun[:-1]}ces"
    if noun.endswith(tuple("aeiouáéó")):
        return f"{noun}s"
    for accented, bare in (("ón", "on"), ("án", "an"), ("én", "en"), ("ín", "in"), ("és", "es")):
        if noun.endswith(accented):
            return f"{noun[: -len(accented)]}{bare}es"
    return noun if noun.endswith("s") or not noun else f"{noun}es"


def agreeing(adjective: str, form: Form) -> str:
    """The masculine singular `adjective` in `form`; an adverb in -mente moves behind: "picada finamente".

    Phrases that open with a preposition ("en rodajas", "sin piel") never change.
    """
    words = adjective.split()
    if not words or words[0].lower() in _INVARIABLE_STARTS:
        if words[:1] == ["muy"]:
            return " ".join(["muy", *(_inflected(word, form) for word in words[1:])])
        return adjective
    adverbs = [word for word in words if word.endswith("mente")]
    others = [word for word in words if not word.endswith("mente")]
    for place, word in enumerate(others):
        if word in _INVARIABLE_STARTS:
            return " ".join([*(_inflected(each, form) for each in others[:place]), *others[place:], *adverbs])
    unchanged = ("recién", "bien", "medio", "mal")
    inflected = [
        word if word in unchanged and place + 1 < len(others) else _inflected(word, form)
        for place, word in enumerate(others)
    ]
    return " ".join([*inflected, *adverbs])


def with_article(phrase: str, *, definite: bool, after: str = "") -> str:
    """`phrase` with its article, definite or not; `after` is a preposition to put before: with "de" and "el", "del"."""
    form = form_of(phrase)
    head = re.split(r"[\s,]", phrase.lower(), maxsplit=1)[0]
    feminine = form.feminine and not (head in _STRESSED_A and not form.plural)
    if definite:
        article = ("la" if feminine else "el") if not form.plural else ("las" if feminine else "los")
    else:
        article = ("una" if feminine else "un") if not form.plural else ("unas" if feminine else "unos")
    if article == "el" and after in ("a", "de"):
        return f"{after}l {phrase}"
    return f"{after} {article} {phrase}".strip()


def _inflected(word: str, form: Form) -> str:
    if word.endswith("o"):
        word = f"{word[:-1]}a" if form.feminine else word
    elif word.endswith(("dor", "és", "án", "ol")) and form.feminine:
        word = {"és": f"{word[:-2]}esa", "án": f"{word[:-2]}ana"}.get(word[-2:], f"{word}a")
    return pluralised(word) if form.plural else word
