"""Makes an artefact an MLflow model too: the `MLmodel` file beside it, with signature and input example.

Written by hand rather than by `mlflow.pyfunc.save_model` for two reasons: MLflow puts a time and a random id into the
file, so that equal models would differ in digest; and importing it costs a training job six seconds and 170 MB. The
contract test loads the result with the real MLflow. `loader_module` names code of ours: nothing is pickled.
"""

from __future__ import annotations

import json
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from pathlib import Path

LOADER_MODULE = "mlops.artifact.pyfunc"
EXAMPLE_FILE = "input_example.json"
REQUIREMENTS_FILE = "requirements.txt"

_INPUTS = [
    {"type": "string", "name": "query", "required": True},
    {"type": "long", "name": "k", "required": False},
    {"type": "string", "name": "language", "required": False},
]
_OUTPUTS = [
    {"type": "string", "name": "query", "required": True},
    {"type": "long", "name": "rank", "required": True},
    {"type": "string", "name": "id", "required": True},
    {"type": "string", "name": "title", "required": True},
    {"type": "double", "name": "score", "required": True},
]
_EXAMPLE = {"columns": ["query", "k"], "data": [["lentil soup without celery", 3], ["ensalada de garbanzos", 3]]}


def write_mlmodel(folder: Path) -> None:
    """Write MLmodel, input example and requirements into `folder`; equal calls write equal bytes."""
    document: dict[str, Any] = {
        "flavors": {"python_function": {"loader_module": LOADER_MODULE, "env": {"virtualenv": "python_env.yaml"}}},
        "signature": {"inputs": json.dumps(_INPUTS), "outputs": json.dumps(_OUTPUTS), "params": None},
        "saved_input_example_info": {
            "artifact_path": EXAMPLE_FILE,
            "type": "dataframe",
            "pandas_orient": "split",
            "serving_input_path": "serving_input_example.json",
        },
    }
    (folder / "MLmodel").write_text(yaml.safe_dump(document, sort_keys=True), encoding="utf-8")
    (folder / EXAMPLE_FILE).write_text(json.dumps(_EXAMPLE), encoding="utf-8")
    (folder / "serving_input_example.json").write_text(json.dumps({"dataframe_split": _EXAMPLE}), encoding="utf-8")
    requirement = f"recipe-recommender=={version('recipe-recommender')}\n"
    (folder / REQUIREMENTS_FILE).write_text(requirement, encoding="utf-8")
    environment = {"python": "3.11", "build_dependencies": ["pip"], "dependencies": [f"-r {REQUIREMENTS_FILE}"]}
    (folder / "python_env.yaml").write_text(yaml.safe_dump(environment, sort_keys=True), encoding="utf-8")
