"""What the errors of all packages have in common."""

from __future__ import annotations

from typing import Any

__all__ = ["SentenceError", "reduce_error"]


class SentenceError(Exception):
    """Base of errors whose one argument is a message of whole sentences, for this and other packages.

    Their constructors may take what they like, keyword-only arguments too: process pools can carry them home.
    """

    def __str__(self) -> str:
        # OSError and KeyError format their arguments in ways of their own.
        return str(self.args[0]) if self.args else ""

    def __reduce__(self) -> tuple[Any, ...]:
        return reduce_error(self)


def reduce_error(error: Exception) -> tuple[Any, ...]:
    """Return how pickle makes an error again, which by itself it does by calling its class with the message."""
    data = dict(vars(error))
    if isinstance(error, OSError):
        data |= {"errno": error.errno, "filename": error.filename}
    return _rebuilt, (type(error), error.args, {name: value for name, value in data.items() if _can_travel(value)})


def _rebuilt(cls: type[Exception], args: tuple[Any, ...], data: dict[str, Any]) -> Exception:
    # With two builtins among the bases, only the one that lays out the object may make it.
    error = OSError.__new__(cls, *args) if issubclass(cls, OSError) else cls.__new__(cls, *args)
    error.args = args
    for name, value in data.items():
        setattr(error, name, value)
    return error


def _can_travel(value: object) -> bool:
    """Tell whether a value can be pickled. An error that arrives without its class is better than none."""
    import pickle

    try:
        pickle.dumps(value)
    except Exception:  # noqa: BLE001 - anything may be raised, by anybody's object
        return False
    return True
