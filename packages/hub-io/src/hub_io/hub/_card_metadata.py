"""Metadata of a model card that people wrote: tags are added, fields such as its license are set.

The lines about them change, and no other byte does. The metadata is only composed into YAML nodes, which have their
places in the text, and never constructed: aliases that would multiply cost nothing.
"""

from __future__ import annotations

import contextlib
import json
import re
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from hub_io.errors import PushRefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

__all__ = ["add_tags", "set_fields"]

# The metadata block as the client finds it (huggingface_hub 2.4, `repocard.py`), without the lines that enclose it.
_BLOCK = re.compile(r"\A\s*---(?:\r\n|\r|\n)(?P<yaml>.*?)(?=(?:\r\n|\r|\n)---[ \t]*(?:\r\n|\n|\Z))", re.DOTALL)
_OPENING = re.compile(r"\A\s*---[ \t]*(?:\r\n|\r|\n)\s*[\w\"'#]")
_LINE_END: Final = re.compile(r"\r\n|\r|\n")
_PLAIN = re.compile(r"(?!(?i:true|false|yes|no|on|off|null|y|n)\Z)[A-Za-z][A-Za-z0-9_./+-]*")
_BYTE_ORDER_MARK = "\ufeff"
_LARGEST_METADATA = 200_000  # characters; parsing more takes minutes
_NULL: Final = "tag:yaml.org,2002:null"
_MERGE: Final = "tag:yaml.org,2002:merge"


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
    with _refusing("No tags can be added to", source, without="tags"):
        wanted = [_checked_tag(tag) for tag in sorted(set(tags))]
        return _changed_metadata(card, lambda text, line_end: _with_tags(text, wanted, line_end))


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
        with _refusing(f"{name} cannot be set in", source, without=name):
            card = _changed_metadata(card, partial(_with_field, name=name, value=value))
    return card


@contextlib.contextmanager
def _refusing(problem: str, source: str, *, without: str) -> Iterator[None]:
    """Turn every error of the block into one that says why the card cannot be changed."""
    try:
        yield
    except Exception as error:
        why = f"{str(error) or type(error).__name__:.300}"
        raise PushRefusedError(
            f"{problem} the model card README.md of {source!r}: {why}. Edit its metadata, or push without {without}.",
            source=source,
        ) from error


def _changed_metadata(card: str, change: Callable[[str, str], str]) -> str:
    """Return a model card with other metadata.

    Args:
        card: The card, with its own line ends.
        change: Takes the text of the metadata, `""` if there is none, and the line end; returns the new text.

    Raises:
        ValueError: The block of metadata has no end, or is too large.
    """
    mark = _BYTE_ORDER_MARK if card.startswith(_BYTE_ORDER_MARK) else ""
    card = card.removeprefix(mark)
    line_end = match[0] if (match := _LINE_END.search(card)) else "\n"
    block = _BLOCK.search(card)
    if block is not None:
        if len(block["yaml"]) > _LARGEST_METADATA:
            raise ValueError(f"its metadata has more than {_LARGEST_METADATA:,} characters")
        return mark + card[: block.start("yaml")] + change(block["yaml"], line_end) + card[block.end("yaml") :]
    if _OPENING.search(card):
        raise ValueError("its metadata block has no line '---' at its end")
    text = change("", line_end)
    return f"{mark}---{line_end}{text}{line_end}---{line_end}{line_end}{card}" if text else mark + card


def _checked_tag(tag: object) -> str:
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
    if _tags_in(changed) != [*present, *new] or not _same_but_for("tags", text + line_end, changed + line_end):
        raise ValueError("its tags are written in a way that cannot be added to without touching more")
    return changed


def _tags_in(text: str) -> list[str]:
    """Return the tags that a metadata text has."""
    import yaml

    entry = _entry_of(_compose(text), "tags")
    if entry is None or entry[1].tag == _NULL:
        return []
    if not isinstance(entry[1], yaml.SequenceNode):
        raise TypeError(f"its tags must be a list, got {entry[1].value!a:.100}")
    if not all(isinstance(item, yaml.ScalarNode) for item in entry[1].value):
        raise TypeError("its tags must be strings")
    return [item.value for item in entry[1].value]


def _insert(text: str, new: list[str], line_end: str) -> str:
    """Return the YAML text with tags added where its tags are, or else at its end."""
    import yaml

    root = _compose(text)
    entry = _entry_of(root, "tags")
    if entry is None:
        return _appended(text, ["tags:", *(f"- {_quoted(tag)}" for tag in new)], root, line_end)
    key, value = entry
    start, end = value.start_mark.index, value.end_mark.index
    if start < key.end_mark.index:
        raise ValueError("its tags are an alias of something else")
    if not isinstance(value, yaml.SequenceNode):  # nothing, in one of the ways to write it
        return (
            f"{text[:start]}{'' if text[start - 1 : start] == ' ' else ' '}[{', '.join(map(_quoted, new))}]{text[end:]}"
        )
    if value.flow_style:
        last = value.value[-1].end_mark.index if value.value else start + 1
        comma = ", " if value.value and "," not in text[last : end - 1] else ""
        return f"{text[: end - 1]}{comma}{', '.join(map(_quoted, new))}{text[end - 1 :]}"
    after = _LINE_END.search(text, value.value[-1].end_mark.index)
    place = after.start() if after else len(text)
    indent = " " * value.start_mark.column
    return text[:place] + "".join(f"{line_end}{indent}- {_quoted(tag)}" for tag in new) + text[place:]


