"""Which differences between a checkpoint and a model the caller allows."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from config_core.messages import escaping_logger
from model_core.errors import ArgumentError, WeightsMismatchError
from model_core.load_report import shortened
from model_core.loading._mismatch_advice import allowing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from model_core.load_report import LoadReport
    from model_core.loading._mismatch_advice import MismatchAdvice

__all__ = ["AllowedDifferences", "Patterns", "check_report"]

_logger = escaping_logger(__name__)

# The least part of the names of model or checkpoint that must match, unless the rest is listed.
_LEAST_COVERAGE = 0.25

_TO_MATCH = "To make them match:"
_ALL_THE_SAME = (
    "To load it all the same:",
    ["allow_missing=['*'] and allow_unexpected=['*'], or narrower patterns, allow any names"],
)

Patterns = bool | str | re.Pattern[str] | Iterable[str | re.Pattern[str]]


@dataclass(frozen=True, slots=True)
class AllowedDifferences:
    """The arguments of `from_pretrained` that have these names.

    Raises:
        ArgumentError: `allow_missing` or `allow_unexpected` holds something other than names and patterns, or another
            argument is not True or False.
    """

    allow_missing: Patterns = ()
    allow_unexpected: Patterns = ()
    ignore_mismatched_sizes: bool = False
    strict: bool = True

    @property
    def may_lack_many(self) -> bool:
        """Whether the model may have any number of tensors that the checkpoint lacks."""
        return not self.strict or bool(self.allow_missing)

    def __post_init__(self) -> None:
        for argument in ("allow_missing", "allow_unexpected"):
            object.__setattr__(self, argument, _as_tuple(argument, getattr(self, argument)))
        for argument in ("ignore_mismatched_sizes", "strict"):
            value: Any = getattr(self, argument)
            if value not in (True, False):
                raise ArgumentError(argument, value, expected="True or False")


def check_report(
    report: LoadReport,
    allowed: AllowedDifferences,
    *,
    model_class: type,
    advise: Callable[[], MismatchAdvice],
    collisions: Mapping[str, Sequence[str]],
    hint: Callable[[], str],
) -> None:
    """Check that checkpoint and model differ only where the caller allows it. What is left out is logged.

    Args:
        report: What matches and what does not.
        allowed: What the caller allows.
        model_class: The class of the model.
        advise: Returns what can be done. It is called only for the error.
        collisions: The tensors of the model that several tensors of the checkpoint are renamed to, and these. Which of
            them it gets, no option allows a load to decide.
        hint: Returns what the checkpoint's config says, likewise.

    Raises:
        WeightsMismatchError: Tensors are missing, unexpected or mismatched, or what is allowed is a load in which next
            to nothing matches, or in which most of what is missing is there under other names.
    """

    def refused(reason: str, *sections: tuple[str, Sequence[str]]) -> WeightsMismatchError:
        problem = f"{report.source} does not match {model_class.__qualname__}: {_counted(report)}{reason}"
        listed = "".join(_section(title, lines) for title, lines in sections)
        return WeightsMismatchError(f"{problem} Nothing was loaded. {hint()}".rstrip() + listed, report=report)

    new_model = ("To get a new model:", [f"{model_class.__name__}(config)"])
    is_empty = not (report.loaded or report.unexpected or report.mismatched)
    if is_empty and (_is_refused(report, allowed) or _covers_too_little(report, allowed)):
        raise refused(". The checkpoint holds no tensors.", new_model)
    unused = {name for rivals in collisions.values() for name in rivals if name in report.unexpected}
    if _is_refused(report, allowed) or any(_is_unlisted(name, allowed.allow_unexpected) for name in unused):
        advice = advise()
        title = "To load what does not match even so:" if advice.remedies else "To load anyway:"
        raise refused(".", (_TO_MATCH, advice.remedies), (title, _permissions(advice, allowed)))
    if _covers_too_little(report, allowed):
        is_hopeless = _is_too_little(len(report.loaded), len(report.mismatched))  # whatever names are allowed
        reason = ", which is too little even for a lenient load."
        raise refused(reason, (_TO_MATCH, advise().remedies), new_model if is_hopeless else _ALL_THE_SAME)
    if (prefix := _prefix_of_whole_model(report)) is not None:
        raise refused(
            f". What matches is in the checkpoint a second time under {prefix!r}, together with what is missing, so it "
            "may be of another model.",
            ("To take all from there:", [f"key_mapping={{{'^' + re.escape(prefix)!r}: ''}}"]),
        )
    if min(_nums_unlisted(report, allowed)) > len(report.loaded):
        advice = advise()
        if len(advice.remaining.loaded) > 2 * len(report.loaded):
            reason = ", and most of what is missing is in the checkpoint under other names."
            raise refused(reason, (_TO_MATCH, advice.remedies), _ALL_THE_SAME)
    if not allowed.strict and (report.missing or report.unexpected):
        _logger.warning("Loaded with strict=False. %s", report)
    elif report.mismatched:
        _logger.warning("Loaded with ignore_mismatched_sizes=True. %s", report)


def _prefix_of_whole_model(report: LoadReport) -> str | None:
    """Return the prefix under which a checkpoint has what matched once more, and what is missing too; or None."""
    if not report.missing or not report.loaded:
        return None
    first = report.loaded[0]
    prefixes = [name.removesuffix(first) for name in report.unexpected if name.endswith(f".{first}")]
    return next(
        (
            prefix
            for prefix in prefixes
            if all(prefix + name in report.unexpected for name in report.loaded)
            and any(prefix + name in report.unexpected for name in report.missing)
        ),
        None,
    )


def _is_refused(report: LoadReport, allowed: AllowedDifferences) -> bool:
    """Return whether checkpoint and model differ in a way that the caller does not allow."""
    return bool(
        (allowed.strict and not all(_matches(allowed.allow_missing, name) for name in report.missing))
        or (allowed.strict and not all(_matches(allowed.allow_unexpected, name) for name in report.unexpected))
        or (report.mismatched and not allowed.ignore_mismatched_sizes)
    )


def _covers_too_little(report: LoadReport, allowed: AllowedDifferences) -> bool:
    """Return whether the tensors that match are few of the model's and few of the checkpoint's.

    Names that the caller has listed do not count: whoever lists them means it. A load that is meant, such as that of a
    part of a model or into a larger one, uses most of at least one side. Names like `fc.weight` or `conv1.weight`,
    which foreign models have in common by chance, are a few in a hundred of both. Tensors of another size are on
    both sides and used on neither.
    """
    num_matched, num_mismatched = len(report.loaded), len(report.mismatched)
    num_missing, num_unexpected = _nums_unlisted(report, allowed)
    if not num_matched:
        return num_mismatched > 0 or (num_missing > 0 and (num_unexpected > 0 or not allowed.strict))
    return _is_too_little(num_matched, num_mismatched + min(num_missing, num_unexpected))


def _is_too_little(num_matched: int, num_unused: int) -> bool:
    return num_matched < _LEAST_COVERAGE * (num_matched + num_unused)


def _nums_unlisted(report: LoadReport, allowed: AllowedDifferences) -> tuple[int, int]:
    """Return how many tensors are missing and how many are unexpected that the caller has not listed."""
    missing, unexpected = (
        sum(_is_unlisted(name, patterns) for name in names)
        for names, patterns in (
            (report.missing, allowed.allow_missing),
            (report.unexpected, allowed.allow_unexpected),
        )
    )
    return missing, unexpected


def _is_unlisted(name: str, patterns: Patterns) -> bool:
    return isinstance(patterns, bool) or not _matches(patterns, name)


def _permissions(advice: MismatchAdvice, allowed: AllowedDifferences) -> list[str]:
    """Return the options that allow what still does not match, those that lose nothing of the checkpoint first."""
    remaining = advice.remaining
    tensors, stored = advice.all_names
    missing, unexpected = list(remaining.missing), list(remaining.unexpected)
    to_lack, to_skip = allowing(missing, tensors), allowing(unexpected, stored)
    num_unused = len(remaining.mismatched)
    if to_lack == to_skip == "True":
        num_unused += min(len(missing), len(unexpected))
    if tensors and (not remaining.loaded or _is_too_little(len(remaining.loaded), num_unused)):
        return []  # the model would be a new one, more or less, and the load would be refused
    lines = []
    # A list has what the caller allows already, too, because it replaces that.
    if allowed.strict and not all(_matches(allowed.allow_missing, name) for name in missing):
        of_own = _about_useless(allowed.allow_missing, tensors, "model")
        lines.append(f"allow_missing={to_lack} keeps the constructor's values of what is missing{of_own}")
    if allowed.strict and not all(_matches(allowed.allow_unexpected, name) for name in unexpected):
        of_own = _about_useless(allowed.allow_unexpected, stored, "checkpoint")
        lines.append(f"allow_unexpected={to_skip} skips what is unexpected{of_own}")
    if remaining.mismatched and not allowed.ignore_mismatched_sizes:
        lines.append(
            "ignore_mismatched_sizes=True discards the checkpoint's values where shapes or dtypes differ, and keeps "
            "the constructor's"
        )
    return lines


def _about_useless(patterns: Patterns, names: Iterable[str], side: str) -> str:
    """Return which patterns of the caller match none of the tensors of a model or checkpoint, or `""`."""
    listed = _as_tuple("patterns", patterns)
    useless = (
        [] if isinstance(listed, bool) else [each for each in listed if not any(_matches(each, name) for name in names)]
    )
    return f" ({shortened([*map(repr, useless)])} matches no tensor of the {side})" if useless else ""


def _section(title: str, lines: Sequence[str]) -> str:
    return "".join([f"\n{title}", *(f"\n    {line}" for line in lines)]) if lines else ""


def _counted(report: LoadReport) -> str:
    """Return how many tensors match and how many do not, in words."""
    counts = [
        (len(report.missing), "missing"),
        (len(report.unexpected), "unexpected"),
        (len(report.mismatched), "mismatched"),
    ]
    differing = ", ".join(f"{number:,} {kind}" for number, kind in counts if number)
    number = len(report.loaded)
    if not number and not report.mismatched:
        return f"no tensor of the checkpoint is one of the model ({differing})"
    return f"{number:,} tensor{'s match' if number != 1 else ' matches'}, {differing}"


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
    listed: tuple[Any, ...] = tuple(patterns) if isinstance(patterns, Iterable) else (patterns,)
    if not all(isinstance(pattern, (str, re.Pattern)) for pattern in listed):
        raise ArgumentError(
            argument, patterns, expected="a list of names or patterns such as 'head.*', or True for all"
        )
    return listed
