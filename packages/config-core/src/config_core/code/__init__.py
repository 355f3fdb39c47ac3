"""The source files that a class needs, and saving them with a checkpoint.

Saved code is portable where it can be: transformers loads it too. There, annotations of a config restore parts, tuples,
sets, enums and numbers as keys; other values that JSON does not have stay as the file has them. Compare members of an
enum by `.value`: from a folder, transformers imports the module of the config twice, and members of the two copies are
not equal. It looks for code at the top of a folder or repository only, so a checkpoint in a sub-folder loads there by
its own path.

Its modules are imported on first use: those that read source need `ast`, `inspect` and `symtable`, and a config that is
not saved needs none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from config_core.code._code_bundle import ClassReference, CodeBundle, CodeOrigin, listing_digest
    from config_core.code._custom_code import (
        bundle_of,
        code_origin_of,
        collect_code,
        describe_class,
        describe_value,
        register_for_auto_class,
        served_names_of,
    )
    from config_core.code._portable_code import (
        BASE_FILE,
        BASE_NAMES,
        NotPortableError,
        is_base_file,
        portable_files,
    )
    from config_core.code._source_facts import (
        SourceFacts,
        SourceImport,
        called_name,
        compile_source,
        parse_source,
        source_facts,
        walk_expressions,
        walk_statements,
    )
    from config_core.code._source_files import (
        MAX_CODE_BYTES,
        MAX_DATA_BYTES,
        MAX_SOURCE_BYTES,
        MAX_SOURCE_FILES,
        data_files,
        needed_files,
        resolve_sibling_imports,
        source_imports,
    )

__all__ = [
    "BASE_FILE",
    "BASE_NAMES",
    "MAX_CODE_BYTES",
    "MAX_DATA_BYTES",
    "MAX_SOURCE_BYTES",
    "MAX_SOURCE_FILES",
    "ClassReference",
    "CodeBundle",
    "CodeOrigin",
    "NotPortableError",
    "SourceFacts",
    "SourceImport",
    "bundle_of",
    "called_name",
    "code_origin_of",
    "collect_code",
    "compile_source",
    "data_files",
    "describe_class",
    "describe_value",
    "is_base_file",
    "listing_digest",
    "needed_files",
    "parse_source",
    "portable_files",
    "register_for_auto_class",
    "resolve_sibling_imports",
    "served_names_of",
    "source_facts",
    "source_imports",
    "walk_expressions",
    "walk_statements",
]

# The light ones first: looking for a name imports those before its own.
_MODULES = ("_custom_code", "_code_bundle", "_source_facts", "_source_files", "_portable_code")


def __getattr__(name: str) -> Any:
    from importlib import import_module

    for module in _MODULES if name in __all__ else ():
        home = import_module(f"{__name__}.{module}")
        if name in home.__all__:
            globals()[name] = getattr(home, name)
            return globals()[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
