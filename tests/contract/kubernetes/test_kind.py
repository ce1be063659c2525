"""`make kind-up`, as far as it can be held without Docker: kind's own parser, and KServe's chart with our values."""

from __future__ import annotations

import pytest
import yaml

from tests.cluster import kind
from tests.cluster.commands import CommandFailed, run
from tests.cluster.toolchain import NotBuilt, build, module_folder, toolset

pytestmark = [pytest.mark.contract, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def program():
    def built(name: str, command: str):
        try:
            tools = toolset(name)
        except NotBuilt as absent:
            pytest.skip(str(absent))
        build(tools)
        return tools.program(command)

    return built


def create(kind_program, config, folder):
    """What kind says of a configuration on a machine whose Docker does not run."""
    (folder / "docker").write_text("#!/bin/sh\nexit 1\n")
    (folder / "docker").chmod(0o755)
    with pytest.raises(CommandFailed) as fault:
        run(kind_program, "create", "cluster", "--config", config, environment={"PATH": f"{folder}:/usr/bin:/bin",
                                                                               "KIND_EXPERIMENTAL_PROVIDER": "docker"})  # fmt: skip
    return str(fault.value)


def test_kind_takes_our_configuration_and_would_refuse_a_wrong_one(program, tmp_path):
    kind_program = program("kind", "kind")
    broken = tmp_path / "broken.yaml"
    broken.write_text(kind.CONFIG.read_text().replace("hostPort", "hostDoor"))

    assert "hostDoor" in create(kind_program, broken, tmp_path)
    assert "unable to decode config" not in create(kind_program, kind.CONFIG, tmp_path)


def test_kserves_chart_takes_our_values(program):
    charts = module_folder("kserve", "github.com/kserve/kserve") / "charts"
    settings = [word for key, value in kind.VALUES.items() for word in ("--set", f"{key}={value}")]

    rendered = run(program("helm", "helm"), "template", "kserve", charts / "kserve-resources", *settings)

    settings_map = next(
        each for each in yaml.safe_load_all(rendered)
        if each and each["kind"] == "ConfigMap" and each["metadata"]["name"] == "inferenceservice-config"
    )  # fmt: skip
    assert '"Standard"' in settings_map["data"]["deploy"].replace(" ", "")
    assert yaml.safe_load(settings_map["data"]["ingress"])["disableIngressCreation"] is True
