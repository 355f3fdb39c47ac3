"""Adding tags to a model card that people wrote: the lines about tags change, and no other byte does.

The metadata is only composed into nodes, which have their places in the text, and never constructed: aliases that would
multiply cost nothing.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from hub_io.errors import PushRefusedError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["add_tags"]

# The metadata block as the client finds it (huggingface_hub 2.4, `repocard.py`), without the lines that enclose it.
_BLOCK = re.compile(r"\A\s*---(?:\r\n|\r|\n)(?P<yaml>.*?)(?=(?:\r\n|\r|\n)---[ \t]*(?:\r\n|\n|\Z))", re.DOTALL)
_OPENING = re.compile(r"\A\s*---[ \t]*(?:\r\n|\r|\n)\s*[\w\"'#]")
_LINE_END = re.compile(r"\r\n|\r|\n")
_PLAIN = re.compile(r"(?!(?i:true|false|yes|no|on|off|null|y|n)\Z)[A-Za-z][A-Za-z0-9_./+-]*")
_BYTE_ORDER_MARK = "\ufeff"
_NULL, _MERGE = "tag:yaml.org,2002:null", "tag:yaml.org,2002:merge"


def add_tags(card: str, tags: Iterable[str], *, source: str) -> str:
    """Return a model card with further tags in its metadata; the very same text if it has them all.

    Args:
        card: The card, with its own line ends.
        tags: The tags to add.
        source: The repository, for the error.

    Raises:
        PushRefusedError: Its metadata is not YAML, its tags are not a list, or they are written in a way that cannot be
            added to without touching more.
    """
    mark = _BYTE_ORDER_MARK if card.startswith(_BYTE_ORDER_MARK) else ""
    try:
        return mark + _with_tags(card.removeprefix(mark), [_checked(tag) for tag in sorted(set(tags))])
    except Exception as error:
        why = f"{str(error) or type(error).__name__:.300}"
        raise PushRefusedError(
            f"No tags can be added to the model card README.md of {source!r}: {why}. Edit its metadata, or push "
            "without tags.",
            source=source,
        ) from error


def _checked(tag: object) -> str:
    if not isinstance(tag, str) or not tag.isprintable():
        raise ValueError(f"a tag must be a text of printable characters, got {tag!a:.100}")
    return tag


def _with_tags(card: str, wanted: list[str]) -> str:
    line_end = match[0] if (match := _LINE_END.search(card)) else "\n"
    block = _BLOCK.search(card)
    if block is None:
        if _OPENING.search(card):
            raise ValueError("its metadata block has no line '---' at its end")
        text = _as_lines(wanted, line_end)
        if _tags_in(text) != wanted:
            raise ValueError(f"YAML has no way to write {', '.join(map(ascii, wanted))}")
        return f"---{line_end}{text}{line_end}---{line_end}{line_end}{card}" if wanted else card
    text = block["yaml"]
    present = _tags_in(text)
    new = [tag for tag in wanted if tag not in present]
    if not new:
        return card
    changed = _insert(text, new, line_end)
    if _tags_in(changed) != [*present, *new] or not _same_but_for_tags(text + line_end, changed + line_end):
        raise ValueError("its tags are written in a way that cannot be added to without touching more")
    return card[: block.start("yaml")] + changed + card[block.end("yaml") :]


def _compose(text: str) -> Any:
    """Return the node of the metadata, a mapping, or None if there is none."""
    import yaml

    root = yaml.compose(text, Loader=yaml.SafeLoader)
    if root is not None and (not isinstance(root, yaml.MappingNode) or root.flow_style):
        raise ValueError("its metadata is not written as lines of names and values")
    return root


def _entry(root: Any) -> tuple[Any, Any] | None:
    """Return the key and the value of the tags."""
    found = [(key, value) for key, value in root.value if key.value == "tags"] if root is not None else []
    if not found and root is not None and any(key.tag == _MERGE for key, _ in root.value):
        raise ValueError("its metadata is merged from elsewhere, perhaps with tags")
    return found[-1] if found else None


def _tags_in(text: str) -> list[str]:
    """Return the tags that a metadata text has."""
    import yaml

    entry = _entry(_compose(text))
    if entry is None or entry[1].tag == _NULL:
        return []
    if not isinstance(entry[1], yaml.SequenceNode):
        raise TypeError(f"its tags must be a list, got {entry[1].value!a:.100}")
    if not all(isinstance(item, yaml.ScalarNode) for item in entry[1].value):
        raise TypeError("its tags must be texts")
    return [item.value for item in entry[1].value]


def _same_but_for_tags(before: str, after: str) -> bool:
    """Return whether two metadata texts say the same about everything but tags."""
    roots = (_compose(before), _compose(after))
    old, new = ([pair for pair in root.value if pair[0].value != "tags"] if root else [] for root in roots)
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


def _insert(text: str, new: list[str], line_end: str) -> str:
    """Return the YAML text with tags added where its tags are, or else at its end."""
    import yaml

    root = _compose(text)
    entry = _entry(root)
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
    after = _LINE_END.search(text, value.value[-1].end_mark.index)
    place = after.start() if after else len(text)
    indent = " " * value.start_mark.column
    return text[:place] + "".join(f"{line_end}{indent}- {_quoted(tag)}" for tag in new) + text[place:]


def _as_lines(tags: list[str], line_end: str, indent: str = "") -> str:
    return line_end.join([f"{indent}tags:", *(f"{indent}- {_quoted(tag)}" for tag in tags)])


def _as_items(tags: list[str]) -> str:
    return ", ".join(map(_quoted, tags))


def _quoted(tag: str) -> str:
    return tag if _PLAIN.fullmatch(tag) else json.dumps(tag, ensure_ascii=False)  # JSON is YAML too
