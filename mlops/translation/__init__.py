"""Spanish and English both ways: detection, translators behind one Protocol, the culinary glossary."""

from __future__ import annotations

from mlops.translation.opening import open_translator

__all__ = ["open_translator"]
