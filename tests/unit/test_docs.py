"""The documents say what is there: settings, verbs, routes, signals."""

from pathlib import Path

import pytest
import typer

from controller.cluster.settings import Settings as ControllerSettings
from mlops.cli.main import build_app
from mlops.config import Settings
from mlops.monitoring.alerts import Kind

ROOT = Path(__file__).parents[2]


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", list(Settings.model_fields))
def test_every_setting_is_documented(name):
    row = f"| `RECIPES_{name.upper()}` |"
    field = Settings.model_fields[name]
    (line,) = [line for line in text("docs/settings.md").splitlines() if line.startswith(row)]
    assert str(field.description) in line
    assert f"`{'' if field.default is None else field.default}`" in line
    assert f"RECIPES_{name.upper()}=" in text(".env.example")


@pytest.mark.parametrize("name", list(ControllerSettings.model_fields))
def test_every_setting_of_the_controller_is_documented(name):
    row = f"| `CONTROLLER_{name.upper()}` |"
    (line,) = [line for line in text("docs/settings.md").splitlines() if line.startswith(row)]
    assert str(ControllerSettings.model_fields[name].description) in line


def test_every_verb_is_in_the_readme_and_no_other():
    verbs = set(typer.main.get_group(build_app()).commands)
    (line,) = [line for line in text("README.md").splitlines() if line.startswith("`recipes up, ")]
    assert set(line.split("`")[1].removeprefix("recipes ").split(", ")) == verbs


@pytest.mark.parametrize("kind", list(Kind))
def test_every_alert_of_a_process_is_documented(kind):
    assert f"| `{kind.value}` | {kind.severity.value} | {kind.holds:g} s |" in text("docs/watching.md")


@pytest.mark.parametrize("document", sorted(path.name for path in (ROOT / "docs").glob("*.md")))
def test_links_lead_somewhere(document):
    import re  # noqa: PLC0415

    for target in re.findall(r"\]\(([^)#:]+)\)", text(f"docs/{document}")):
        assert (ROOT / "docs" / target).exists(), f"{document} links to {target}"
