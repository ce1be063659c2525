"""Kitchen quantities and measures, English to Spanish: "1 1/2 cups" is "1 1/2 tazas". Pure tables and a parser."""

from __future__ import annotations

import re
from dataclasses import dataclass

from mlops.translation.agreement import Form, agreeing, form_of, pluralised


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """A quantity, and if there is one a unit, at the start of an ingredient line.

    `text` is the Spanish for it; `rest` what follows in English; `counted` tells that no unit came between the number
    and the thing, and `plural` that the number is above one.
    """

    text: str
    rest: str
    counted: bool
    plural: bool

    def agreed(self, form: Form) -> str:
        """The quantity in the gender of the thing it counts: "un huevo", "media cebolla", "varias hojas"."""
        *before, last = self.text.split(" ")
        if last == "un":
            return " ".join([*before, "una" if form.feminine else "un"])
        if last in ("medio", "poco"):
            return self.text if last == "poco" else " ".join([*before, agreeing(last, form)])
        if last in ("varios", "pocos"):
            return " ".join(f"{word[:-2]}as" if form.feminine else word for word in self.text.split(" "))
        return self.text


_UNITS: dict[str, tuple[str, ...]] = {
    "taza": ("cup", "cupful", "c"),
    "tacita": ("teacup", "teacupful"),
    "cucharada": ("tablespoon", "tablespoonful", "tbsp", "tbs", "tbl", "spoon", "spoonful"),
    "cucharadita": ("teaspoon", "teaspoonful", "tsp"),
    "cucharada de postre": ("dessertspoon", "dessertspoonful"),
    "cucharón": ("ladle", "ladleful"),
    "libra": ("pound", "lb"),
    "onza": ("ounce", "oz"),
    "onza líquida": ("fluid ounce", "fl oz"),
    "pinta": ("pint",),
    "cuarto de galón": ("quart", "qt"),
    "galón": ("gallon",),
    "g": ("g", "gr", "gram", "gramme"),
    "kg": ("kg", "kilo", "kilogram"),
    "ml": ("ml", "milliliter", "millilitre"),
    "cl": ("cl", "centiliter", "centilitre"),
    "dl": ("dl", "dcl", "deciliter", "decilitre"),
    "l": ("l",),
    "litro": ("liter", "litre"),
    "decagramo": ("decagram", "dekagram", "dekagramm", "dkg", "deka", "deca", "dag"),
    "hectogramo": ("hectogram", "hg"),
    "cuartillo": ("quartillo", "cuartillo"),
    "mm": ("mm", "millimeter", "millimetre"),
    "cm": ("cm", "centimeter", "centimetre"),
    "pulgada": ("inch",),
    "pizca": ("pinch",),
    "chorrito": ("dash", "splash", "drizzle"),
    "gota": ("drop",),
    "puñado": ("handful",),
    "manojo": ("bunch",),
    "ramita": ("sprig",),
    "tallo": ("stalk", "stem"),
    "rama": ("stick", "rib"),
    "diente": ("clove",),
    "cabeza": ("head",),
    "loncha": ("rasher",),
    "rebanada": ("slice",),
    "trozo": ("piece", "chunk"),
    "tira": ("strip",),
    "hoja": ("leaf", "leaves", "sheet"),
    "lata": ("can", "tin"),
    "bote": ("jar",),
    "paquete": ("package", "packet", "pack", "pkg"),
    "sobre": ("sachet", "envelope"),
    "botella": ("bottle",),
    "vaso": ("glass", "glassful"),
    "copa de vino": ("wineglass", "wineglassful"),
    "bolsa": ("bag",),
    "terrón": ("lump",),
    "nuez": ("knob",),
    "docena": ("dozen",),
    "mazorca": ("ear",),
    "bola": ("ball", "scoop"),
    "minuto": ("minute", "min"),
    "hora": ("hour", "hr"),
}  # fmt: skip
_SYMBOLS = frozenset({"g", "kg", "ml", "cl", "dl", "l", "cm", "mm"})
_SIZES = {"heaping": "colmado", "heaped": "colmado", "level": "raso", "scant": "escaso", "generous": "generoso",
          "large": "grande", "small": "pequeño", "good": "bueno"}  # fmt: skip
_NUMBERS = {"two": "dos", "three": "tres", "four": "cuatro", "five": "cinco", "six": "seis", "seven": "siete",
            "eight": "ocho", "nine": "nueve", "ten": "diez", "twelve": "doce", "several": "varios"}  # fmt: skip
