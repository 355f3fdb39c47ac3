"""Attributes that are computed at their first use, without a lock.

`functools.cached_property` of Python 3.11 holds one lock for all objects of a class while it computes: a download in
one thread stops the loads of all others, and a fork meanwhile stops its child for ever.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar, overload

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["computed_once"]

_Value = TypeVar("_Value")


class computed_once(Generic[_Value]):  # noqa: N801 - a decorator, named like `property`
    """A method as an attribute of its result. Threads that come together may compute it twice; all get one result."""

    def __init__(self, compute: Callable[[Any], _Value]) -> None:
        """Make an attribute.

        Args:
            compute: The method.
        """
        self._compute = compute
        self._name = compute.__name__
        self.__doc__ = compute.__doc__

    @overload
    def __get__(self, instance: None, owner: type[Any]) -> Self: ...
    @overload
    def __get__(self, instance: object, owner: type[Any]) -> _Value: ...
    def __get__(self, instance: object | None, owner: type[Any]) -> Self | _Value:
        """Return the result."""
        if instance is None:
            return self
        value: _Value = vars(instance).setdefault(self._name, self._compute(instance))
        return value
