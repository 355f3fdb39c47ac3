"""Finding the renaming after which the names of a checkpoint are those of a model.

Only names and shapes are looked at. What is found is a suggestion for an error message, and it is tried out on all
names before it is made. Names are compared by what is the same in many of them, the numbers of layers left out, so that
it takes no longer for a model with a hundred thousand tensors than reading their names a few times.
"""

from __future__ import annotations

import re
from collections import Counter
from itertools import chain, islice, takewhile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

__all__ = ["find_renamings", "module_pattern"]

_Shape = tuple[int, ...]
_Form = tuple[str, ...]  # what names have in common that differ only in numbers: their parts, each number replaced
_Shapes = dict[tuple[str, ...], _Shape]  # of the tensors of one form, by the numbers in their names
_Groups = dict[_Form, _Shapes]

# More names of different form than any architecture has: then only a common prefix is looked for.
_MAX_FORMS = 1000
_MAX_RENAMINGS = 12
_NUM_SAMPLES = 8
_MAX_PREFIXES = 12
# In the form of a name, stands for a number.
_NUMBER = "\0"
_NUMERIC_PART = re.compile(r"(?<![^.])\d+(?![^.])")
# What wrappers of torch add to names, and what the same tensors are called by other versions of layers.
_WRAPPERS = ("_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module")
_OTHER_ENDINGS = {
    "gamma": "weight",
    "beta": "bias",
    "weight_g": "parametrizations.weight.original0",
    "weight_v": "parametrizations.weight.original1",
    "parametrizations.weight.original0": "weight_g",
    "parametrizations.weight.original1": "weight_v",
}


def find_renamings(
    missing: Mapping[str, _Shape], unexpected: Mapping[str, _Shape], matched: Collection[str]
) -> list[dict[str, str]]:
    """Return each `key_mapping` that turns unexpected names into missing ones, the likeliest first.

    There are several if a checkpoint has tensors of the model under several prefixes.

    Args:
        missing: Names that the checkpoint lacks, with their shapes.
        unexpected: Names that it has in excess, with their shapes.
        matched: Names of the checkpoint that the model has. No expression renames any of them.
    """
    if not missing or not unexpected:
        return []
    if found := _without_wrappers(missing, unexpected, matched) or _prefixes_to_change(missing, unexpected, matched):
        return found
    if mapping := _known_renamings(missing, unexpected) or _by_form(missing, unexpected, matched):
        rest = {
            name: shape
            for name, shape in unexpected.items()
            if not any(re.search(pattern, name) for pattern in mapping)
        }
        if other := _by_form(missing, rest, matched):  # perhaps the same tensors again
            return [mapping, other]
        return [mapping | _prefix_of_other_sizes(mapping, missing, unexpected, matched)]
    mapping = {} if matched else _one_by_one(missing, unexpected)  # beside others of the same shape it would be a guess
    return [mapping] if mapping else []


def module_pattern(modules: Iterable[str]) -> str:
    """Return an expression for the beginning of the names of tensors in some modules, or of these tensors."""
    listed = "|".join(map(re.escape, modules))
    return rf"(?:{listed})\b" if "|" in listed else rf"{listed}\b"


def _without_wrappers(
    missing: Mapping[str, _Shape], unexpected: Mapping[str, _Shape], matched: Collection[str]
) -> list[dict[str, str]]:
    """Return the renamings that remove what wrappers inside a model have added to names, together with a prefix."""
    wrappers = [wrapper for wrapper in _WRAPPERS if any(f".{wrapper}." in name for name in unexpected)]
    if not wrappers:
        return []
    pattern = rf"\b(?:{'|'.join(wrappers)})\." if wrappers[1:] else rf"\b{wrappers[0]}\."
    plain = {re.sub(pattern, "", name): shape for name, shape in unexpected.items()}
    if any(missing.get(name) == shape for name, shape in plain.items()):
        return [{pattern: ""}]
    prefixes = [next(iter(mapping)) for mapping in _prefixes_to_change(missing, plain, matched) if "^" not in mapping]
    found = [{f"^(?:{pattern})*{prefix[1:]}|{pattern}": ""} for prefix in prefixes]
    return found or ([{pattern: ""}] if any(name in missing for name in plain) else [])


