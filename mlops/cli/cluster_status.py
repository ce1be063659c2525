"""`kubectl recipes status, logs`: a model as a tree of what there is, and what its pods say."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text
from rich.tree import Tree

from controller.cluster.kinds import JOBS, MODEL, PODS
from mlops.cli.children import children, pods_of
from mlops.cli.cluster_state import CONTROLLER, ClusterState
from mlops.cli.console import answers, print_json
from mlops.cli.frame import document, statements, version_blocks
from mlops.cli.state import opened
from mlops.cli.watching import read_view
from mlops.errors import NotFound, Permanent

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from mlops.cli.children import Child
    from mlops.cli.frame import View

JSON = Annotated[bool, typer.Option("--json", help="Print it as JSON.")]


def add_to(app: typer.Typer) -> None:
    """Add the verbs of this module."""
    app.command()(status)
    app.command()(logs)


def status(json: JSON = False) -> None:
    """The model, its versions with their gates and what comes next, and what the cluster runs for each."""
    with opened() as found_state:
        state = _cluster(found_state)
        view, found = read_view(state), children(state.api, state.name)
        if json:
            print_json({**document(view), "children": [_document(each) for each in found]})
        else:
            answers.print(tree(view, found, state.now))


def logs(
    version: Annotated[str | None, typer.Argument(help="Semantic version; without it, the controller.")] = None,
    tail: Annotated[int, typer.Option(min=-1, help="Lines of each container; -1 for all.")] = 100,
) -> None:
    """What the pods of a version say, those that serve and those of its Jobs; or what the controller says."""
    with opened() as found_state:
        state = _cluster(found_state)
        if version is None:
            pods = [each["metadata"]["name"] for each in state.api.list(PODS, CONTROLLER)]
        else:
            found = state.resources.version(version)
            own = {MODEL: state.name}
            pods = pods_of(state.api.list(PODS, own), state.api.list(JOBS, own), found.spec.version, found.name)
    if not pods:
        raise NotFound(f"{version or 'the controller'} has no pods now", hint="recipes status")
    for pod in pods:
        _kubectl(state, "logs", pod, "--all-containers", "--prefix", f"--tail={tail}")


def tree(view: View, found: Sequence[Child], now: datetime) -> Tree:
    """The model as a tree: what stands for all versions, each that something may still happen to, those that ended."""
    told = statements(view)
    root = Tree(Text(told["model"], style="bold"))
    if view.asleep is not None:
        root.add(Text(f"Nothing moves before {view.asleep} runs.", style="bold yellow"))
    root.add(Text(told["traffic"]))
    _add(root, [each for each in found if each.version is None])
    for version in view.active:
        head, *blocks = version_blocks(version, view, now)
        branch = root.add(head)
        for block in blocks:
            branch.add(block)
        _add(branch, [each for each in found if each.version == version.spec.version])
    for version in view.archived:
        branch = root.add(Text(told[f"version {version.spec.version}"], style="dim"))
        _add(branch, [each for each in found if each.version == version.spec.version and not each.well])
    known = {None, *(version.spec.version for version in view.versions)}
    _add(root, [each for each in found if each.version not in known])
    return root


def _add(branch: Tree, found: Sequence[Child]) -> None:
    for each in found:
        branch.add(Text(f"{each.kind} {each.name}: {each.state}", style="" if each.well else "bold yellow"))


def _document(child: Child) -> dict[str, object]:
    return {"kind": child.kind, "name": child.name, "version": child.version, "state": child.state, "well": child.well}


def _cluster(state: object) -> ClusterState:
    assert isinstance(state, ClusterState)  # noqa: S101 - these verbs are offered for clusters alone
    return state


def _kubectl(state: ClusterState, *words: str) -> None:
    """Let kubectl do it, connected as this command is: it streams, and knows every way to log in."""
    try:
        done = subprocess.run(["kubectl", *state.flags, *words], check=False)  # noqa: S603, S607 - the caller's
    except FileNotFoundError:
        raise Permanent("kubectl is not on the path", hint="install kubectl") from None
    if done.returncode != 0:
        raise Permanent(f"kubectl {' '.join(words)}: exit {done.returncode}", hint="what kubectl said stands above")
