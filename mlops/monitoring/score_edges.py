"""Where the scores of first recipes are counted: by a predictor's histogram, and where two versions are compared."""

from __future__ import annotations

SCORE_EDGES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
