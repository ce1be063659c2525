"""The paths inside an artefact, named once for those who write and those who read."""

from __future__ import annotations

ENCODER = "encoder"
VECTORS = "index/vectors.npy"
SKETCHES = "index/sketches"
FACETS = "index/facets.npy"
TEXT_INDEX = "index/text"
PARTS_INDEX = "index/parts"
SPANISH_INDEX = "index/spanish"
RECIPES = "recipes.parquet"
GLOSSARY = "glossary_es_en.tsv"
PROFILE = "profile.json"
EVALUATION = "evaluation.json"
LEARNED = "learned"
