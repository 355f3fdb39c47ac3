"""What the class of a model declares about the names of its tensors, as authors know it from transformers.

A declaration is one text, a collection of texts, or None; some are mappings. It is checked when the class is made, or
when it is read if an instance or a property holds it: iterating over one text would give its letters, and the pattern
`"h"` matches nearly every name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from model_core.errors import ModelDefinitionError

if TYPE_CHECKING:
    from model_core.module_tensors import NamedTensors

__all__ = [
    "check_declarations",
    "declared_patterns",
    "declared_renamings",
    "declared_texts",
    "declared_ties_of",
    "kept_in_float32",
]


class _Form(NamedTuple):
    """What a declaration may be.

    Attributes:
        expected: The same in words.
        is_mapping: Whether it maps texts to texts.
        is_collection: Whether it may be one text or a collection of texts; of pairs of texts if `is_mapping` too.
        is_regular: Whether the texts, or the keys of the mapping, are regular expressions.
    """

    expected: str
    is_mapping: bool = False
    is_collection: bool = True
    is_regular: bool = False


_NAMES = _Form("a name, a list of names or None")
_PATTERNS = _Form("a regular expression, a list of them or None", is_regular=True)
_FORMS = {
    "_keys_to_ignore_on_load_missing": _PATTERNS,
    "_keys_to_ignore_on_load_unexpected": _PATTERNS,
    "_keys_to_ignore_on_save": _NAMES,
    "_keep_in_fp32_modules": _NAMES,
    "_keep_in_fp32_modules_strict": _NAMES,
    "model_tags": _NAMES,
    "_tied_weights_keys": _Form("a dict from names to the names that they are tied to, or None", is_mapping=True),
    "_checkpoint_conversion_mapping": _Form(
        "a dict from regular expressions to replacements, a list of such pairs, or None",
        is_mapping=True,
        is_regular=True,
    ),
    # Read by accelerate and transformers, never here.
    "_no_split_modules": _NAMES,
    "_skip_keys_device_placement": _NAMES,
}
_IN_FLOAT32 = ("_keep_in_fp32_modules", "_keep_in_fp32_modules_strict")
_PLAIN_TYPES: dict[str, type] = {"base_model_prefix": str, "main_input_name": str, "defer_initialization": bool}


def check_declarations(model_class: type) -> None:
    """Check the declarations of a class when it is made.

    One text becomes a list of one, since others iterate over declarations too, and an iterator, which could be used
    only once, becomes a list.

    Raises:
        ModelDefinitionError: A declaration has the wrong type, or a regular expression is invalid.
    """
    for name, form in _FORMS.items():
        value = _static_value(model_class, name)
        if value is None or hasattr(value, "__get__"):  # a property is checked when it is read
            continue
        if isinstance(value, Iterator):
            value = list(value)
        _checked(model_class, name, value)
        if isinstance(value, str) and not form.is_mapping:
            value = [value]
        if value is not _static_value(model_class, name):
            setattr(model_class, name, value)
    for name, plain_type in _PLAIN_TYPES.items():
        value = _static_value(model_class, name)
        if not isinstance(value, plain_type) and not hasattr(value, "__get__"):
            raise ModelDefinitionError(
                f"{name} must be of type {plain_type.__name__}, got {value!r:.200}.", model_class=model_class
            )
    _check_prefix(model_class)


def declared_texts(owner: object, name: str) -> tuple[str, ...]:
    """Return a declaration of names that a model or its class has.

    Raises:
        ModelDefinitionError: It is neither a text nor a collection of texts.
    """
    return tuple(_read(owner, name))


def declared_patterns(owner: object, name: str) -> tuple[re.Pattern[str], ...]:
    """Return a declaration of regular expressions that a model or its class has.

    Raises:
        ModelDefinitionError: It is neither a regular expression nor a collection of them.
    """
    return tuple(re.compile(pattern) for pattern in _read(owner, name))


def declared_renamings(owner: object) -> tuple[tuple[str, str], ...]:
    """Return the renamings of a checkpoint's names that a model class declares, as pairs of pattern and replacement.

    Raises:
        ModelDefinitionError: The declaration is not a mapping of texts, or a regular expression is invalid.
    """
    name = "_checkpoint_conversion_mapping"
    return tuple(_read(owner, name))


def declared_ties_of(owner: object) -> dict[str, str]:
    """Return the ties that one module declares: each name, and the name that it is tied to.

    A list of names, which older models declare, says nothing that the identity of parameters does not.

    Raises:
        ModelDefinitionError: The declaration is neither a mapping nor a collection of texts.
    """
    pairs = _read(owner, "_tied_weights_keys")
    return dict(pairs) if isinstance(getattr(owner, "_tied_weights_keys", None), Mapping) else {}


def kept_in_float32(model: object, named: NamedTensors) -> frozenset[int]:
    """Return the ids of the tensors that stay in float32 whatever dtype a model gets.

    These are the tensors of modules that `_keep_in_fp32_modules` or `_keep_in_fp32_modules_strict` names, in the model
    or in a model inside it. A name may be one part of the path of a tensor or several, such as `"encoder.norm"`.
    """
    # Looking up a missing attribute on every module would be slow.
    declaring = {cls for cls in {type(module) for _, module in named.modules} if hasattr(cls, _IN_FLOAT32[0])}
    found: set[int] = set()
    for prefix, module in named.modules:
        if prefix and type(module) not in declaring:
            continue
        owner = module if prefix else model
        if listed := {text for name in _IN_FLOAT32 for text in declared_texts(owner, name)}:
            pattern = re.compile(rf"(?:^|\.)(?:{'|'.join(map(re.escape, sorted(listed)))})(?:\.|$)")
            found.update(
                id(tensor)
                for name, tensor in named.all().items()
                if name.startswith(prefix) and pattern.search(name[len(prefix) :])
            )
    return frozenset(found)


def _static_value(model_class: type, name: str) -> Any:
    """Return a class attribute as it is written, without calling a property."""
    return next((vars(cls)[name] for cls in model_class.__mro__ if name in vars(cls)), None)


def _read(owner: object, name: str) -> list[Any]:
    """Return the texts of the declaration that a model or its class has, or the pairs of a mapping."""
    return _checked(owner, name, getattr(owner, name, None))


def _checked(owner: object, name: str, value: Any) -> list[Any]:
    """Return the entries of a declaration that has this value."""
    form = _FORMS[name]
    texts = _entries(value, form)
    if texts is None:
        given = f"got {value!r:.200}"
        raise ModelDefinitionError(f"{name} must be {form.expected}, {given}.", model_class=_class_of(owner))
    if form.is_regular:
        for text in texts:
            _check_regular(owner, name, text)
    return texts


def _entries(value: Any, form: _Form) -> list[Any] | None:
    """Return the entries of a declaration, or None if it does not have the form."""
    if value is None:
        return []
    if isinstance(value, Mapping):
        pairs = list(value.items())
        return pairs if form.is_mapping and all(_is_pair(pair) for pair in pairs) else None
    if isinstance(value, (str, re.Pattern)):
        value = (value,)
    if not isinstance(value, Iterable) or isinstance(value, (bytes, bytearray)):
        return None
    entries = list(value)
    if form.is_mapping and form.is_regular:
        return [tuple(pair) for pair in entries] if all(_is_pair(pair) for pair in entries) else None
    allowed = (str, re.Pattern) if form.is_regular else str
    return entries if all(isinstance(entry, allowed) and entry != "" for entry in entries) else None


def _is_pair(value: object) -> bool:
    is_pair = isinstance(value, (tuple, list)) and len(value) == 2  # noqa: PLR2004
    return is_pair and all(isinstance(text, str) for text in value)  # type: ignore[attr-defined]


def _check_regular(owner: object, name: str, entry: Any) -> None:
    pattern, replacement = entry if isinstance(entry, tuple) else (entry, "")
    try:
        re.compile(pattern).sub(replacement, "")
    except (re.error, IndexError) as error:
        shown = {pattern: replacement} if isinstance(entry, tuple) else pattern
        raise ModelDefinitionError(
            f"{name} has an invalid regular expression, {shown!r:.200}: {error}.", model_class=_class_of(owner)
        ) from error


def _check_prefix(model_class: type) -> None:
    prefix = _static_value(model_class, "base_model_prefix")
    if isinstance(prefix, str) and prefix and not all(prefix.split(".")):
        raise ModelDefinitionError(
            f"base_model_prefix must be the name of an attribute, such as 'model', got {prefix!r}.",
            model_class=model_class,
        )


def _class_of(owner: object) -> type:
    return owner if isinstance(owner, type) else type(owner)
