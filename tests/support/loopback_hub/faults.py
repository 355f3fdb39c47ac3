"""Faults on demand: the next matching requests fail, lose their connection in the middle of the body, or wait."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["CutBody", "Delay", "Failure", "Faults"]


@dataclass(kw_only=True)
class _Fault:
    """`path` is a part of the raw path, `method` None for any; `times` counts down."""

    path: str
    method: str | None
    times: int

    def matches(self, method: str, path: str) -> bool:
        return self.times > 0 and self.path in path and self.method in {None, method}


@dataclass(kw_only=True)
class Failure(_Fault):
    """The request is answered with an error."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(kw_only=True)
class CutBody(_Fault):
    """The connection is closed after so many bytes of the answer's body."""

    after: int


@dataclass(kw_only=True)
class Delay(_Fault):
    """The answer starts so many seconds late."""

    seconds: float


class Faults:
    """Faults that wait for their request, first planned first."""

    def __init__(self) -> None:
        self._planned: list[Failure | CutBody | Delay] = []
        self._lock = Lock()

    def plan(self, fault: Failure | CutBody | Delay) -> None:
        """Keep a fault for the next requests that match."""
        with self._lock:
            self._planned.append(fault)

    def take(self, method: str, path: str) -> Failure | CutBody | Delay | None:
        """Use up and return the first fault for this request."""
        with self._lock:
            for fault in self._planned:
                if fault.matches(method, path):
                    fault.times -= 1
                    return fault
        return None

    def clear(self) -> None:
        """Forget the faults that found no request."""
        with self._lock:
            self._planned.clear()
