"""A model's rollout as a page shows it: values, and their HTML and JSON. Pure; who fills them is a shell's business."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from html import escape
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class GateLine:
    """A gate as it was judged last: `told` is its arithmetic."""

    phase: str
    metric: str
    verdict: str
    told: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionLine:
    """A version. `weight` is in percent of users, `progress` such as `step 1 of 2`."""

    version: str
    stage: str
    reason: str
    message: str
    weight: int
    progress: str = ""
    gates: tuple[GateLine, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout:
    """Where a model's versions are; `notes` are what holds for all of them, such as that it is paused."""

    model: str
    reason: str
    production: str | None
    notes: tuple[str, ...] = ()
    versions: tuple[VersionLine, ...] = ()


def rollout_json(rollout: Rollout) -> dict[str, Any]:
    """Return plain JSON types."""
    return asdict(rollout)


def rollout_html(rollout: Rollout) -> str:
    """Return what stands in the page's section."""
    notes = "".join(f"<p class=note>{escape(note)}</p>" for note in rollout.notes)
    production = escape(rollout.production or "none")
    head = f"<p>{escape(rollout.model)}: {escape(rollout.reason)}; in production: <strong>{production}</strong></p>"
    return head + notes + "".join(_version(each) for each in rollout.versions)


def _version(line: VersionLine) -> str:
    version, steps = escape(line.version), f", {escape(line.progress)}" if line.progress else ""
    return (
        f"<article class=version><h3>{version} <small>{escape(line.stage)}, {escape(line.reason)}{steps}</small></h3>"
        f"<p><progress max=100 value={line.weight} aria-label='Share of users of {version}'></progress>"
        f" {line.weight} % of users</p>"
        + (f"<p>{escape(line.message)}</p>" if line.message else "")
        + (_gates(line) if line.gates else "")
        + "</article>"
    )


def _gates(line: VersionLine) -> str:
    rows = "".join(
        f"<tr><td>{escape(gate.phase)}<td>{escape(gate.metric)}<td class={escape(gate.verdict)}>{escape(gate.verdict)}"
        f"<td>{escape(gate.told)}"
        for gate in line.gates
    )
    return (
        f"<div class=wide tabindex=0 role=region aria-label='Gates of {escape(line.version)}'><table>"
        f"<caption>Gates of {escape(line.version)}</caption>"
        "<thead><tr><th scope=col>phase<th scope=col>metric<th scope=col>verdict<th scope=col>why</thead>"
        f"<tbody>{rows}</tbody></table></div>"
    )
