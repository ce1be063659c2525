"""Offline evaluation: an artefact's answers against judged queries, the report, and the gates that read it.

Importing this package is cheap and needs neither ir_measures nor scikit-learn nor scipy; running `evaluate` does.
"""

from mlops.evaluation.dataset import Qrels, Query, read_qrels, read_queries
from mlops.evaluation.evaluating import evaluate
from mlops.evaluation.report import EvaluationReport

__all__ = ["EvaluationReport", "Qrels", "Query", "evaluate", "read_qrels", "read_queries"]