def _prefixes_to_change(
    missing: Mapping[str, _Shape], unexpected: Mapping[str, _Shape], matched: Collection[str]
) -> list[dict[str, str]]:
    """Return the renamings if most names differ only by a prefix, which they have, lack or have in place of another."""
    numbers: list[tuple[int, dict[str, str]]] = []
    for prefix in _likely_prefixes(unexpected, missing):
        if any(name.startswith(prefix) for name in matched):
            continue
        fitting = [name for name in unexpected if name.startswith(prefix)]
        number = sum(missing.get(name[len(prefix) :]) == unexpected[name] for name in fitting)
        numbers.append((number, {f"^{re.escape(prefix)}": ""}))
    for prefix in () if matched else _likely_prefixes(missing, unexpected):
        number = sum(missing.get(prefix + name) == shape for name, shape in unexpected.items())
        numbers.append((number, {"^": prefix}))
    old, new = map(_common_prefix, (unexpected, missing))
    if old and new and not matched and not any(number for number, _ in numbers):
        number = sum(missing.get(new + name[len(old) :]) == shape for name, shape in unexpected.items())
        numbers.append((number, {f"^{re.escape(old)}": new}))
    most = max((number for number, _ in numbers), default=0)
    if 2 * most < max(min(len(missing), len(unexpected)), 1):
        return []
    return [mapping for number, mapping in sorted(numbers, key=lambda entry: -entry[0]) if 2 * number > most]


def _prefix_of_other_sizes(
    mapping: Mapping[str, str],
    missing: Mapping[str, _Shape],
    unexpected: Mapping[str, _Shape],
    matched: Collection[str],
) -> dict[str, str]:
    """Return the renaming of the rest if that differs by a prefix and in size, as a classifier of other classes does.

    Args:
        mapping: The renaming of all others.
        missing: As for `find_renamings`, and so are the others.
        unexpected: Names that the checkpoint has in excess.
        matched: Names of the checkpoint that the model has.
    """
    renamed = {name: _renamed(name, mapping) for name in unexpected}
    rest = {name: len(shape) for name, shape in unexpected.items() if renamed[name] == name}
    wanted = {name: len(missing[name]) for name in missing.keys() - renamed.values()}
    removed = [(prefix, "") for prefix in _likely_prefixes(rest, wanted)]
    added = [("", prefix) for prefix in _likely_prefixes(wanted, rest)]
    for old, new in [*removed, *added] if wanted else ():
        found = {new + name[len(old) :]: number for name, number in rest.items() if name.startswith(old)}
        if wanted.items() <= found.items() and not any(name.startswith(old) for name in matched):
            return {f"^{re.escape(old)}": new}
    return {}


def _renamed(name: str, mapping: Mapping[str, str]) -> str:
    for pattern, replacement in mapping.items():
        renamed, count = re.subn(pattern, replacement, name)
        if count:
            return renamed
    return name


