"""Adding tags to a model card that people wrote: the lines about tags change, and no other byte does.

The metadata is only composed into nodes, which have their places in the text, and never constructed: aliases that would
multiply cost nothing.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from hub_io.errors import ModelCardError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["add_tags"]

# The metadata block as the client finds it (huggingface_hub 2.4, `repocard.py`), without the lines that enclose it.
_BLOCK = re.compile(r"\A\s*---(?:\r\n|\r|\n)(?P<yaml>.*?)(?=(?:\r\n|\r|\n)---[ \t]*(?:\r\n|\n|\Z))", re.DOTALL)
_LINE_END = re.compile(r"\r\n|\r|\n")
_PLAIN = re.compile(r"(?!(?i:true|false|yes|no|on|off|null|y|n)\Z)[A-Za-z][A-Za-z0-9_./+-]*")


def add_tags(card: str, tags: Iterable[str], *, source: str) -> str:
    """Return a model card with further tags in its metadata; the very same text if it has them all.

    Args:
        card: The card, with its own line ends.
        tags: The tags to add.
        source: The repository, for the error.

    Raises:
        ModelCardError: Its metadata is not YAML, its tags are not a list of texts, or they are written in a way that
            cannot be added to without touching more.
    """
    try:
        return _with_tags(card, sorted(set(tags)))
    except ModelCardError:
        raise
    except Exception as error:
        why = f"{str(error) or type(error).__name__:.300}"
        raise ModelCardError(
            f"No tags can be added to the model card README.md of {source!r}: {why}. Edit its metadata, or push "
            "without tags.",
            source=source,
        ) from error


def _with_tags(card: str, wanted: list[str]) -> str:
    line_end = match[0] if (match := _LINE_END.search(card)) else "\n"
    block = _BLOCK.search(card)
    if block is None:
        return f"---{line_end}{_as_lines(wanted, line_end)}{line_end}---{line_end}{line_end}{card}" if wanted else card
    text = block["yaml"]
    names, present = _read(text)
    new = [tag for tag in wanted if tag not in present]
    if not new:
        return card
    changed = _insert(text, new, line_end)
    if _read(changed) != (names if "tags" in names else [*names, "tags"], [*present, *new]):
        raise ValueError("they are written in a way that cannot be added to without touching more")
    return card[: block.start("yaml")] + changed + card[block.end("yaml") :]


def _read(text: str) -> tuple[list[str], list[str]]:
    """Return the names of the metadata and the tags."""
    pairs = _pairs(text)
    tags = _tags_node(pairs)
    return [key.value for key, _ in pairs], [_text_of(item) for item in tags.value] if tags is not None else []


def _pairs(text: str) -> list[tuple[Any, Any]]:
    import yaml

    root = yaml.compose(text, Loader=yaml.SafeLoader)
    if root is None:
        return []
    if not isinstance(root, yaml.MappingNode) or root.flow_style:
        raise ValueError("its metadata is not written as lines of names and values")
    return list(root.value)


def _tags_node(pairs: list[tuple[Any, Any]]) -> Any:
    """Return the list of tags, or None if there is none or it is written as nothing."""
    import yaml

    found = [value for key, value in pairs if key.value == "tags"]
    if not found or found[-1].tag == "tag:yaml.org,2002:null":
        return None
    if not isinstance(found[-1], yaml.SequenceNode):
        raise TypeError(f"its tags must be a list, got {found[-1].value!a:.100}")
    return found[-1]


def _text_of(item: Any) -> str:
    if item.tag != "tag:yaml.org,2002:str":
        raise TypeError(f"its tags must be texts, got {item.value!a:.100}")
    return str(item.value)


def _insert(text: str, new: list[str], line_end: str) -> str:
    """Return the YAML text with tags added where its tags are."""
    pairs = _pairs(text)
    found = [(key, value) for key, value in pairs if key.value == "tags"]
    if not found:
        return f"{text.rstrip()}{line_end if text.strip() else ''}{_as_lines(new, line_end)}"
    key, value = found[-1]
    start, end = value.start_mark.index, value.end_mark.index
    if start < key.end_mark.index:
        raise ValueError("its tags are an alias of something else")
    if _tags_node(pairs) is None:  # nothing, in one of the ways to write it
        return f"{text[:start]}{'' if text[start - 1 : start] == ' ' else ' '}[{_as_items(new)}]{text[end:]}"
    if value.flow_style:
        last = value.value[-1].end_mark.index if value.value else start + 1
        comma = ", " if value.value and "," not in text[last : end - 1] else ""
        return f"{text[: end - 1]}{comma}{_as_items(new)}{text[end - 1 :]}"
    after = _LINE_END.search(text, value.value[-1].end_mark.index)
    place = after.start() if after else len(text)
    indent = " " * value.start_mark.column
    return text[:place] + "".join(f"{line_end}{indent}- {_quoted(tag)}" for tag in new) + text[place:]


def _as_lines(tags: list[str], line_end: str) -> str:
    return line_end.join(["tags:", *(f"- {_quoted(tag)}" for tag in tags)])


def _as_items(tags: list[str]) -> str:
    return ", ".join(map(_quoted, tags))


def _quoted(tag: str) -> str:
    return tag if _PLAIN.fullmatch(tag) else json.dumps(tag, ensure_ascii=False)  # JSON is YAML too
