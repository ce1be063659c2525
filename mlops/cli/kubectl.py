"""The command `kubectl recipes`: the verbs of `recipes` that are about the life of versions, for a cluster.

It connects as kubectl does and may do what its caller may. Exit codes are those of `recipes`.
"""

from __future__ import annotations

import re
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from controller.cluster.api import connect_as_caller
from mlops.cli import applying, approving, cluster_status, levers, listing, replaying, telling, waiting, watching
from mlops.cli.cluster_state import cluster_state
from mlops.cli.exits import exiting
from mlops.cli.state import elsewhere
from mlops.cli.wiring import now

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mlops.cli.state import State

NAME = "kubectl recipes"
_EVERYWHERE = {"-n": "--namespace", "--namespace": "--namespace", "--context": "--context",
               "--kubeconfig": "--kubeconfig", "--model": "--model", "--log": "--log"}  # fmt: skip


def build_app() -> typer.Typer:
    """Assemble the verbs; a function, so that nothing happens at import."""
    app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
    app.callback()(_connected)
    for module in (cluster_status, watching, approving, levers, telling, replaying, listing, applying, waiting):
        module.add_to(app)
    return app


def _connected(
    context: typer.Context,
    namespace: Annotated[str | None, typer.Option("--namespace", "-n", help="Unset, the context's.")] = None,
    kube_context: Annotated[str | None, typer.Option("--context", help="Unset, the current one.")] = None,
    kubeconfig: Annotated[str | None, typer.Option(help="Unset, KUBECONFIG or the home's.")] = None,
    model: Annotated[str | None, typer.Option(help="Name of the Model, where there are several.")] = None,
    log: Annotated[
        Path | None, typer.Option(help="For replay and explain --at: a file of the controller's log, or -.")
    ] = None,
) -> None:
    @contextmanager
    def opened(make: bool) -> Iterator[State]:
        api = connect_as_caller(
            kubeconfig=kubeconfig, context=kube_context, namespace=namespace, manager="kubectl-recipes"
        )
        given = (("--context", kube_context), ("--kubeconfig", kubeconfig), ("--namespace", api.namespace))
        flags = tuple(f"{name}={value}" for name, value in given if value is not None)
        yield cluster_state(api, model, now(), make=make, flags=flags, log=log)

    token = elsewhere.set(opened)
    context.call_on_close(lambda: elsewhere.reset(token))


def in_front(arguments: Sequence[str]) -> list[str]:
    """The arguments with those that say where first: people write `-n NAMESPACE` at the end, as for kubectl. Pure."""
    front: list[str] = []
    rest: list[str] = []
    left = list(arguments)
    while left:
        word = left.pop(0)
        name, equals, value = word.partition("=")
        if word == "--":
            rest += [word, *left]
            break
        if name in _EVERYWHERE and equals:
            front.append(f"{_EVERYWHERE[name]}={value}")
        elif word in _EVERYWHERE and left:
            front.append(f"{_EVERYWHERE[word]}={left.pop(0)}")
        else:
            rest.append(word)
    return [*front, *rest]


def main() -> None:
    """Run the command line and exit with the code of what happened."""
    app = build_app()
    verbs = "|".join(typer.main.get_group(app).commands)
    with exiting(as_json="--json" in sys.argv, spoken=lambda hint: re.sub(rf"\brecipes (?={verbs})", f"{NAME} ", hint)):
        app(in_front(sys.argv[1:]), prog_name=NAME)


if __name__ == "__main__":
    main()
