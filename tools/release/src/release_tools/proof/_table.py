"""What was tried and what came of it."""

from __future__ import annotations

from collections.abc import Sequence

from release_tools.proof._trial import Outcome

__all__ = ["as_text"]

_TITLES = ("package", "Python", "siblings", "third parties", "result", "tests", "seconds")
_RIGHT = {"tests", "seconds"}


def as_text(outcomes: Sequence[Outcome]) -> str:
    """Return the table in columns."""
    rows = [_TITLES, *map(_row, outcomes)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(
            cell.rjust(width) if title in _RIGHT else cell.ljust(width)
            for cell, width, title in zip(row, widths, _TITLES, strict=True)
        ).rstrip()
        for row in rows
    ]
    return "\n".join(lines)


def _row(outcome: Outcome) -> tuple[str, ...]:
    tried = outcome.combination
    return (
        f"{tried.package.name} {tried.package.version}",
        tried.python.minor,
        tried.siblings,
        tried.third_parties,
        outcome.result,
        str(outcome.tests or "-"),
        f"{outcome.seconds:.0f}",
    )
