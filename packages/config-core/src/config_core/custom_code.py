"""The code that a checkpoint ships: which classes are registered for it, and the source files that they need."""

from __future__ import annotations

import ast
import re
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from config_core.code_bundle import CodeBundle
from config_core.errors import AutoClassNameError, MissingServiceError, SourceCodeError
from config_core.program_source import running_program
from config_core.services import find_service
from config_core.source_files import ImportLeavesFolderError, needed_files, parse_source

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["bundle_of", "collect_code", "register_for_auto_class", "registered_auto_class"]

_registered: WeakKeyDictionary[type[Any], str] = WeakKeyDictionary()
_lock = threading.Lock()
_MAIN_MODULES = frozenset({"__main__", "__mp_main__"})


def register_for_auto_class(cls: type[Any], auto_class: str | type[Any]) -> None:
    """Let saves ship the source files of a class, for an auto class to load. Subclasses are not registered with it.

    Args:
        cls: A config class, for `AutoConfig`, or a model class.
        auto_class: The auto class or its name, such as `AutoModelForImageClassification`.

    Raises:
        AutoClassNameError: There is no such auto class.
    """
    name = auto_class.__name__ if isinstance(auto_class, type) else auto_class
    if isinstance(auto_class, str):
        _check_auto_class(name)
    is_config = not hasattr(cls, "config_class")
    if is_config != (name == "AutoConfig"):
        allowed = "'AutoConfig'" if is_config else "the AutoModel classes"
        raise AutoClassNameError(
            f"{cls.__name__} cannot be registered for {name!r}, only for {allowed}.", auto_class=name
        )
    with _lock:
        _registered.pop(cls, None)
        _registered[cls] = name


def registered_auto_class(cls: type[Any]) -> str | None:
    """Return the name of the auto class that this very class is registered for, or None."""
    return _registered.get(cls)


def bundle_of(cls: type[Any]) -> CodeBundle | None:
    """Return the code that a class was loaded out of, or None for a class that was imported in the ordinary way."""
    bundle = getattr(sys.modules.get(cls.__module__), "__code_bundle__", None)
    return bundle if isinstance(bundle, CodeBundle) else None


def collect_code(cls: type[Any], config_class: type[Any]) -> CodeBundle | None:
    """Return the source files to save with an object of a class, or None if neither class is registered.

    `auto_map` lists every registered class for the same config class that comes from the same module or
    package, so that a folder saved from one model class serves the others. Code that was itself loaded out of a checkpoint is
    returned as it came.

    Args:
        cls: Class of what is saved: a model class or a config class.
        config_class: Class of its config.

    Raises:
        SourceCodeError: Python keeps no source of a class, or a needed file is missing or would not work elsewhere.
    """
    for loaded in (cls, config_class):
        if (bundle := bundle_of(loaded)) is not None:
            return bundle
    if cls not in _registered and config_class not in _registered:
        return None
    with _lock:
        registered = dict(_registered)
    code = _Origin.of(cls if cls in registered else config_class)
    classes = {
        name: other
        for other, name in registered.items()
        if getattr(other, "config_class", other) is config_class and _Origin.is_shared(other, code)
    }
    if cls in registered:
        classes[registered[cls]] = cls
    if _Origin.is_shared(config_class, code):
        # A model that is found through its config needs the config to be found.
        classes["AutoConfig"] = config_class
    return _program_bundle(classes, config_class) if code.is_program else _module_bundle(classes)


@dataclass(frozen=True)
class _Origin:
    """Where a class was written: the program itself, a top-level package, or the folder of a single module."""

    place: str
    is_program: bool

    @classmethod
    def of(cls, written: type[Any]) -> _Origin:
        name = written.__module__
        if name in _MAIN_MODULES:
            return cls("__main__", is_program=True)
        package = name.partition(".")[0]
        if "." in name or hasattr(sys.modules.get(name), "__path__"):
            return cls(package, is_program=False)
        return cls(str(_source_path(written).parent), is_program=False)

    @classmethod
    def is_shared(cls, written: type[Any], origin: _Origin) -> bool:
        try:
            return cls.of(written) == origin
        except SourceCodeError:
            return False


def _check_auto_class(name: str) -> None:
    try:
        known = find_service(
            "config_core.auto_classes", distribution="pretrained-auto-registry", purpose="Auto classes"
        )
    except MissingServiceError:
        # Without the Auto classes nobody can say more than that this looks like one.
        known = (name,) if re.fullmatch(r"Auto[A-Z]\w*", name) else ("AutoConfig", "AutoModel")
    if name not in known:
        import difflib

        near = difflib.get_close_matches(name, known)
        guess = (
            f" Did you mean {' or '.join(map(repr, near))}?" if near else f" Allowed are {', '.join(sorted(known))}."
        )
        raise AutoClassNameError(f"There is no auto class {name!r}.{guess}", auto_class=name)