def _common_prefix(names: Collection[str]) -> str:
    """Return the path with which all of these names begin, with a dot at its end, or `""`."""
    pairs = zip(min(names).split(".")[:-1], max(names).split(".")[:-1], strict=False)
    return "".join(f"{one}." for one, _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _likely_prefixes(names: Collection[str], others: Collection[str]) -> list[str]:
    """Return what stands most often before some of the other names in these names."""
    samples = islice(others, 0, None, max(1, len(others) // _NUM_SAMPLES))  # from the whole of them
    endings = [f".{other}" for other in samples]
    found = Counter(name[: 1 - len(ending)] for ending in endings for name in names if name.endswith(ending))
    return [prefix for prefix, _ in found.most_common(_MAX_PREFIXES)]


def _known_renamings(missing: Mapping[str, _Shape], unexpected: Mapping[str, _Shape]) -> dict[str, str]:
    """Return the renamings of what other versions of layers are known to do, as far as they help."""
    renamings = {}
    for old, new in _OTHER_ENDINGS.items():
        renamed = [name for name in unexpected if name.endswith(f".{old}")]
        if renamed and all(missing.get(name.removesuffix(old) + new) == unexpected[name] for name in renamed):
            renamings[rf"\.{re.escape(old)}$"] = f".{new}"
    return renamings


def _one_by_one(missing: Mapping[str, _Shape], unexpected: Mapping[str, _Shape]) -> dict[str, str]:
    """Return the renaming of single names whose shape no other has."""
    ours, theirs = _by_shape(missing), _by_shape(unexpected)
    pairs = {names[0]: ours[key][0] for key, names in theirs.items() if len(names) == 1 and len(ours.get(key, ())) == 1}
    if len(pairs) > _MAX_RENAMINGS:
        return {}
    return {f"^{re.escape(old)}$": new.replace("\\", r"\\") for old, new in pairs.items()}


def _by_shape(tensors: Mapping[str, _Shape]) -> dict[tuple[str, _Shape], list[str]]:
    found: dict[tuple[str, _Shape], list[str]] = {}
    for name, shape in tensors.items():
        found.setdefault((name.rpartition(".")[2], shape), []).append(name)
    return found


def _by_form(
    missing: Mapping[str, _Shape], unexpected: Mapping[str, _Shape], matched: Collection[str]
) -> dict[str, str]:
    """Return renamings of the beginnings of names, found by comparing names of the same form."""
    wanted, given, taken = _group(missing), _group(unexpected), _group(dict.fromkeys(matched, ()))
    if wanted is None or given is None or taken is None:
        return {}
    renamings: dict[str, str] = {}
    while len(renamings) < _MAX_RENAMINGS:
        pairs = chain(_pairs_by_ending(given, wanted), _pairs_by_shape(given, wanted))
        found = (_shortest_renaming(form, partner, given, wanted, taken) for form, partner in pairs)
        renaming = next((renaming for renaming in found if renaming), None)
        if renaming is None:
            break
        old, new, whole = renaming
        for covered in [form for form in given if _is_renamed(form, old, whole=whole)]:
            del given[covered]
            wanted.pop(new + covered[len(old) :], None)
        renamings[_expression(old, whole=whole)] = _replacement(new, whole=whole)
    return renamings


def _group(tensors: Mapping[str, _Shape]) -> _Groups | None:
    """Return shapes by the form of the names, or None if there are too many forms."""
    groups: dict[str, _Shapes] = {}
    for name, shape in tensors.items():
        form = _NUMERIC_PART.sub(_NUMBER, name)
        numbers = tuple(_NUMERIC_PART.findall(name)) if form != name else ()
        groups.setdefault(form, {})[numbers] = shape
        if len(groups) > _MAX_FORMS:
            return None
    return {tuple(form.split(".")): shapes for form, shapes in groups.items()}


def _pairs_by_ending(given: _Groups, wanted: _Groups) -> list[tuple[_Form, _Form]]:
    """Return the forms that end alike, those first that have the most in common."""
    by_ending: dict[tuple[str, ...], list[_Form]] = {}
    for form in wanted:
        for start in range(len(form)):
            by_ending.setdefault(form[start:], []).append(form)
    found = []
    for form, shapes in given.items():
        for start in range(len(form)):
            ending = form[start:]
            fitting = [other for other in by_ending.get(ending, ()) if _agree(shapes, wanted[other])]
            if not fitting:
                continue
            partner = fitting[0] if len(fitting) == 1 else _abbreviated(form, fitting)
            is_sure = len(ending) > 1 or not _has_rival(form, shapes, given)
            if partner is not None and (is_sure or _abbreviated(form, fitting)):
                found.append((len(ending), form, partner))
            break
    return [(form, other) for _, form, other in sorted(found, key=lambda entry: -entry[0])]


def _agree(one: _Shapes, other: _Shapes) -> bool:
    """Return whether tensors with the same numbers have the same shapes, and there are any."""
    common = one.keys() & other.keys()
    return bool(common) and all(one[numbers] == other[numbers] for numbers in common)


def _has_rival(form: _Form, shapes: _Shapes, given: _Groups) -> bool:
    """Return whether another form has the same last part and the same shapes, so that nothing tells them apart."""
    return any(
        other != form and other[-1] == form[-1] and other_shapes == shapes for other, other_shapes in given.items()
    )


def _abbreviated(form: _Form, others: Iterable[_Form]) -> _Form | None:
    """Return the only form whose parts are those of this one, abbreviated or written out; None without one."""
    found = [other for other in others if len(other) == len(form) and all(map(_abbreviates, form, other))]
    return found[0] if len(found) == 1 else None


def _abbreviates(one: str, other: str) -> bool:
    """Return whether one of two words consists of letters of the other, in order and from the first: `q`, `query`."""
    short, long = sorted((one, other), key=len)
    letters = iter(long)
    return short[:1] == long[:1] and all(letter in letters for letter in short)


def _pairs_by_shape(given: _Groups, wanted: _Groups) -> Iterator[tuple[_Form, _Form]]:
    """Yield the forms whose shapes no other form has, on either side."""
    for with_ending in (True, False):
        ours, theirs = (_by_signature(groups, with_ending=with_ending) for groups in (wanted, given))
        for signature, forms in theirs.items():
            if len(forms) == 1 and len(ours.get(signature, ())) == 1:
                yield forms[0], ours[signature][0]


def _by_signature(groups: _Groups, *, with_ending: bool) -> dict[object, list[_Form]]:
    found: dict[object, list[_Form]] = {}
    for form, shapes in groups.items():
        found.setdefault((form[-1] if with_ending else "", frozenset(shapes.items())), []).append(form)
    return found


def _shortest_renaming(
    form: _Form,
    partner: _Form,
    given: _Groups,
    wanted: _Groups,
    taken: Collection[_Form],
) -> tuple[tuple[str, ...], tuple[str, ...], bool] | None:
    """Return what to replace at the beginning of names by what, and whether it is the whole of them.

    The shortest beginning that renames every name that it matches to one that is wanted, with the same shapes.
    """
    num_common = 0
    for one, other in zip(reversed(form), reversed(partner), strict=False):
        if one != other:
            break
        num_common += 1
    for kept in range(num_common, -1, -1):
        old, new = form[: len(form) - kept], partner[: len(partner) - kept]
        whole = kept == 0
        if not old or not new or old.count(_NUMBER) != new.count(_NUMBER):
            continue
        if any(_is_renamed(other, old, whole=whole) for other in taken):
            continue
        renamed = [other for other in given if _is_renamed(other, old, whole=whole)]
        if all(_agree(given[other], wanted.get(new + other[len(old) :], {})) for other in renamed):
            return old, new, whole
    return None


def _is_renamed(form: _Form, old: tuple[str, ...], *, whole: bool) -> bool:
    return form == old if whole else len(form) > len(old) and form[: len(old)] == old


def _expression(parts: tuple[str, ...], *, whole: bool) -> str:
    text = r"\.".join(r"(\d+)" if part == _NUMBER else re.escape(part) for part in parts)
    return f"^{text}$" if whole else rf"^{text}\."


def _replacement(parts: tuple[str, ...], *, whole: bool) -> str:
    texts, number = [], 0
    for part in parts:
        number += part == _NUMBER
        texts.append(rf"\g<{number}>" if part == _NUMBER and number > 9 else rf"\{number}" if part == _NUMBER else part)  # noqa: PLR2004
    return ".".join(texts) + ("" if whole else ".")
