"""What using the registry over HTTP costs: neither MLflow nor what comes with it."""

import subprocess
import sys

PROGRAM = """
import sys
from datetime import UTC, datetime
from mlops.model_registry import open_registry
before = {"httpx"} & set(sys.modules)
with open_registry("http://127.0.0.1:1", lambda: datetime(2026, 1, 1, tzinfo=UTC)):
    print(sorted(before), sorted({"mlflow", "sqlalchemy", "pandas", "numpy"} & set(sys.modules)))
"""


def test_the_registry_over_http_imports_no_mlflow_and_nothing_before_it_is_opened():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert done.stdout == "[] []\n"
