"""From the settings to a translator."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from mlops.errors import Invalid, Permanent
from mlops.translation.apertium import ApertiumTranslator
from mlops.translation.cache import CachedTranslator
from mlops.translation.identity import IdentityTranslator
from mlops.translation.marian import MarianTranslator

if TYPE_CHECKING:
    from mlops.translation.translator import Translator

Name = Literal["auto", "apertium", "identity", "marian", "http"]

logger = logging.getLogger(__name__)


def open_translator(name: Name, target: str | None = None) -> Translator:
    """Open the translator `name`; `target` is Apertium's folder of modes, Marian's of models, or the URL for http.

    `auto` takes Apertium where it is installed and else translates nothing, with the reason in its health. The others
    raise Permanent with what to install, or Invalid where `target` is missing or wrong.
    """
    match name:
        case "identity":
            return IdentityTranslator()
        case "apertium":
            return CachedTranslator(ApertiumTranslator(None if target is None else Path(target)))
        case "marian":
            return CachedTranslator(MarianTranslator(Path(_needed(name, target))))
        case "http":
            from mlops.translation.http import HttpTranslator  # noqa: PLC0415 - httpx is slow to import and seldom needed

            return CachedTranslator(HttpTranslator(_needed(name, target)))
        case "auto":
            return _auto(target)


def _auto(target: str | None) -> Translator:
    try:
        return open_translator("apertium", target)
    except Permanent as error:
        logger.warning("answers come untranslated: %s (%s)", error.message, error.hint)
        return IdentityTranslator(f"{error.message}; {error.hint}")


def _needed(name: str, target: str | None) -> str:
    if not target:
        raise Invalid(
            f"the translator {name} needs a target", hint="set RECIPES_TRANSLATOR_TARGET to its folder or address"
        )
    return target
