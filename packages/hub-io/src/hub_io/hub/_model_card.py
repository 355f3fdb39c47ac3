"""The README.md of a pushed checkpoint: metadata that the Hub indexes, and how to load it here and in transformers."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from auto_registry.auto_tasks import AUTO_CLASS_NAMES, loadable_names
from auto_registry.installed import CONFIG_GROUP, MODEL_GROUP
from config_core.checkpoint import CONFIG_NAME
from config_core.config import read_config
from config_core.entry_points import installed_offers
from hub_io.distributions import providers_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from hub_io.distributions import Provider
    from hub_io.hub._folder_files import FolderFiles

__all__ = ["CARD_FILE", "SavedFolder", "read_saved"]

CARD_FILE = "README.md"
_LIBRARY = "pretrained"
_INSTALL = ("pretrained-config-core", "pretrained-auto-registry", "pretrained-hub-io")
_INSTALL_FOR_MODELS = "pretrained-model-core"  # brings torch
_INSTALL_TRANSFORMERS = '"transformers>=5"'
# What every way of loading brings along.
_BROUGHT = frozenset({"auto_registry", "config_core", "hub_io", "model_core", "transformers"})
# What transformers has of its own for a `model_type` that the packages here use too.
_OF_TRANSFORMERS: Final = {"resnet": "its own ResNet, whose weights have other names, so that all of them are random"}


class _Offer(NamedTuple):
    """The installed distribution that offers the classes of a checkpoint without code, or `""`.

    Its model classes are references such as `package.module:Class`, by the name of the auto class.
    """

    distribution: str = ""
    model_classes: Mapping[str, str] = MappingProxyType({})

    @classmethod
    def of(cls, model_type: object) -> _Offer:
        """Return the offer for a model type; an empty one if there is none, or more than one."""
        found = [offer for offer in installed_offers(CONFIG_GROUP) if offer.entry_point.name == model_type]
        if len(found) != 1:
            return cls()
        offers = [offer.entry_point for offer in installed_offers(MODEL_GROUP)]
        names = [(each.name.partition("."), each.value) for each in offers]
        return cls(found[0].distribution, {name: value for (name, _, of), value in names if of == model_type})


@dataclass(frozen=True)
class SavedFolder:
    """What a saved folder holds, as far as a card tells."""

    config: Mapping[str, Any]
    has_weights: bool
    is_portable: bool  # transformers loads the code too
    needed: Mapping[str, Provider]  # by the modules that the code imports besides
    offer: _Offer = field(default_factory=_Offer)  # of the classes, if no code is shipped

    @property
    def auto_map(self) -> Mapping[str, Any]:
        """Name of each auto class to its reference; other keys are not for a text that people copy code from."""
        auto_map = self.config.get("auto_map")
        if not isinstance(auto_map, dict):
            return {}
        own = {name for name, reference in auto_map.items() if name.isidentifier() and self.is_saved_class(reference)}
        return {name: auto_map[name] for name in sorted(loadable_names(auto_map) | own)}

    def is_saved_class(self, reference: object) -> bool:
        """Return whether a reference, such as `module.Class` or `module:Class`, is one to the class that was saved."""
        last = re.split("[.:]", reference)[-1] if isinstance(reference, str) else ""
        return bool(last) and last == self.architecture

    @property
    def architecture(self) -> str:
        """The class that was saved, or `""`."""
        architectures = self.config.get("architectures")
        first = architectures[0] if isinstance(architectures, list) and architectures else ""
        return first if isinstance(first, str) and first.isidentifier() else ""

    def card(
        self, repo_id: str, *, tags: Iterable[str] = (), fields: Mapping[str, str | list[str]] | None = None
    ) -> str:
        """Return the text of a model card.

        Args:
            repo_id: Where the folder is pushed to, `owner/name`.
            tags: Further tags.
            fields: Further metadata.
        """
        metadata = {"library_name": _LIBRARY, **(fields or {}), "tags": sorted({*self.tags(), *tags})}
        header = "".join(f"{key}: {json.dumps(value)}\n" for key, value in metadata.items())  # JSON is YAML too
        parts = [f"# {repo_id.rpartition('/')[2]}", self.introduction(), self.usage(repo_id), self.other_usage(repo_id)]
        return f"---\n{header}---\n\n" + "\n\n".join(filter(None, parts)) + "\n"

    def tags(self) -> list[str]:
        model_type = self.config.get("model_type")
        named = [model_type] if isinstance(model_type, str) and model_type else []
        return [*named, *(["custom_code"] if self.auto_map else [])]

    def introduction(self) -> str:
        of = f" of `{self.architecture}`" if self.architecture else ""
        return f"{'A model' if self.has_weights else 'A configuration'}{of}."

    def auto_class(self) -> str:
        """Return the auto class that loads what was saved."""
        if not self.has_weights:
            return "AutoConfig"
        shipped = {name: str(reference) for name, reference in self.auto_map.items() if name != "AutoConfig"}
        classes = shipped or self.offer.model_classes
        named = [name for name, reference in classes.items() if self.is_saved_class(reference)] or [*classes]
        known = [name for name in named if name in AUTO_CLASS_NAMES]
        return next(iter([*known, *named]), "AutoModel")

    def usage(self, repo_id: str) -> str:
        """Return how these packages load what was saved."""
        packages = [*_INSTALL, *([_INSTALL_FOR_MODELS] if self.has_weights else [])]
        packages += [self.offer.distribution] if self.offer.distribution else []
        options = ', revision="<commit>", trust_remote_code=True' if self.auto_map else ""
        trust = (
            "This repository ships the Python code of its classes. Read it before you trust it, and put the commit\n"
            "that you have read in place of `<commit>`: without trust none of it runs."
        )
        parts = [
            "## Use",
            self.installation(packages, brought={"torch", "safetensors"} if self.has_weights else set()),
            self.snippet("auto_registry", repo_id, options),
            trust if self.auto_map else self.absence(),
            self.versions(),
        ]
        return "\n\n".join(filter(None, parts))

    def absence(self) -> str:
        """Return what to do about classes whose code is neither here nor offered by an installed package, or `""`."""
        if self.offer.distribution:
            return ""
        code = f"The code of `{self.architecture}`" if self.architecture else "The code of its classes"
        return (
            f"{code} is not in this repository. Install what defines it, and register its classes\n"
            "for the auto classes before this call."
        )

    def other_usage(self, repo_id: str) -> str:
        """Return how transformers loads what was saved, and what it takes without trust; or `""`."""
        parts = []
        if self.is_portable and self.auto_map and self.auto_class() in AUTO_CLASS_NAMES:
            packages = [_INSTALL_TRANSFORMERS, *(["torch"] if self.has_weights else [])]
            parts += [
                "The code works with transformers (5 or later) as well:",
                self.installation(packages, brought={"torch", "safetensors"} if self.has_weights else {"safetensors"}),
                self.snippet("transformers", repo_id, ', revision="<commit>", trust_remote_code=True'),
            ]
        other = _OF_TRANSFORMERS.get(str(self.config.get("model_type")))
        if other:
            without = "Without `trust_remote_code=True`, transformers" if parts else "Transformers"
            parts.append(f"{without} takes {other}.")
        elif parts:
            parts.append(
                "Without `trust_remote_code=True`, transformers may take a model of its own with the same `model_type`."
            )
        return "\n\n".join(parts)

    def installation(self, packages: Iterable[str], *, brought: set[str]) -> str:
        """Return the command that installs packages and what the code imports.

        Args:
            packages: Distributions of the library that loads what was saved.
            brought: Modules that come with them.
        """
        others = sorted(each.name for module, each in self.needed.items() if module not in brought and each.name)
        return f"```sh\npip install {' '.join(dict.fromkeys([*packages, *others]))}\n```"

    def snippet(self, library: str, repo_id: str, options: str) -> str:
        """Return the lines that load what was saved."""
        auto_class = self.auto_class()
        variable = "model" if self.has_weights else "config"
        call = f'{variable} = {auto_class}.from_pretrained("{repo_id}"{options})'
        lines = f"from {library} import {auto_class}\n\n{call}"
        if auto_class not in AUTO_CLASS_NAMES:  # it is known by its name
            lines = (
                f"from {library} import AutoModelClass\n\n\nclass {auto_class}(AutoModelClass):\n    pass\n\n\n{call}"
            )
        return f"```python\n{lines}\n```"

    def versions(self) -> str:
        """Return a sentence about what the code imports, or `""`."""
        known = sorted({f"{each.name} {each.version}" for each in self.needed.values() if each.version})
        unknown = sorted(f"`{module}`" for module, each in self.needed.items() if not each.name)
        sentences = [
            *([f"The code was saved with {', '.join(known)}."] if known else []),
            *([f"It also imports {', '.join(unknown)}: install what provides them."] if unknown else []),
        ]
        return "\n".join(sentences)


def read_saved(files: FolderFiles) -> SavedFolder:
    """Return what the files of a folder hold.

    Raises:
        ConfigFileError: config.json is not a JSON object.
    """
    from config_core.code import BASE_FILE, is_base_file  # they parse source

    checkpoint = files.checkpoint
    config: Mapping[str, Any] = read_config(checkpoint).values if checkpoint.has(CONFIG_NAME) else {}
    top = [name for name in checkpoint.filenames() if "/" not in name]
    has_weights = any(name.endswith((".safetensors", ".bin")) for name in top)
    base = files.contents.get(BASE_FILE)
    saved = SavedFolder(
        config,
        has_weights=has_weights,
        is_portable=isinstance(base, bytes) and is_base_file(base),
        needed=_needed_distributions(files.contents),
    )
    return saved if saved.auto_map else replace(saved, offer=_Offer.of(config.get("model_type")))


def _needed_distributions(contents: Mapping[str, bytes | Path]) -> dict[str, Provider]:
    """Return the modules that a folder's source files certainly import besides our packages and transformers.

    Args:
        contents: Name of a file to its content. Large files, which are paths, are no code.

    Returns:
        Name of a top-level module to the distribution that provides it.
    """
    from config_core.code import is_base_file, source_facts
    from config_core.errors import SourceCodeError

    sources = {name: text for name, text in contents.items() if name.endswith(".py") and isinstance(text, bytes)}
    modules: set[str] = set()
    for name, content in sources.items():
        with suppress(SourceCodeError):  # not code of the checkpoint
            imports = () if is_base_file(content) else source_facts(content, path=name).imports
            modules |= {each.module.partition(".")[0] for each in imports if each.is_certain and not each.level}
    modules -= {name.partition("/")[0].removesuffix(".py") for name in sources}  # those beside them
    modules -= _BROUGHT | sys.stdlib_module_names
    return providers_of(sorted(modules)) if modules else {}
