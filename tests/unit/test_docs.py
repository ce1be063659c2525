"""The documents say what is there: settings, verbs, routes, signals."""

import re
from pathlib import Path

import pytest
import typer
import yaml

from controller.cluster.settings import Settings as ControllerSettings
from controller.metrics import CATALOGUE
from controller.stages import MOVES
from mlops.cli.exits import EXIT_CODES
from mlops.cli.main import build_app
from mlops.config import Settings
from mlops.monitoring.alerts import Kind
from predictor.problems import KINDS
from tests.builders.console_document import Command, steps_of

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted(path.relative_to(ROOT).as_posix() for path in [*(ROOT / "docs").rglob("*.md"), ROOT / "README.md"])
PACKAGES = ("mlops/", "predictor/", "controller/", "tests/", "charts/", "manifests/")
# One that exists only once something was built or run.
MADE = {"mlops/kernel/kernel.so"}


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


def test_every_alert_of_a_cluster_is_listed_as_its_rule_has_it():
    rules = yaml.safe_load(text("charts/recipe-recommender/files/rules.yaml"))
    assert [line for line in text("docs/alerts.md").splitlines() if line.startswith("| [")] == [
        f"| [{rule['alert']}](#{rule['alert'].lower()}) | {rule['labels']['severity']} | {rule.get('for', 'at once')} | {said} |"
        for group in rules["groups"]
        for rule in group["rules"]
        if (said := in_words(rule["annotations"]["summary"]))
    ]


def in_words(summary: str) -> str:
    """A summary of Prometheus with names in place of what it fills in."""
    named = re.sub(r"\{\{ \$labels\.(\w+) \}\}", lambda label: label[1].upper(), summary)
    return re.sub(r"\{\{ \$value[^}]*\}\}", "N", named)


def section(name: str, title: str) -> str:
    return text(name).partition(f"## {title}\n")[2].partition("\n## ")[0]


def test_every_http_problem_has_its_entry_and_no_other():
    rows = re.findall(
        r"^\| `([a-z-]+)` \| (\d+) \|", section("docs/troubleshooting.md", "Every HTTP problem"), re.MULTILINE
    )
    assert dict(rows) == {kind: str(int(status)) for kind, (status, _) in KINDS.items()}


def test_every_exit_code_has_its_entry():
    codes = re.findall(r"^\| (\d+) \| \S", section("docs/troubleshooting.md", "Every exit code"), re.MULTILINE)
    wrong_usage, interrupted = 2, 130
    assert {int(code) for code in codes} == {0, 1, wrong_usage, interrupted, *(code for _, code in EXIT_CODES)}


def test_every_metric_of_a_gate_is_documented_and_no_other():
    rows = [line for line in section("docs/metrics.md", "What a gate may ask").splitlines() if line.startswith("| `")]
    assert rows == [
        f"| `{each.name}` | {'more' if each.rises else 'less'} | {', '.join(sorted(each.sources))} | {each.meaning} |"
        for each in CATALOGUE
    ]


def test_the_stages_that_are_drawn_are_those_that_are_decided():
    drawn = re.findall(r"^  (\w+) --> (\w+): ", section("docs/architecture.md", "The life of a version"), re.MULTILINE)
    assert set(drawn) == {(stage.value, after.value) for stage, follows in MOVES.items() for after in follows}


def test_every_verb_but_some_is_typed_in_the_guide():
    """What is left out takes something that a reader need not have: torch, Ray, a pod's life, a terminal."""
    left_out = {"demo", "serve", "fine-tune"}
    typed = {
        verb
        for step in steps_of(text("docs/guide.md"))
        if isinstance(step, Command)
        for verb in re.findall(r"\brecipes ([a-z-]+)", step.typed)
    }
    assert set(typer.main.get_group(build_app()).commands) - left_out - {"up"} <= typed


@pytest.mark.parametrize("document", DOCUMENTS)
def test_files_that_are_named_exist(document):
    """A file of ours by its whole path, wherever it stands in backticks."""
    for named in re.findall(r"`([\w./-]+)`", text(document)):
        if named.startswith(PACKAGES) and named not in MADE:
            assert (ROOT / named).exists(), f"{document} names {named}"


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_somewhere(document):
    """Files of ours, and the headings in them."""
    for target, anchor in re.findall(r"\]\(([^)#:]*)(?:#([^)]+))?\)", text(document)):
        path = ROOT / document if not target else ROOT / Path(document).parent / target
        assert path.exists(), f"{document} links to {target}"
        if anchor:
            assert anchor in anchors(path.read_text(encoding="utf-8")), f"{document} links to {target}#{anchor}"


def anchors(document: str) -> set[str]:
    """What a heading is called in a link, as GitHub has it."""
    headings = re.findall(r"^#+ (.+)$", document, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