def _program_bundle(classes: dict[str, type[Any]], config_class: type[Any]) -> CodeBundle:
    """Cut the classes out of the script or notebook that defines them."""
    for cls in classes.values():
        _check_top_level(cls)
    model_type = re.sub(r"\W", "_", getattr(config_class, "model_type", "")) or "custom"
    program = running_program(config_class, notebook_module=f"modeling_{model_type}")
    own_file = f"{program.module}.py"
    own = program.definitions(cls.__name__ for cls in classes.values())
    beside = _reader(program.folder)
    files = needed_files(
        [program.module], lambda name: own if name == own_file else beside(name), where=str(program.folder)
    )
    return CodeBundle(files, {name: f"{program.module}.{cls.__name__}" for name, cls in classes.items()})


def _module_bundle(classes: dict[str, type[Any]]) -> CodeBundle:
    """Collect the modules that define the classes, and what they import relatively."""
    paths = {name: _source_path(cls) for name, cls in classes.items()}
    # The highest folder that relative imports may reach: that of the top-level package.
    highest = min(
        (_package_folder(cls, paths[name]) for name, cls in classes.items()), key=lambda folder: len(folder.parts)
    )
    top = _common_folder([path.parent.parent if path.name == "__init__.py" else path.parent for path in paths.values()])
    while True:
        modules = {name: _module_name(path, top) for name, path in paths.items()}
        try:
            files = needed_files(sorted(set(modules.values())), _reader(top), where=str(top))
            break
        except ImportLeavesFolderError:
            if top == highest or highest not in top.parents:
                raise
            top = top.parent
    package = next(iter(classes.values())).__module__.partition(".")[0]
    _refuse_self_imports(files, package, top)
    return CodeBundle(files, {name: f"{modules[name]}.{cls.__name__}" for name, cls in classes.items()})


def _source_path(cls: type[Any]) -> Path:
    """Return the file that defines a class at its top level."""
    _check_top_level(cls)
    file = getattr(sys.modules.get(cls.__module__), "__file__", None)
    if file is None or not file.endswith(".py") or not Path(file).is_file():
        raise SourceCodeError(
            f"the module {cls.__module__!r} has no source file, so that its code cannot be saved. Define the class in a .py file "
            "and import it.",
            path=f"{cls.__module__}.{cls.__qualname__}",
        )
    path = Path(file).resolve()
    if not _defines(parse_source(path.read_bytes(), path=str(path)), cls.__name__):
        raise SourceCodeError(f"it defines no class {cls.__name__!r} at its top level.", path=str(path))
    return path


def _check_top_level(cls: type[Any]) -> None:
    if "." in cls.__qualname__:
        raise SourceCodeError(
            f"it is defined inside {cls.__qualname__.rpartition('.')[0]!r}. Only classes at the top level of a module can be "
            "saved and loaded: move it there.",
            path=f"{cls.__module__}.{cls.__qualname__}",
        )


def _defines(tree: ast.Module, name: str) -> bool:
    return any(isinstance(node, ast.ClassDef) and node.name == name for node in ast.walk(tree))


def _package_folder(cls: type[Any], path: Path) -> Path:
    """Return the folder of the top-level package that a module lies in; of the module itself if it is in none."""
    depth = cls.__module__.count(".")
    if path.name == "__init__.py":
        return path.parents[depth + 1]
    return path.parents[max(depth - 1, 0)]


def _common_folder(folders: list[Path]) -> Path:
    common = folders[0]
    while not all(folder == common or common in folder.parents for folder in folders):
        common = common.parent
    return common


def _module_name(path: Path, top: Path) -> str:
    inside = path.relative_to(top)
    return (inside.parent if path.name == "__init__.py" else inside.with_suffix("")).as_posix()


def _reader(folder: Path) -> Callable[[str], bytes | None]:
    def read(name: str) -> bytes | None:
        path = folder / name
        return path.read_bytes() if path.is_file() else None

    return read


def _refuse_self_imports(files: dict[str, bytes], package: str, top: Path) -> None:
    """Refuse imports of the package by its own name: in a checkpoint the files have another."""
    if f"{package}.py" in files or f"{package}/__init__.py" in files:
        return
    for name, content in files.items():
        for node in ast.walk(parse_source(content, path=name)):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level and node.module:
                modules = [node.module]
            for module in modules:
                if module.partition(".")[0] == package:
                    raise SourceCodeError(
                        f"it imports {module!r} by its absolute name, which does not exist where a checkpoint is loaded. Import "
                        "it relatively: from .module import name.",
                        path=str(top / name),
                        line=node.lineno,
                    )
