"""KServe without what it imports for others: in an interpreter of its own, for this one has imported it all."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.contract

SCRIPT = """
import sys
from predictor.kserve_import import only_what_serves
with only_what_serves():
    import kserve
    from kserve import ModelServer
assert "pandas" not in sys.modules and "kubernetes" not in sys.modules, "they cost seconds and 90 MB"
assert not any(name.startswith(("kserve.models", "kserve.api_client", "kserve.configuration")) for name in sys.modules), "nor do a hundred kinds"
assert sys.argv[1:] == ["--our-own", "flag"]
import pandas
assert pandas.DataFrame([1]).shape == (1, 1), "whoever asks for it gets the real one"
assert "pandas.io.sas.sas7bdat" not in sys.modules
with only_what_serves():
    import pandas.io.sas.sas7bdat
assert pandas.io.sas.sas7bdat.__file__, "what is there already is not replaced in parts"
from kserve.api.kserve_client import KServeClient
assert callable(KServeClient.create)
from kserve.configuration import Configuration
assert Configuration().host
from kserve.models.v1beta1_inference_service import V1beta1InferenceService
assert V1beta1InferenceService(kind="InferenceService").to_dict()["kind"] == "InferenceService"
"""


def test_what_is_not_used_is_not_imported_and_can_be_later():
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, "--our-own", "flag"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
