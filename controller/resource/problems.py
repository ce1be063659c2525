"""What is wrong with a manifest: every problem at once, each with the field's path and the reason in plain words."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from mlops.errors import Invalid

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Problem:
    """A field, named by its path as it is written in YAML, and what is wrong with it."""

    path: Path
    reason: str

    def below(self, path: Path) -> Self:
        """The same problem seen from further out."""
        return type(self)((*path, *self.path), self.reason)

    def __str__(self) -> str:
        return f"{dotted(self.path)}: {self.reason}"


def dotted(path: Path) -> str:
    """`("spec", "steps", 1)` as `spec.steps[1]`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".") or "(the whole)"


class Broken(ValueError):  # noqa: N818 - a ValueError, so that pydantic collects it among its own
    """A value breaks rules that span several of its fields; paths are relative to the value."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("; ".join(map(str, problems)))
        self.problems = problems

    @classmethod
    def unless_none(cls, problems: Iterable[Problem]) -> None:
        """Raise if there are any."""
        found = tuple(problems)
        if found:
            raise cls(found)


class InvalidManifest(Invalid):
    """A manifest is refused; `problems` holds all of them, the message has one per line."""

    def __init__(self, subject: str, problems: tuple[Problem, ...]) -> None:
        lines = "\n".join(f"  {problem}" for problem in problems)
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        super().__init__(f"{subject} has {count}:\n{lines}", hint="correct the fields named and apply again")
        self.problems = problems
