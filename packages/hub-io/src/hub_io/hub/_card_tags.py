"""Adding tags to a model card that people wrote: the lines about tags change, and no other byte does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub_io.errors import PushRefusedError
from hub_io.hub._card_yaml import LINE_END, NULL, changed_metadata, compose, entry_of, quoted, same_but_for

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["add_tags"]


def add_tags(card: str, tags: Iterable[str], *, source: str) -> str:
    """Return a model card with further tags in its metadata, unchanged if it has them all.

    Args:
        card: The card, with its own line ends.
        tags: The tags to add.
        source: The repository, for the error.

    Raises:
        PushRefusedError: Its metadata is not YAML, its tags are not a list, or they are written in a way that cannot be
            added to without touching more.
    """
    try:
        wanted = [_checked(tag) for tag in sorted(set(tags))]
        return changed_metadata(card, lambda text, line_end: _with_tags(text, wanted, line_end))
    except Exception as error:
        why = f"{str(error) or type(error).__name__:.300}"
        raise PushRefusedError(
            f"No tags can be added to the model card README.md of {source!r}: {why}. Edit its metadata, or push "
            "without tags.",
            source=source,
        ) from error


def _checked(tag: object) -> str:
    if not isinstance(tag, str) or not tag.isprintable():
        raise ValueError(f"a tag must be a string of printable characters, got {tag!a:.100}")
    return tag


def _with_tags(text: str, wanted: list[str], line_end: str) -> str:
    present = _tags_in(text)
    new = [tag for tag in wanted if tag not in present]
    if not new:
        return text
    changed = _insert(text, new, line_end)
    if not text and _tags_in(changed) != new:
        raise ValueError(f"YAML has no way to write {', '.join(map(ascii, new))}")
    if _tags_in(changed) != [*present, *new] or not same_but_for("tags", text + line_end, changed + line_end):
        raise ValueError("its tags are written in a way that cannot be added to without touching more")
    return changed


def _tags_in(text: str) -> list[str]:
    """Return the tags that a metadata text has."""
    import yaml

    entry = entry_of(compose(text), "tags")
    if entry is None or entry[1].tag == NULL:
        return []
    if not isinstance(entry[1], yaml.SequenceNode):
        raise TypeError(f"its tags must be a list, got {entry[1].value!a:.100}")
    if not all(isinstance(item, yaml.ScalarNode) for item in entry[1].value):
        raise TypeError("its tags must be strings")
    return [item.value for item in entry[1].value]


def _insert(text: str, new: list[str], line_end: str) -> str:
    """Return the YAML text with tags added where its tags are, or else at its end."""
    import yaml

    root = compose(text)
    entry = entry_of(root, "tags")
    if root is None:
        return f"{text}{line_end}{_as_lines(new, line_end)}" if text.strip() else _as_lines(new, line_end)
    if entry is None:
        return f"{text}{line_end}{_as_lines(new, line_end, ' ' * root.start_mark.column)}"
    key, value = entry
    start, end = value.start_mark.index, value.end_mark.index
    if start < key.end_mark.index:
        raise ValueError("its tags are an alias of something else")
    if not isinstance(value, yaml.SequenceNode):  # nothing, in one of the ways to write it
        return f"{text[:start]}{'' if text[start - 1 : start] == ' ' else ' '}[{_as_items(new)}]{text[end:]}"
    if value.flow_style:
        last = value.value[-1].end_mark.index if value.value else start + 1
        comma = ", " if value.value and "," not in text[last : end - 1] else ""
        return f"{text[: end - 1]}{comma}{_as_items(new)}{text[end - 1 :]}"
    after = LINE_END.search(text, value.value[-1].end_mark.index)
    place = after.start() if after else len(text)
    indent = " " * value.start_mark.column
    return text[:place] + "".join(f"{line_end}{indent}- {quoted(tag)}" for tag in new) + text[place:]


def _as_lines(tags: list[str], line_end: str, indent: str = "") -> str:
    return line_end.join([f"{indent}tags:", *(f"{indent}- {quoted(tag)}" for tag in tags)])


def _as_items(tags: list[str]) -> str:
    return ", ".join(map(quoted, tags))