def _with_field(text: str, line_end: str, *, name: str, value: str | list[str]) -> str:
    wanted = [value] if isinstance(value, str) else value
    if _texts_in(text, name) == wanted:
        return text
    changed = _replaced(text, name, value, line_end)
    if _texts_in(changed, name) != wanted or not _same_but_for(name, text + line_end, changed + line_end):
        raise ValueError("it is written in a way that cannot be changed without touching more")
    return changed


def _texts_in(text: str, name: str) -> list[str] | None:
    """Return what a metadata text says of a name; None if that is nothing, or no text nor list of texts."""
    import yaml

    entry = _entry_of(_compose(text), name)
    nodes: list[Any] = [] if entry is None else [entry[1]]
    if entry is not None and isinstance(entry[1], yaml.SequenceNode):
        nodes = entry[1].value
    is_text = all(node.tag == yaml.resolver.BaseResolver.DEFAULT_SCALAR_TAG for node in nodes)
    return [node.value for node in nodes] if nodes and is_text else None


def _replaced(text: str, name: str, value: str | list[str], line_end: str) -> str:
    """Return the metadata text with a value where the name is, or else at its end."""
    import yaml

    root = _compose(text)
    entry = _entry_of(root, name)
    written = _quoted(value) if isinstance(value, str) else f"[{', '.join(map(_quoted, value))}]"
    if entry is None:
        return _appended(text, [f"{name}: {written}"], root, line_end)
    key, old = entry
    if old.start_mark.index < key.end_mark.index:
        raise ValueError("it is an alias of something else")
    end = old.end_mark.index
    if isinstance(old, yaml.SequenceNode) and not old.flow_style:
        end = old.value[-1].end_mark.index
    end = max(key.end_mark.index + 1, len(text[:end].rstrip()))
    colon = text.index(":", key.end_mark.index)
    return f"{text[: colon + 1]} {written}{text[max(end, colon + 1) :]}"


def _appended(text: str, lines: list[str], root: Any, line_end: str) -> str:
    """Return the metadata text with lines at its end, indented as the others are."""
    indent = "" if root is None else " " * root.start_mark.column
    added = line_end.join(f"{indent}{line}" for line in lines)
    return f"{text}{line_end}{added}" if text.strip() else added


def _compose(text: str) -> Any:
    """Return the node of the metadata, a mapping, or None if there is none.

    Raises:
        ValueError: It is something else.
    """
    import yaml

    root = yaml.compose(text, Loader=yaml.SafeLoader)
    if root is not None and (not isinstance(root, yaml.MappingNode) or root.flow_style):
        raise ValueError("its metadata is not written as lines of names and values")
    return root


def _entry_of(root: Any, name: str) -> tuple[Any, Any] | None:
    """Return the key and the value of a name in the node of the metadata, or None.

    Raises:
        ValueError: It may come from elsewhere in the metadata.
    """
    found = [(key, value) for key, value in root.value if key.value == name] if root is not None else []
    if not found and root is not None and any(key.tag == _MERGE for key, _ in root.value):
        raise ValueError(f"its metadata is merged from elsewhere, perhaps with {name}")
    return found[-1] if found else None


def _same_but_for(name: str, before: str, after: str) -> bool:
    """Return whether two metadata texts say the same about everything but one name."""
    roots = (_compose(before), _compose(after))
    old, new = ([pair for pair in root.value if pair[0].value != name] if root else [] for root in roots)
    return _same(old, new, compared=set())


def _same(old: Any, new: Any, *, compared: set[tuple[int, int]]) -> bool:
    """Return whether nodes, or lists and pairs of them, say the same. Aliases are compared once."""
    if (id(old), id(new)) in compared or old is new:
        return True
    compared.add((id(old), id(new)))
    if isinstance(old, list | tuple):
        return len(old) == len(new) and all(_same(*pair, compared=compared) for pair in zip(old, new, strict=True))
    if isinstance(old, str):
        return bool(old == new)
    return type(old) is type(new) and old.tag == new.tag and _same(old.value, new.value, compared=compared)


def _quoted(text: str) -> str:
    """Return a text as YAML."""
    return text if _PLAIN.fullmatch(text) else json.dumps(text, ensure_ascii=False)  # JSON is YAML too
