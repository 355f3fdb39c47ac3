"""The code that a checkpoint ships: finding it, its files, its requirements, and the code store."""

from __future__ import annotations

from hub_io.code._bundle_collection import collect_bundle
from hub_io.code._code_store import CACHE_VARIABLE, CodeStore, KeptCode
from hub_io.code._remote_code import RemoteCode, find_code
from hub_io.code._requirements import check_requirements, imported_modules, remedy_for
from hub_io.code._requirements_file import REQUIREMENTS_FILE, ListedRequirement, listed_requirements

__all__ = [
    "CACHE_VARIABLE",
    "REQUIREMENTS_FILE",
    "CodeStore",
    "KeptCode",
    "ListedRequirement",
    "RemoteCode",
    "check_requirements",
    "collect_bundle",
    "find_code",
    "imported_modules",
    "listed_requirements",
    "remedy_for",
]
