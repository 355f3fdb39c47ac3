"""Mutants of the files and answers that a stranger writes, and what the public loaders make of them.

A mutant is known by its target, its seed and its number, so that one of a long run can be made again alone. A loader
may refuse it with an error of the packages, or read it. Everything else is a finding: any other exception, a file that
is created elsewhere or left behind, work without an end.

    json_trees.py  JSON with duplicate keys, numbers and characters that no writer would write, and edits of it
    mutations.py   edits of bytes, and of JSON as bytes
    watching.py    what a load does besides returning: writes elsewhere, connections, processor time
    running.py     many mutants of one target, and their counts
    targets.py     configs, indexes, headers, trust files and answers of a Hub
    rich_config.py a config class with fields of every kind

`pytest tests/fuzz` tries a few mutants of each, `pytest tests/fuzz --mutants 10000 --timeout 0` many.
"""

from __future__ import annotations

__all__: list[str] = []
