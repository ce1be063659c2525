"""What `recipes watch` shows at one moment: who answers, where each version is, its gates, what comes next. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.padding import Padding
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from controller.outlook import outlook
from controller.stages import Stage
from mlops.cli.columns import split
from mlops.cli.durations import age, instant, until
from mlops.cli.evidence import COLUMNS, latest
from mlops.judgement import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from rich.console import RenderableType

    from controller.resource.model import Model
    from controller.resource.version import ModelVersion
    from controller.resource.version_status import VersionStatus
    from mlops.cli.evidence import Row
    from mlops.embedded.records import Notice

BAR = 40  # characters for 100 %
SHOWN_NOTICES = 5
SHOWN_ARCHIVED = 3
_COLOURS = {Verdict.PASSED: "green", Verdict.FAILED: "bold red"}
_WARNING = "bold yellow"


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What is shown: the stored resources, who answers (percent by version), what people were told.

    `asleep` is what has to run before anything moves.
    """

    model: Model
    versions: Sequence[ModelVersion]
    traffic: Mapping[str, int]
    notices: Sequence[Notice]
    asleep: str | None = None

    @property
    def active(self) -> list[ModelVersion]:
        """The versions that something may still happen to: production first, then the newest first."""
        moving = [
            each for each in self.versions if _stage(each) is not Stage.ARCHIVED or each.spec.version in self.traffic
        ]
        moving.reverse()
        return sorted(moving, key=lambda each: _stage(each) is not Stage.PRODUCTION)

    @property
    def archived(self) -> list[ModelVersion]:
        """The others, the latest to be archived first."""
        ended = [each for each in self.versions if each not in self.active and each.status is not None]
        return sorted(ended, key=lambda each: each.status.since, reverse=True)  # type: ignore[union-attr] # asked above


def frame(view: View, now: datetime) -> RenderableType:
    """One picture for a terminal."""
    return Group(
        *_headline(view, now),
        _traffic(view),
        *(block for version in view.active for block in (Text(""), *version_blocks(version, view, now))),
        *_waiting(view, now),
        *_notices(view, now),
    )


def statements(view: View) -> dict[str, str]:
    """The same in single lines, each under a key: where the terminal cannot draw, those that changed are printed."""
    slots, told = (
        view.model.status,
        {"model": _model_line(view), "traffic": f"traffic: {split(view.traffic) or 'none'}"},
    )
    for version in view.versions:
        status = version.status
        where = (
            f"{status.stage}, {status.reason}: {status.message}" if status is not None else "nobody looked at it yet"
        )
        gone = ", being deleted" if version.meta.deleting else ""
        told[f"version {version.spec.version}"] = f"{version.spec.version} is in {where}{gone}"
    if slots is not None:
        told["queue"] = f"queue: {', '.join(slots.queue) or 'empty'}"
        told |= {f"hold {each.version}": _mistrust_line(each.version, each.reason) for each in slots.holds}
    for notice in view.notices[-SHOWN_NOTICES:]:
        told[f"notice {notice.at} {notice.version} {notice.reason}"] = (
            f"{_about(notice)}{notice.reason}: {notice.message}"
        )
    return told


def document(view: View) -> dict[str, Any]:
    """The same as JSON types."""
    slots = view.model.status
    return {
        "model": {
            "name": view.model.name,
            "production": slots.production if slots else None,
            "canary": slots.canary if slots else None,
            "reason": slots.reason if slots else None,
            "message": slots.message if slots else "",
            "pinned": view.model.spec.pinned_version,
            "paused": view.model.spec.paused,
            "running": view.asleep is None,
        },
        "traffic": dict(view.traffic),
        "versions": [_version_document(version, view) for version in view.versions],
        "queue": list(slots.queue) if slots else [],
        "mistrusted": [each.version for each in slots.holds] if slots else [],
        "notices": [
            {"at": instant(each.at), "version": each.version, "reason": each.reason, "message": each.message}
            for each in view.notices[-SHOWN_NOTICES:]
        ],
    }


def progress(status: VersionStatus) -> str:
    """How far a rollout is, such as `step 1 of 2`; empty outside of one."""
    if status.canary is None:
        return "bake" if status.bake is not None and status.bake.ended_at is None else ""
    canary = status.canary
    return "promotion" if canary.step >= canary.steps else f"step {canary.step + 1} of {canary.steps}"


def _headline(view: View, now: datetime) -> Iterator[RenderableType]:
    yield Text(f"{_model_line(view)}   {instant(now)}", style="bold")
    if view.asleep is not None:
        yield Text(f"Nothing moves before {view.asleep} runs.", style=_WARNING)
    yield Text("")


