"""Setting metadata of a model card that people wrote, such as its license: no byte outside of that entry changes."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from hub_io.errors import PushRefusedError
from hub_io.hub._card_yaml import changed_metadata, compose, entry_of, quoted, same_but_for

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["as_yaml", "set_fields"]


def set_fields(card: str, fields: Mapping[str, str | list[str]], *, source: str) -> str:
    """Return a model card with other metadata, unchanged if it has all of it already.

    Args:
        card: The card, with its own line ends.
        fields: Name to a string, or to a list of strings.
        source: The repository, for the error.

    Raises:
        PushRefusedError: Its metadata is not YAML, or written in a way that cannot be changed without touching more.
    """
    for name, value in fields.items():
        try:
            card = changed_metadata(card, partial(_with_field, name=name, value=value))
        except Exception as error:
            why = f"{str(error) or type(error).__name__:.300}"
            raise PushRefusedError(
                f"{name} cannot be set in the model card README.md of {source!r}: {why}. Edit its metadata, or push "
                f"without {name}.",
                source=source,
            ) from error
    return card


def as_yaml(value: str | list[str]) -> str:
    """Return a text, or a list of texts, in one line of YAML."""
    return quoted(value) if isinstance(value, str) else f"[{', '.join(map(quoted, value))}]"


def _with_field(text: str, line_end: str, *, name: str, value: str | list[str]) -> str:
    wanted = [value] if isinstance(value, str) else value
    if _texts_in(text, name) == wanted:
        return text
    changed = _replaced(text, name, value, line_end)
    if _texts_in(changed, name) != wanted or not same_but_for(name, text + line_end, changed + line_end):
        raise ValueError("it is written in a way that cannot be changed without touching more")
    return changed


def _texts_in(text: str, name: str) -> list[str] | None:
    """Return what a metadata text says of a name; None if that is nothing, or no text nor list of texts."""
    import yaml

    entry = entry_of(compose(text), name)
    nodes: list[Any] = [] if entry is None else [entry[1]]
    if entry is not None and isinstance(entry[1], yaml.SequenceNode):
        nodes = entry[1].value
    is_text = all(node.tag == yaml.resolver.BaseResolver.DEFAULT_SCALAR_TAG for node in nodes)
    return [node.value for node in nodes] if nodes and is_text else None


def _replaced(text: str, name: str, value: str | list[str], line_end: str) -> str:
    """Return the metadata text with a value where the name is, or else at its end."""
    import yaml

    root = compose(text)
    entry = entry_of(root, name)
    written = as_yaml(value)
    if entry is None:
        indent = " " * root.start_mark.column if root is not None else ""
        return f"{text}{line_end if text.strip() else ''}{indent}{name}: {written}"
    key, old = entry
    if old.start_mark.index < key.end_mark.index:
        raise ValueError("it is an alias of something else")
    end = old.end_mark.index
    if isinstance(old, yaml.SequenceNode) and not old.flow_style:
        end = old.value[-1].end_mark.index
    end = max(key.end_mark.index + 1, len(text[:end].rstrip()))
    colon = text.index(":", key.end_mark.index)
    return f"{text[: colon + 1]} {written}{text[max(end, colon + 1) :]}"
