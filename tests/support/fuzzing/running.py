"""Many mutants of one target: what its loaders made of them."""

from __future__ import annotations

import os
import random
import traceback
import warnings
from abc import ABC, abstractmethod
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from auto_registry import AutoRegistryError
from config_core import ConfigCoreError
from fuzzing.watching import EndlessError, limited_memory, limited_work, writes_outside
from hub_io import HubIoError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

__all__ = ["Counts", "Target", "run_mutants"]

WORK_LIMIT_S = 10.0
MEMORY_LIMIT = 3 << 30


class Target(ABC):
    """What mutants are made of, and what reads them.

    Attributes:
        place: The only folder that loads may write to.
        folder: The checkpoint, if there is one, in which a load leaves nothing.
    """

    place: Path
    folder: Path | None = None

    @abstractmethod
    def mutate(self, rng: random.Random) -> Mapping[str, Callable[[], object]]:
        """Make a mutant. Return the public calls that read it, by name."""

    def writable(self) -> tuple[Path, ...]:
        """Return the folders that loads may write to."""
        return ()


@dataclass
class Counts:
    """What came of some mutants.

    Attributes:
        mutants: How many there were.
        read: How many calls read theirs.
        refused: How many calls refused theirs, by the class of the error.
        findings: What must not happen, with the number of the mutant.
    """

    mutants: int = 0
    read: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    findings: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        refused = ", ".join(f"{count:,} {name}" for name, count in self.refused.most_common())
        total = self.read + self.refused.total()
        return (
            f"{self.mutants:,} mutants, {total:,} calls: {self.read:,} read, {self.refused.total():,} refused "
            f"({refused}); {len(self.findings):,} findings"
        )


def run_mutants(target: Target, name: str, *, count: int, first: int = 0, seed: int = 0) -> Counts:
    """Make mutants and have them read.

    Args:
        target: The target.
        name: Its name, which belongs to what a mutant is known by.
        count: How many mutants.
        first: The number of the first one.
        seed: Another seed makes other mutants.
    """
    import resnet.modeling_resnet  # noqa: F401 - torch makes folders while it is imported

    counts = Counts()
    for number in range(first, first + count):
        # Not a text: how it is made into numbers is up to the version of Python.
        calls = target.mutate(random.Random(f"{name} {seed} {number}"))
        before = _listing(target.folder)
        for call_name, call in calls.items():
            outcome = _outcome(call, target.writable())
            if outcome is None:
                counts.read += 1
            elif isinstance(outcome, str):
                counts.findings.append(f"{name} {number} {call_name}: {outcome}")
            else:
                counts.refused[type(outcome).__name__] += 1
        if (after := _listing(target.folder)) != before:
            counts.findings.append(f"{name} {number}: left behind or taken away {sorted(before ^ after)}")
        counts.mutants += 1
    return counts


def _outcome(call: Callable[[], object], writable: tuple[Path, ...]) -> Exception | str | None:
    """Return the error of ours that a call raises, what it does that it must not do, or None."""
    with writes_outside(*writable) as outside, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with limited_work(WORK_LIMIT_S), limited_memory(MEMORY_LIMIT):
                call()
        except EndlessError:
            return f"more than {WORK_LIMIT_S:g} s of processor time"
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # noqa: BLE001 - panics of Rust are no Exception
            if not isinstance(error, _ours()):
                return "".join(traceback.format_exception(error, limit=-6)).strip()[-2_500:]
            if isinstance(error, Exception) and (problem := _problem_of_message(error)):
                return problem
            return f"wrote {outside}" if outside else error  # type: ignore[return-value]
    return f"wrote {outside}" if outside else None


def _ours() -> tuple[type[BaseException], ...]:
    from model_core import ModelCoreError  # not on import: torch takes seconds
    from resnet import ResnetError

    return ConfigCoreError, AutoRegistryError, HubIoError, ModelCoreError, ResnetError


def _problem_of_message(error: Exception) -> str:
    """Return what is wrong with a message: a terminal would act upon it, or it takes up pages."""
    text = str(error)
    if len(text) > 20_000:
        return f"{type(error).__name__} with {len(text):,} characters: {text[:300]!a}"
    if any(not char.isprintable() and char not in "\n\t" for char in text):
        return f"{type(error).__name__} with what a terminal acts upon: {text[:1_000]!a}"
    return ""


def _listing(folder: Path | None) -> frozenset[str]:
    if folder is None:
        return frozenset()
    return frozenset(f"{base}/{name}" for base, folders, names in os.walk(folder) for name in (*folders, *names))