def _model_line(view: View) -> str:
    slots, spec = view.model.status, view.model.spec
    levers = ["paused"] if spec.paused else []
    levers += [f"pinned to {spec.pinned_version}"] if spec.pinned_version is not None else []
    if slots is None:
        return ", ".join([f"{view.model.name}: nobody looked at it yet", *levers])
    parts = [f"{view.model.name}: {slots.reason}", f"production {slots.production or 'none'}"]
    parts += [f"canary {slots.canary}"] if slots.canary is not None else []
    parts += [f"on the way back to {slots.restoring.to}"] if slots.restoring is not None else []
    return ", ".join([*parts, *levers])


def _traffic(view: View) -> RenderableType:
    if not view.traffic:
        return Text("No users are answered.", style=_WARNING)
    table = Table.grid(padding=(0, 2))
    for version, weight in view.traffic.items():
        table.add_row(version, ProgressBar(total=100, completed=weight, width=BAR), f"{weight} %")
    return table


def version_blocks(version: ModelVersion, view: View, now: datetime) -> Iterator[RenderableType]:
    """What is shown of one version: its headline first."""
    status, number = version.status, version.spec.version
    if status is None:
        yield Text(f"{number}  waits to be looked at", style="bold")
        return
    parts = [str(status.stage), str(status.reason), progress(status), f"{view.traffic.get(number, 0)} %"]
    parts += [f"intent {version.spec.intent}"] if version.spec.intent != "Promote" else []
    parts += ["being deleted"] if version.meta.deleting else []
    yield Text(f"{number}  {' · '.join(part for part in parts if part)}", style="bold")
    style = _WARNING if status.held is not None else ""
    held = f"held for {age(status.held.since, now)}: " if status.held is not None else ""
    if status.message:
        yield _indented(Text(f"{held}{status.message}", style=style))
    if status.held is not None and status.reason.remedy:
        yield _indented(Text(f"What to do: {status.reason.remedy}", style=style))
    for due in outlook(version, view.model):
        yield _indented(Text(f"{due.what}: {until(due.at, now)}"))
    rows = latest(status)
    if rows and (status.stage is not Stage.PRODUCTION or progress(status)):  # what was judged long ago is in `describe`
        yield _indented(_gates(rows))


def _gates(rows: Sequence[Row]) -> RenderableType:
    table = Table(box=None, pad_edge=False)
    for column in COLUMNS:
        # Where the terminal is narrow, the arithmetic takes more lines: names and numbers stay whole.
        table.add_column(column, header_style="dim", overflow="fold", no_wrap=column != "LIMIT")
    for row in rows:
        *cells, verdict = row.cells
        table.add_row(*(Text(cell) for cell in cells), Text(verdict, style=_COLOURS.get(row.verdict, _WARNING)))
    return table


def _waiting(view: View, now: datetime) -> Iterator[RenderableType]:
    slots = view.model.status
    lines = []
    if slots is not None and slots.queue:
        lines.append(f"Queue: {', '.join(slots.queue)}")
    if slots is not None:
        lines += [_mistrust_line(each.version, each.reason) for each in slots.holds]
    for version in view.archived[:SHOWN_ARCHIVED]:
        status = version.status
        if status is not None:
            lines.append(
                f"{version.spec.version} archived {age(status.since, now)} ago, {status.reason}: {status.message}"
            )
    if lines:
        yield Text("")
        yield from (Text(line) for line in lines)


def _mistrust_line(version: str, reason: str) -> str:
    return f"What descends from {version} needs a person's approval: {reason}"


def _notices(view: View, now: datetime) -> Iterator[RenderableType]:
    if view.notices:
        yield Text("\nLatest notices", style="bold")
    for notice in reversed(view.notices[-SHOWN_NOTICES:]):
        told = f"{age(notice.at, now):>6} ago  {_about(notice)}{notice.reason}: {notice.message}"
        yield Text(told, style=_WARNING if notice.warning else "")


def _version_document(version: ModelVersion, view: View) -> dict[str, Any]:
    status, number = version.status, version.spec.version
    if status is None:
        return {"version": number, "stage": None, "weight": 0}
    return {
        "version": number,
        "stage": status.stage,
        "reason": status.reason,
        "message": status.message,
        "weight": view.traffic.get(number, 0),
        "progress": progress(status),
        "held": status.held is not None,
        "ahead": [{"what": due.what, "at": instant(due.at)} for due in outlook(version, view.model)],
        "gates": [
            {name.lower(): cell for name, cell in zip(COLUMNS, row.cells, strict=True)} for row in latest(status)
        ],
    }


def _about(notice: Notice) -> str:
    return f"{notice.version} " if notice.version is not None else ""


def _indented(block: RenderableType) -> RenderableType:
    return Padding(block, (0, 0, 0, 2), expand=False)


def _stage(version: ModelVersion) -> Stage | None:
    return version.status.stage if version.status is not None else None
