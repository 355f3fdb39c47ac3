"""`ModelOutput`: what models written for transformers return, with fields that can be read in three ways."""

from __future__ import annotations

import dataclasses
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, NoReturn

from model_core.torch_internals import register_output_class

__all__ = ["ModelOutput"]


class ModelOutput(OrderedDict[str, Any]):
    """Base class of outputs, whose subclasses are dataclasses.

    A field can be read as an attribute, by its name as a key, and by its number. Keys, numbers and `to_tuple()` leave
    out the fields that are None. A first field that is a dict, or a list of pairs, gives the other fields, if
    those are None.
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        register_output_class(cls, _flatten, lambda values, names: cls(**dict(zip(names, values, strict=True))))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if type(self) is not ModelOutput and not dataclasses.is_dataclass(self):
            raise TypeError(f"{type(self).__name__} must be a dataclass. Put @dataclass above the class.")

    def __post_init__(self) -> None:
        """Make keys of the fields that are not None. `@dataclass` calls this."""
        names = [field.name for field in dataclasses.fields(self)]  # type: ignore[arg-type]
        if not names:
            raise ValueError(f"{type(self).__name__} has no fields.")
        first = getattr(self, names[0])
        rest_is_none = all(getattr(self, name) is None for name in names[1:])
        pairs = _pairs(first) if rest_is_none else None
        if pairs is None:
            for name in names:
                if getattr(self, name) is not None:
                    super().__setitem__(name, getattr(self, name))
            return
        setattr(self, names[0], None)
        for name, value in pairs:
            setattr(self, name, value)
            if value is not None:
                super().__setitem__(name, value)

    def to_tuple(self) -> tuple[Any, ...]:
        """Return the values that are not None."""
        return tuple(self[name] for name in self)

    def __getitem__(self, key: Any) -> Any:
        return super().__getitem__(key) if isinstance(key, str) else self.to_tuple()[key]

    def __setitem__(self, key: str, value: Any) -> None:
        super().__setitem__(key, value)
        super().__setattr__(key, value)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in self and value is not None:
            super().__setitem__(name, value)
        super().__setattr__(name, value)

    def __delitem__(self, key: str) -> NoReturn:
        raise TypeError(f"A field of {type(self).__name__} cannot be deleted.")

    def setdefault(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        """Raise: an output has the fields of its class."""
        raise TypeError(f"{type(self).__name__} has no setdefault().")

    def pop(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        """Raise: a field cannot be deleted."""
        raise TypeError(f"A field of {type(self).__name__} cannot be deleted.")

    def update(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        """Raise: assign the fields one by one."""
        raise TypeError(f"{type(self).__name__} has no update(). Assign its fields.")

    def __reduce__(self) -> Any:
        if not dataclasses.is_dataclass(self):
            return super().__reduce__()
        return _restored, (type(self), {field.name: getattr(self, field.name) for field in dataclasses.fields(self)})


def _pairs(first: Any) -> list[tuple[str, Any]] | None:
    """Return the names and values in a first field that gives all fields, or None."""
    if isinstance(first, Mapping):
        return list(first.items())
    if not isinstance(first, (list, tuple)) or not first or not all(map(_is_pair, first)):
        return None
    return [(name, value) for name, value in first]


def _is_pair(item: object) -> bool:
    return isinstance(item, (list, tuple)) and len(item) == 2 and isinstance(item[0], str)  # noqa: PLR2004


def _restored(cls: type[Any], fields: dict[str, Any]) -> Any:
    return cls(**fields)


def _flatten(output: Any) -> tuple[list[Any], list[str]]:
    return list(output.values()), list(output.keys())
