"""The code that a checkpoint ships: finding it, its files, its requirements, and the code store."""

from __future__ import annotations

from hub_io.code._code_lookup import RemoteCode, find_code, find_each
from hub_io.code._code_store import CodeStore, KeptCode
from hub_io.code._processing_code import PROCESSING_NAMES, processing_load
from hub_io.code._requirements import (
    LOAD_THERE,
    REQUIREMENTS_FILE,
    ListedRequirement,
    check_imports,
    imported_modules,
    listed_requirements,
    remedy_for,
    served_names,
)
from hub_io.code._served_names import TRANSFORMERS, is_served_module, is_transformers, names_served_by, served_object
from hub_io.code._transformers_uses import (
    ModuleLiteral,
    TransformersName,
    module_functions,
    module_literal,
    transformers_names,
)

__all__ = [
    "LOAD_THERE",
    "PROCESSING_NAMES",
    "REQUIREMENTS_FILE",
    "TRANSFORMERS",
    "CodeStore",
    "KeptCode",
    "ListedRequirement",
    "ModuleLiteral",
    "RemoteCode",
    "TransformersName",
    "check_imports",
    "find_code",
    "find_each",
    "imported_modules",
    "is_served_module",
    "is_transformers",
    "listed_requirements",
    "module_functions",
    "module_literal",
    "names_served_by",
    "processing_load",
    "remedy_for",
    "served_names",
    "served_object",
    "transformers_names",
]
