from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from controller.resource.parse import parse
from controller.resource.problems import InvalidManifest

GROUP = "mlops.recipe-recommender.io/v1alpha1"


def refused(document: object) -> list[str]:
    with pytest.raises(InvalidManifest) as error:
        parse(document)
    assert error.value.hint
    return [str(problem) for problem in error.value.problems]


def version(**spec: Any) -> dict[str, Any]:
    return {"apiVersion": GROUP, "kind": "ModelVersion", "spec": {"model": "recipes", "version": "1.1.0", **spec}}


def model(**spec: Any) -> dict[str, Any]:
    return {"apiVersion": GROUP, "kind": "Model", "metadata": {"name": "recipes"}, "spec": spec}


@dataclass(frozen=True)
class Bad:
    sentence: str
    document: object
    problems: tuple[str, ...]


NO_DATA = "spec.rollout.analysis.patience.noData.deadlineSeconds"
STEPS_FALL = {"steps": [{"weight": 50}, {"weight": 20}, {"weight": 20}]}
BAD = (
    Bad("no mapping at all", ["a"], ("(the whole): must be a mapping, is list",)),
    Bad(
        "a kind that is nearly right",
        {"apiVersion": "mlops.recipe-recommender.io/v1alpha1", "kind": "Modelversion"},
        ("kind: 'Modelversion' is none of Model, ModelVersion, ModelApproval; did you mean ModelVersion?",),
    ),
    Bad(
        "another group",
        {"apiVersion": "v1", "kind": "Model"},
        ("apiVersion: is 'v1'; write mlops.recipe-recommender.io/v1alpha1",),
    ),
    Bad("nothing under spec", version() | {"spec": {}}, ("spec.model: is required", "spec.version: is required")),
    Bad("a spec that is a list", version() | {"spec": []}, ("spec: must be a mapping, is []",)),
    Bad("a field nobody knows", version(sauce={}), ("spec.sauce: unknown field; did you mean source?",)),
    Bad(
        "a field in the wrong spelling",
        version(rollback={"bake_seconds": 5}),
        ("spec.rollback.bake_seconds: unknown field; did you mean bakeSeconds?",),
    ),
    Bad(
        "a field beside spec",
        version() | {"sepc": {}},
        ("sepc: unknown field; did you mean spec?",),
    ),
    Bad(
        "a version that YAML reads as a number",
        version(version=1.1),
        ('spec.version: must be text, is 1.1; put it in quotes: "1.1"',),
    ),
    Bad(
        "a version that is not SemVer",
        version(version="v1.1"),
        ("spec.version: 'v1.1' is not SemVer 2.0; write MAJOR.MINOR.PATCH such as 1.4.0 or 1.4.0-rc.1",),
    ),
    Bad(
        "weights that fall, and repeat",
        version(rollout=STEPS_FALL),
        (
            "spec.rollout.steps[1].weight: 20 after 50: weights must rise",
            "spec.rollout.steps[2].weight: 20 after 20: weights must rise",
        ),
    ),
    Bad(
        "weights outside of 1 to 100",
        version(rollout={"steps": [{"weight": 0}, {"weight": 101}, {"weight": 12.5}]}),
        (
            "spec.rollout.steps[0].weight: 0 is too small; the least is 1",
            "spec.rollout.steps[1].weight: 101 is too large; the most is 100",
            "spec.rollout.steps[2].weight: must be a whole number, is 12.5",
        ),
    ),
    Bad(
        "a deadline shorter than the interval",
        version(rollout={"analysis": {"intervalSeconds": 60, "patience": {"noData": {"deadlineSeconds": 59}}}}),
        (f"{NO_DATA}: 59 s is shorter than the interval of 60 s: there would be no second look",),
    ),
    Bad(
        "a gate nobody knows",
        version(gates=[{"metric": "ndgc@10", "threshold": "0.5"}]),
        ("spec.gates[0].metric: unknown gate 'ndgc@10'; did you mean ndcg@10?",),
    ),
    Bad(
        "a gate where it is not measured",
        version(gates=[{"metric": "ctr", "threshold": "0.5"}]),
        ("spec.gates[0].metric: ctr is not measured offline (only online)",),
    ),
    Bad(
        "a query that no analysis has",
        version(
            rollout={"analysis": {"gates": [{"metric": "query/slow", "threshold": "1", "greaterIsBetter": False}]}}
        ),
        ("spec.rollout.analysis.gates[0].metric: query/slow has no query of this name",),
    ),
    Bad(
        "a query as a gate of the evaluation",
        version(gates=[{"metric": "query/slow", "threshold": "1", "greaterIsBetter": False}]),
        ("spec.gates[0].metric: query/slow is not measured offline",),
    ),
    Bad(
        "a gate on a query that does not say which is better",
        version(
            rollout={
                "analysis": {
                    "queries": [{"name": "slow", "query": 'x{version="$version"}'}],
                    "gates": [{"metric": "query/slow", "threshold": "1"}],
                }
            }
        ),
        ("spec.rollout.analysis.gates[0].greaterIsBetter: of query/slow it must be said which is better",),
    ),
    Bad(
        "a query that is the same for every version",
        version(rollout={"analysis": {"queries": [{"name": "slow", "query": "up"}]}}),
        ('spec.rollout.analysis.queries[0].query: does not ask about a version: select by version="$version"',),
    ),
    Bad(
        "a confidence that nothing reaches",
        version(rollout={"analysis": {"confidence": "1"}}),
        ('spec.rollout.analysis.confidence: 1 is no confidence: from "0" (none) to "0.9999"',),
    ),
    Bad(
        "two gates on one metric",
        version(gates=[{"metric": "map", "threshold": "0.5"}, {"metric": "map", "minAbsoluteChange": "0"}]),
        ("spec.gates[1].metric: map has a gate already; put its limits into one gate",),
    ),
    Bad(
        "a loss of slices that is a gain, and one without a change of the whole",
        version(
            gates=[
                {"metric": "map", "minAbsoluteChange": "0", "maxSliceLoss": "-0.1"},
                {"metric": "ndcg@10", "threshold": "0.3", "maxSliceLoss": "0.1"},
            ]
        ),
        (
            "spec.gates[0].maxSliceLoss: is a positive loss beside a minAbsoluteChange or minRelativeChange",
            "spec.gates[1].maxSliceLoss: is a positive loss beside a minAbsoluteChange or minRelativeChange",
        ),
    ),
    Bad(
        "a least effect that is none, and ones without a share that may be lost",
        version(
            gates=[
                {"metric": "mrr@10", "minRelativeChange": "-0.1", "minEffect": "0"},
                {"metric": "map", "minRelativeChange": "0.1", "minEffect": "0.05"},
                {"metric": "ndcg@10", "threshold": "0.3", "minEffect": "0.1"},
            ]
        ),
        (
            "spec.gates[0].minEffect: is a positive loss beside a minRelativeChange of at most 0",
            "spec.gates[1].minEffect: is a positive loss beside a minRelativeChange of at most 0",
            "spec.gates[2].minEffect: is a positive loss beside a minRelativeChange of at most 0",
        ),
    ),
    Bad(
        "slices of what users do",
        model(
            rollout={
                "analysis": {"gates": [{"metric": "error-rate", "minAbsoluteChange": "-0.02", "maxSliceLoss": "0.1"}]}
            }
        ),
        ("spec.rollout.analysis.gates[0].maxSliceLoss: parts of the queries are only looked at offline",),
    ),
    Bad(
        "a gate that demands nothing",
        version(gates=[{"metric": "map", "minSamples": 5}]),
        ("spec.gates[0]: demands nothing: give threshold, minAbsoluteChange or minRelativeChange",),
    ),
    Bad(
        "a metric turned upside down",
        version(gates=[{"metric": "mse", "threshold": "1", "greaterIsBetter": True}]),
        ("spec.gates[0].greaterIsBetter: of mse less is better; leave the field out",),
    ),
    Bad(
        "a float for a decimal",
        version(gates=[{"metric": "map", "threshold": 0.5}]),
        ('spec.gates[0].threshold: must be a decimal in quotes, such as "0.5": floats lose digits',),
    ),
    Bad(
        "no number for a decimal",
        version(gates=[{"metric": "map", "threshold": "NaN"}]),
        ("spec.gates[0].threshold: 'NaN' is no decimal number of at most 20 characters",),
    ),
    Bad(
        "a bad cron schedule, and a bad time zone",
        version(retraining={"schedule": "0 25 * * *", "timeZone": "Mars/Phobos"}),
        (
            "spec.retraining.schedule: '0 25 * * *' is no cron schedule: Bad hour",
            "spec.retraining.timeZone: 'Mars/Phobos' is no IANA time zone such as Europe/Madrid",
        ),
    ),
    Bad(
        "a word for a lever",
        version(intent="promot"),
        ("spec.intent: promot is none of Promote, Hold, Abort, Retire; did you mean Promote?",),
    ),
    Bad(
        "a name of another version",
        version() | {"metadata": {"name": "recipes-1-2-0"}},
        ("metadata.name: is 'recipes-1-2-0'; the name of recipes 1.1.0 is recipes-1-1-0, or leave it out",),
    ),
    Bad(
        "names that do not fit",
        version(model="r" * 49),
        (f"metadata.name: has {49 + 6} characters; at most 50 fit into the names derived from it",),
    ),
    Bad(
        "a model's name that is no DNS label",
        model() | {"metadata": {"name": "Recipes_1"}},
        ("metadata.name: 'Recipes_1' is no DNS label: lower-case letters, digits and inner dashes only",),
    ),
    Bad("a model without a name", model() | {"metadata": None}, ("metadata.name: is required",)),
    Bad(
        "two sources",
        version(source={"uri": "s3://a", "registry": {"name": "recipes"}}),
        ("spec.source.uri: stands beside registry; give one of the two",),
    ),
    Bad(
        "a digest that is none",
        version(source={"digest": "sha256:abc"}),
        ("spec.source.digest: 'sha256:abc' is no digest; it looks like sha256: and 64 hexadecimal digits",),
    ),
    Bad(
        "its own parent",
        version(lineage={"parent": "1.1.0"}),
        ("spec.lineage.parent: 1.1.0 cannot be its own parent",),
    ),
    Bad(
        "more steps than are kept",
        version(rollout={"steps": [{"weight": weight} for weight in range(1, 23)]}),
        ("spec.rollout.steps: has 22 entries; at most 20 are allowed",),
    ),
    Bad(
        "fewer replicas at most than at least",
        model(serving={"minReplicas": 3, "maxReplicas": 2}),
        ("spec.serving.maxReplicas: 2 is less than minReplicas 3",),
    ),
    Bad(
        "an autoscaler without a ceiling",
        model(serving={"autoscaling": {"metric": "cpu"}}),
        ("spec.serving.autoscaling: nothing scales without maxReplicas",),
    ),
    Bad(
        "more than all of a processor",
        model(serving={"maxReplicas": 3, "autoscaling": {"metric": "memory", "target": 120}}),
        ("spec.serving.autoscaling.target: 120 percent of memory is more than a pod requests",),
    ),
    Bad(
        "a memory of no size",
        model(serving={"resources": {"limits": {"memory": "much"}}}),
        ("spec.serving.resources.limits.memory: 'much' is no Kubernetes quantity such as 500m or 1Gi",),
    ),
    Bad("numbers for a switch", model(paused=1), ("spec.paused: must be true or false, is 1",)),
)


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.sentence)
def test_it_is_refused_with_the_path_and_the_reason(bad: Bad):
    assert tuple(refused(bad.document)) == bad.problems


def test_all_problems_come_at_once_in_the_order_of_their_paths():
    document = version(version=1, intent="no", rollout=STEPS_FALL, gates=[{"metric": "map"}]) | {"extra": 1}

    paths = [problem.split(": ")[0] for problem in refused(document)]

    assert paths == [
        "extra",
        "spec.gates[0]",
        "spec.intent",
        "spec.rollout.steps[1].weight",
        "spec.rollout.steps[2].weight",
        "spec.version",
    ]


def test_a_document_that_contains_itself_is_refused():
    loop: dict[str, Any] = {"steps": []}
    loop["steps"].append(loop)

    assert refused(version(rollout=loop)) == ["spec: refers to itself or is nested too deeply"]


def test_a_document_of_great_depth_is_refused():
    deep: dict[str, Any] = {}
    for _ in range(100_000):
        deep = {"a": deep}

    assert refused(version(rollout=deep)) == ["spec: refers to itself or is nested too deeply"]


def test_text_with_half_a_character_is_refused():
    assert refused(version(requestedBy="\ud800"))