_ABOUT = re.compile(r"(?:about|approximately|approx\.?|around|roughly)\s+", re.IGNORECASE)
_FRACTIONS = "½⅓⅔¼¾⅕⅛⅜⅝⅞"
_NUMBER = rf"(?:\d+\s+\d+\s*/\s*\d+|\d+\s*[{_FRACTIONS}]|\d+\s*/\s*\d+|[{_FRACTIONS}]|\d+(?:[.,]\d+)?)"
_QUANTITY = re.compile(rf"({_NUMBER})(?:(\s*(?:-|\u2013|to|or)\s*)({_NUMBER}))?(?!\d|\s*[°%])")
_WORD_QUANTITY = re.compile(
    rf"(half an?|half|a few|an?|one|{'|'.join(_NUMBERS)})(?=\s)", re.IGNORECASE
)  # fmt: skip


def _spellings() -> dict[str, str]:
    spellings: dict[str, str] = {}
    for spanish, names in _UNITS.items():
        for name in names:
            for form in (name, f"{name}s", f"{name}es", f"{name}."):
                spellings.setdefault(form, spanish)
    return spellings


_BY_NAME = _spellings()
UNIT_WORDS = frozenset(word for name in _BY_NAME for word in name.rstrip(".").split(" "))
_UNIT = re.compile(
    rf"(?:({'|'.join(_SIZES)})\s+)?({'|'.join(re.escape(name) for name in sorted(_BY_NAME, key=len, reverse=True))})"
    r"(?![\w'\u2019])\.?\s*",
    re.IGNORECASE,
)


def read_measure(line: str) -> Measure | None:
    """Take the quantity and the unit off the start of `line`; None where it starts with neither."""
    about = _ABOUT.match(line)
    rest = line[about.end() :] if about else line
    little = re.match(r"a (?:little|bit of) ", rest, re.IGNORECASE)
    if little:
        return Measure(text="un poco", rest=rest[little.end() :], counted=False, plural=False)
    number, plural, rest = _read_number(rest)
    if number is None:
        return None
    unit = _UNIT.match(rest)
    if unit is None:
        lead = "" if not about else "unos " if plural else "aprox. "
        return Measure(text=f"{lead}{number}".strip(), rest=rest, counted=True, plural=plural)
    size, name = unit.groups()
    spanish = unit_form(name, plural=plural)
    if size:
        spanish = f"{spanish} {agreeing(_SIZES[size.lower()], form_of(spanish))}"
    form = form_of(spanish)
    number = Measure(text=number, rest="", counted=True, plural=plural).agreed(form)
    lead = "" if not about else "aprox. " if not plural else "unas " if form.feminine else "unos "
    return Measure(text=f"{lead}{number} {spanish}", rest=rest[unit.end() :], counted=False, plural=plural)


def unit_form(name: str, *, plural: bool) -> str:
    """The Spanish for the English unit `name`. Raises KeyError for what is no unit."""
    spanish = _BY_NAME[name.lower()]
    if not plural or spanish in _SYMBOLS:
        return spanish
    head, *rest = spanish.split(" ")
    return " ".join([pluralised(head), *(pluralised(word) if word == "líquida" else word for word in rest)])


def _read_number(text: str) -> tuple[str | None, bool, str]:
    """The number in Spanish, whether it is above one, and what follows; None where there is none."""
    digits = _QUANTITY.match(text)
    if digits:
        first, joint, second = digits.groups()
        number = first.replace(".", ",")
        if second:
            number += {"to": " a ", "or": " o "}.get(joint.strip(), joint) + second.replace(".", ",")
        return number, bool(second) or _above_one(first), text[digits.end() :].lstrip(" -")
    word = _WORD_QUANTITY.match(text)
    if word is None:
        return None, False, text
    name = word[1].lower()
    rest = text[word.end() :].lstrip()
    if name in ("a", "an", "one"):
        return "un", False, rest
    if name.startswith("half"):
        return "medio", False, rest
    if name == "a few":
        return "unos pocos", True, rest
    return _NUMBERS[name], True, rest


def _above_one(number: str) -> bool:
    if re.search(rf"\d\s*[{_FRACTIONS}]|\d\s+\d", number):
        return True
    if "/" in number or number in _FRACTIONS:
        return False
    return float(number.replace(",", ".")) > 1
