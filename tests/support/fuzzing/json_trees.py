"""JSON as a tree that keeps what parsers drop, and random edits of it."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Sequence

__all__ = ["Members", "Raw", "dump_tree", "edit_tree", "parse_tree"]

NAMES = [
    "", ".", "..", "../outside", "../../outside/secret.txt", "/etc/passwd", "a/b", "a\\b", "C:\\x", "con", "x" * 300,
    "x" * 20_000, "\0", "a\0b", "\n", "\x1b[31m", "\u202e", "\u0130", "\ud800", "\U0001f600", "~", "~root/x", "%2e%2e",
    "config.json", "model.safetensors", "model-00001-of-00002.safetensors", ".pretrained-save.json", "__init__.py",
    "owner/name--module.Class", "--module.Class", "module.Class", "os.system", "a.b.c.d", "null", "true", "0", "-1",
    "1e5", "NaN", "float32", "torch.bfloat16", "float4_e2m1fn_x2", "int8", "F64", "F4", "BF16", "2026-01-01T00:00:00Z",
]  # fmt: skip
KEYS = [
    "self", "cls", "kwargs", "__class__", "__dict__", "__init__", "_name_or_path", "name_or_path", "trust_remote_code",
    "auto_map", "model_type", "architectures", "dtype", "torch_dtype", "id2label", "label2id", "num_labels", "metadata",
    "__metadata__", "weight_map", "shape", "data_offsets", "version", "trusted", "files", "digest", "__float__", "",
    "from_pretrained", "to_dict", "attribute_map", "sub_configs", "problem_type", "transformers_version", "sha",
    "_commit_hash", "is_encoder_decoder", "return_dict", "output_attentions", "text_config", "quantization_config",
]  # fmt: skip
NUMBERS = [
    "0", "-0", "-1", "1", "2", "3", "7", "255", "65536", "2147483648", "4294967296", "9223372036854775807",
    "18446744073709551616", "1000000000000", "-1000000000000", "1" + "0" * 400, "9" * 5000, "0.5", "-0.0", "1e308",
    "1e999", "-1e999", "5e-324", "1.0", "1e2", "NaN", "Infinity", "-Infinity", "01", "0x10", "1_000",
]  # fmt: skip
OTHERS = ["null", "true", "false", "{}", "[]", "[[]]", '{"": {}}', '""', "[null]", '{"a": 1, "a": 2}']
_MANY = (10, 1_000, 20_000)
_LONGEST_ADDED = 4_000_000  # characters: a mutant is read by a dozen calls
_DEEP = (2, 20, 99, 101, 500, 3_000, 100_000)


@dataclass(frozen=True)
class Raw:
    """Text that stands in the JSON as it is.

    Attributes:
        text: The text.
    """

    text: str


class Members(list[tuple[str, Any]]):
    """An object of JSON, whose keys may repeat."""


def parse_tree(text: str) -> Any:
    """Return the tree of a JSON text."""
    return json.loads(text, object_pairs_hook=Members)


def dump_tree(tree: Any) -> str:
    """Return the text of a tree."""
    if isinstance(tree, Raw):
        return tree.text
    if isinstance(tree, Members):
        return "{" + ", ".join(f"{json.dumps(key)}: {dump_tree(value)}" for key, value in tree) + "}"
    if isinstance(tree, list):
        return "[" + ", ".join(map(dump_tree, tree)) + "]"
    return json.dumps(tree)


def edit_tree(tree: Any, rng: random.Random, *, keys: Sequence[str] = ()) -> Any:
    """Return a copy of a tree with one to four random edits.

    Args:
        tree: The tree.
        rng: Chooses.
        keys: Names of members that mean something to who reads it.
    """
    root = [copy.deepcopy(tree)]
    for _ in range(rng.choice((1, 1, 1, 2, 3, 4))):
        parent, index = rng.choice(_slots(root))
        rng.choice(_EDITS)(_Edit(root, parent, index, rng, (*keys, *KEYS)))
        if len(dump_tree(root)) > _LONGEST_ADDED:
            break
    return root[0] if root else Raw("")


@dataclass(frozen=True)
class _Edit:
    """An edit of one value.

    Attributes:
        root: A list with the tree in it.
        parent: The object or list that holds the value.
        index: Its place there.
        rng: Chooses.
        keys: Names of members.
    """

    root: list[Any]
    parent: list[Any]
    index: int
    rng: random.Random
    keys: tuple[str, ...]

    @property
    def value(self) -> Any:
        """The value."""
        entry = self.parent[self.index]
        return entry[1] if isinstance(self.parent, Members) else entry

    def put(self, value: Any) -> None:
        """Replace the value."""
        is_member = isinstance(self.parent, Members)
        self.parent[self.index] = (self.parent[self.index][0], value) if is_member else value

    def any_value(self) -> Any:
        """Return any value."""
        kind = self.rng.randrange(4)
        if kind == 0:
            return self.rng.choice(NAMES)
        return Raw(self.rng.choice((NUMBERS, NUMBERS, OTHERS)[kind - 1]))

    def any_key(self) -> str:
        """Return any key."""
        return self.rng.choice(self.keys if self.rng.random() < 0.7 else NAMES)


def _slots(root: list[Any]) -> list[tuple[list[Any], int]]:
    """Return each value of a tree as the container that holds it and its place there."""
    found, containers = [], [root]
    while containers:
        container = containers.pop()
        for index, entry in enumerate(container):
            found.append((container, index))
            value = entry[1] if isinstance(container, Members) else entry
            if isinstance(value, list):
                containers.append(value)
    return found or [([None], 0)]


def _replace(edit: _Edit) -> None:
    edit.put(edit.any_value())


def _replace_by_another(edit: _Edit) -> None:
    parent, index = edit.rng.choice(_slots(edit.root))
    entry = parent[index]
    edit.put(copy.deepcopy(entry[1] if isinstance(parent, Members) else entry))


def _remove(edit: _Edit) -> None:
    del edit.parent[edit.index]


def _repeat(edit: _Edit) -> None:
    """Repeat a member or an item: once, or very often."""
    entry, times = edit.parent[edit.index], edit.rng.choice((1, 1, 1, *_MANY))
    if isinstance(edit.parent, Members):
        key, value = (entry[0], edit.any_value()) if edit.rng.random() < 0.5 else entry
        times = min(times, _LONGEST_ADDED // (len(key) + len(dump_tree(value)) + 1) + 1)
        edit.parent.extend((f"{key}{number or ''}", copy.deepcopy(value)) for number in range(times))
    elif edit.parent is not edit.root:
        times = min(times, _LONGEST_ADDED // (len(dump_tree(entry)) + 1) + 1)
        edit.parent.extend(copy.deepcopy(entry) for _ in range(times))  # else a later edit would be one of each


def _rename(edit: _Edit) -> None:
    if isinstance(edit.parent, Members):
        edit.parent[edit.index] = (edit.any_key(), edit.value)


def _add(edit: _Edit) -> None:
    value = edit.value
    if isinstance(value, Members):
        value.insert(edit.rng.randint(0, len(value)), (edit.any_key(), edit.any_value()))
    elif isinstance(value, list):
        value.insert(edit.rng.randint(0, len(value)), edit.any_value())


def _wrap(edit: _Edit) -> None:
    """Nest the value deeper."""
    depth, key, inner = edit.rng.choice(_DEEP), json.dumps(edit.any_key()[:10]), dump_tree(edit.value)
    before, after = edit.rng.choice((("[", "]"), (f"{{{key}: ", "}")))
    edit.put(Raw(before * depth + inner + after * depth))


def _edit_text(edit: _Edit) -> None:
    value = edit.value
    if not isinstance(value, str):
        return _replace(edit)
    at, other = edit.rng.randint(0, len(value)), edit.rng.choice(NAMES)
    edit.put(
        edit.rng.choice(
            (value[:at] + other + value[at:], value[:at], value.upper(), value + value, other + "/" + value)
        )
    )
    return None


def _edit_number(edit: _Edit) -> None:
    value = edit.value
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return _replace(edit)
    near = (value + 1, value - 1, value * 2, -value, float(value), str(value), [value], value * 10**9)
    edit.put(edit.rng.choice(near))
    return None


_EDITS: list[Callable[[_Edit], None]] = [
    _replace, _replace, _replace_by_another, _remove, _repeat, _rename, _add, _add, _wrap, _edit_text, _edit_number,
]  # fmt: skip
