"""manifests/rayjob.yaml: a command that exists, on the Ray that is pinned, by pods that may do little."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import typer
import yaml

from mlops.cli.main import build_app
from mlops.config import Settings

ROOT = Path(__file__).parents[2]
JOB = yaml.safe_load((ROOT / "manifests" / "rayjob.yaml").read_text(encoding="utf-8"))
CLUSTER = JOB["spec"]["rayClusterSpec"]
GROUPS = [CLUSTER["headGroupSpec"], *CLUSTER["workerGroupSpecs"]]
PODS = pytest.mark.parametrize("pod", [group["template"]["spec"] for group in GROUPS], ids=["head", "worker"])


def test_the_command_is_one_that_recipes_takes():
    program, verb, *arguments = shlex.split(JOB["spec"]["entrypoint"])
    command = typer.main.get_group(build_app()).commands[verb]
    context = command.make_context(verb, list(arguments), resilient_parsing=False)
    assert program == "recipes"
    assert (context.params["engine"], context.params["register"]) == ("ray", True)


def test_head_and_workers_run_the_ray_that_is_pinned():
    (pinned,) = re.findall(r"^ray==(\S+)$", (ROOT / "constraints.txt").read_text(encoding="utf-8"), re.MULTILINE)
    assert CLUSTER["rayVersion"] == pinned


def test_all_pods_are_of_one_image_whose_build_is_told():
    images = {container["image"] for group in GROUPS for container in group["template"]["spec"]["containers"]}
    text = (ROOT / "manifests" / "rayjob.yaml").read_text(encoding="utf-8")
    (built,) = re.findall(r"-t (\S+)", text)
    (extras,) = re.findall(r"JOBS_EXTRAS=(\S+)", text)
    (usual,) = re.findall(r"^ARG JOBS_EXTRAS=(\S+)$", (ROOT / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)
    assert images == {built}
    assert extras == f"{usual},ray"


@PODS
def test_pods_are_not_root_and_hold_no_token(pod):
    (container,) = pod["containers"]
    assert (pod["automountServiceAccountToken"], pod["securityContext"]["runAsNonRoot"]) == (False, True)
    assert container["securityContext"] == {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    assert "memory" in container["resources"]["limits"]


@PODS
def test_what_is_set_is_a_setting(pod):
    known = {f"RECIPES_{name.upper()}" for name in Settings.model_fields}
    assert {each["name"] for each in pod["containers"][0]["env"]} <= known
