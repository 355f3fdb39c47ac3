"""How the Hub judges the metadata of a card, the YAML block at the top of README.md.

The real rules are not public. Here is what public reports of refused cards tell: YAML that cannot be read, licenses by
the list that the Hub's own message gives, base models that are no repository, and lists that hold no text.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

import yaml  # type: ignore[import-untyped]

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["CARD", "Verdict", "judge"]

CARD = "README.md"
_BLOCK = re.compile(r"\s*---(?:\r\n|\r|\n)(.*?)(?:\r\n|\r|\n)---[ \t]*(?:\r\n|\n|$)", re.DOTALL)
_REPO_ID = re.compile(r"[\w.-]+(/[\w.-]+)?", re.ASCII)
_KNOWN = """
    apache-2.0 mit openrail bigscience-openrail-m creativeml-openrail-m bigscience-bloom-rail-1.0 bigcode-openrail-m
    afl-3.0 artistic-2.0 bsl-1.0 bsd bsd-2-clause bsd-3-clause bsd-3-clause-clear c-uda cc cc0-1.0 cc-by-2.0 cc-by-2.5
    cc-by-3.0 cc-by-4.0 cc-by-sa-3.0 cc-by-sa-4.0 cc-by-nc-2.0 cc-by-nc-3.0 cc-by-nc-4.0 cc-by-nd-4.0 cc-by-nc-nd-3.0
    cc-by-nc-nd-4.0 cc-by-nc-sa-2.0 cc-by-nc-sa-3.0 cc-by-nc-sa-4.0 cdla-sharing-1.0 cdla-permissive-1.0
    cdla-permissive-2.0 wtfpl ecl-2.0 epl-1.0 epl-2.0 etalab-2.0 eupl-1.1 eupl-1.2 agpl-3.0 gfdl gpl gpl-2.0 gpl-3.0
    lgpl lgpl-2.1 lgpl-3.0 isc h-research intel-research lppl-1.3c ms-pl apple-ascl apple-amlr mpl-2.0 odc-by odbl
    openmdw-1.0 openrail++ osl-3.0 postgresql ofl-1.1 ncsa unlicense zlib pddl lgpl-lr deepfloyd-if-license
    fair-noncommercial-research-license llama2 llama3 llama3.1 llama3.2 llama3.3 llama4 grok2-community gemma unknown
    other
"""
_LICENSES = _KNOWN.split()


class Verdict(NamedTuple):
    """What is wrong with a card; any error refuses it."""

    errors: list[str]
    warnings: list[str]


def judge(content: str) -> Verdict:
    """Judge a card. Never raises, whatever the content is."""
    block = _BLOCK.match(content)
    try:
        metadata = yaml.safe_load(block[1]) if block else None
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # dates that are none are ValueErrors
        return Verdict([f"Invalid YAML in {CARD}: {error}"], [])
    if not metadata:
        return Verdict([], ["empty or missing yaml metadata in repo card"])
    if not isinstance(metadata, dict):
        return Verdict([f"The metadata of {CARD} must be of type object"], [])
    return Verdict(list(_errors(metadata)), [])


def _errors(metadata: dict[str, Any]) -> Iterator[str]:
    licenses = _as_list(metadata.get("license", []))
    if not all(name in _LICENSES for name in licenses):
        yield f'"license" must be one of [{", ".join([*_LICENSES, "array"])}]'
    for value in _as_list(metadata.get("base_model", [])):
        if not (isinstance(value, str) and _REPO_ID.fullmatch(value)):
            yield f'"base_model" with value "{value}" is not valid. Use a model id from https://hf.co/models.'
    if not isinstance(metadata.get("widget", []), list):
        yield '"widget" must be an array'
    for key in ("tags", "datasets", "metrics"):
        values = _as_list(metadata.get(key, []))
        for number, value in enumerate(values):
            if not isinstance(value, str):
                yield f'"{key}[{number}]" must be a string' if values is metadata[key] else f'"{key}" must be an array'


def _as_list(value: object) -> list[Any]:
    return value if isinstance(value, list) else [value]
