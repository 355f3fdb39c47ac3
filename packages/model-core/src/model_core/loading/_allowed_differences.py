"""Which differences between a checkpoint and a model the caller allows."""

from __future__ import annotations

import fnmatch
import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from model_core.errors import ArgumentError, WeightsMismatchError

if TYPE_CHECKING:
    from collections.abc import Callable

    from model_core.load_report import LoadReport

__all__ = ["AllowedDifferences", "Patterns", "check_report"]

_logger = logging.getLogger(__name__)

Patterns = bool | str | re.Pattern[str] | Iterable[str | re.Pattern[str]]


@dataclass(frozen=True, slots=True)
class AllowedDifferences:
    """The arguments of `from_pretrained` that have these names.

    Raises:
        ArgumentError: `allow_missing` or `allow_unexpected` holds something other than names and patterns.
    """

    allow_missing: Patterns = ()
    allow_unexpected: Patterns = ()
    ignore_mismatched_sizes: bool = False
    strict: bool = True

    def __post_init__(self) -> None:
        for argument in ("allow_missing", "allow_unexpected"):
            object.__setattr__(self, argument, _as_tuple(argument, getattr(self, argument)))


def check_report(report: LoadReport, allowed: AllowedDifferences, *, hint: Callable[[], str]) -> None:
    """Check that checkpoint and model differ only where the caller allows it. What `strict=False` allows is logged.

    Args:
        report: What matches and what does not.
        allowed: What the caller allows.
        hint: Returns further advice for the error. It is called only if there is one.

    Raises:
        WeightsMismatchError: Tensors are missing, unexpected or mismatched. The error lists all of them.
    """
    advice = []
    if allowed.strict and not all(_matches(allowed.allow_missing, name) for name in report.missing):
        advice.append("allow_missing=[...] keeps the constructor's values for tensors that the checkpoint lacks")
    if allowed.strict and not all(_matches(allowed.allow_unexpected, name) for name in report.unexpected):
        advice.append("allow_unexpected=[...] skips tensors that the model lacks")
    if report.mismatched and not allowed.ignore_mismatched_sizes:
        advice.append("ignore_mismatched_sizes=True keeps the constructor's values where shapes or dtypes differ")
    if advice:
        raise WeightsMismatchError(
            f"Checkpoint and model do not match, and nothing was loaded. To load anyway: {'; '.join(advice)}. The "
            f"lists take names, patterns such as 'head.*', or True for all. {hint()}".rstrip(),
            report=report,
        )
    if not allowed.strict and (report.missing or report.unexpected):
        _logger.warning("Loaded with strict=False. %s", report)


def _matches(patterns: Patterns, name: str) -> bool:
    """Return whether a tensor name is among the names, modules and patterns."""
    listed = _as_tuple("patterns", patterns)
    if isinstance(listed, bool):
        return listed
    return any(
        pattern.search(name) is not None
        if isinstance(pattern, re.Pattern)
        else fnmatch.fnmatchcase(name, pattern) or name.startswith(f"{pattern}.")
        for pattern in listed
    )


def _as_tuple(argument: str, patterns: object) -> bool | tuple[str | re.Pattern[str], ...]:
    """Return patterns as a tuple, or a bool for all or none."""
    if isinstance(patterns, bool):
        return patterns
    if isinstance(patterns, (str, re.Pattern)):
        return (patterns,)
    listed = tuple(patterns) if isinstance(patterns, Iterable) else (patterns,)
    if not all(isinstance(pattern, (str, re.Pattern)) for pattern in listed):
        raise ArgumentError(
            argument, patterns, expected="a list of names or patterns such as 'head.*', or True for all"
        )
    return listed
