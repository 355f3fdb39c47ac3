"""The metadata block of a model card, as text and as YAML nodes, which have their places in the text.

It is only composed into nodes and never constructed: aliases that would multiply cost nothing.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["LINE_END", "NULL", "changed_metadata", "compose", "entry_of", "quoted", "same_but_for"]

# The metadata block as the client finds it (huggingface_hub 2.4, `repocard.py`), without the lines that enclose it.
_BLOCK = re.compile(r"\A\s*---(?:\r\n|\r|\n)(?P<yaml>.*?)(?=(?:\r\n|\r|\n)---[ \t]*(?:\r\n|\n|\Z))", re.DOTALL)
_OPENING = re.compile(r"\A\s*---[ \t]*(?:\r\n|\r|\n)\s*[\w\"'#]")
LINE_END: Final = re.compile(r"\r\n|\r|\n")
_PLAIN = re.compile(r"(?!(?i:true|false|yes|no|on|off|null|y|n)\Z)[A-Za-z][A-Za-z0-9_./+-]*")
_BYTE_ORDER_MARK = "\ufeff"
_LARGEST_METADATA = 200_000  # characters; parsing more takes minutes
NULL: Final = "tag:yaml.org,2002:null"
_MERGE: Final = "tag:yaml.org,2002:merge"


def changed_metadata(card: str, change: Callable[[str, str], str]) -> str:
    """Return a model card with other metadata.

    Args:
        card: The card, with its own line ends.
        change: Takes the text of the metadata, `""` if there is none, and the line end; returns the new text.

    Raises:
        ValueError: The block of metadata has no end, or is too large.
    """
    mark = _BYTE_ORDER_MARK if card.startswith(_BYTE_ORDER_MARK) else ""
    card = card.removeprefix(mark)
    line_end = match[0] if (match := LINE_END.search(card)) else "\n"
    block = _BLOCK.search(card)
    if block is not None:
        if len(block["yaml"]) > _LARGEST_METADATA:
            raise ValueError(f"its metadata has more than {_LARGEST_METADATA:,} characters")
        return mark + card[: block.start("yaml")] + change(block["yaml"], line_end) + card[block.end("yaml") :]
    if _OPENING.search(card):
        raise ValueError("its metadata block has no line '---' at its end")
    text = change("", line_end)
    return f"{mark}---{line_end}{text}{line_end}---{line_end}{line_end}{card}" if text else mark + card


def compose(text: str) -> Any:
    """Return the node of the metadata, a mapping, or None if there is none.

    Raises:
        ValueError: It is something else.
    """
    import yaml

    root = yaml.compose(text, Loader=yaml.SafeLoader)
    if root is not None and (not isinstance(root, yaml.MappingNode) or root.flow_style):
        raise ValueError("its metadata is not written as lines of names and values")
    return root


def entry_of(root: Any, name: str) -> tuple[Any, Any] | None:
    """Return the key and the value of a name in the node of the metadata, or None.

    Raises:
        ValueError: It may come from elsewhere in the metadata.
    """
    found = [(key, value) for key, value in root.value if key.value == name] if root is not None else []
    if not found and root is not None and any(key.tag == _MERGE for key, _ in root.value):
        raise ValueError(f"its metadata is merged from elsewhere, perhaps with {name}")
    return found[-1] if found else None


def same_but_for(name: str, before: str, after: str) -> bool:
    """Return whether two metadata texts say the same about everything but one name."""
    roots = (compose(before), compose(after))
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


def quoted(text: str) -> str:
    """Return a text as YAML."""
    return text if _PLAIN.fullmatch(text) else json.dumps(text, ensure_ascii=False)  # JSON is YAML too
