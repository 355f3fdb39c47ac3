"""Classes that installed packages offer, by entry point. A package is imported only when its class was chosen.

[project.entry-points."auto_registry.configs"]
resnet = "resnet.configuration_resnet:ResnetConfig"

[project.entry-points."auto_registry.models"]
"AutoModelForImageClassification.resnet" = "resnet.modeling_resnet:ResnetModelForImageClassification"
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from auto_registry.errors import InstalledClassError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from importlib.metadata import EntryPoint

    from config_core.config import PretrainedConfig

__all__ = ["CONFIG_GROUP", "INSTALLED", "MODEL_GROUP", "InstalledClass", "InstalledModels"]

CONFIG_GROUP = "auto_registry.configs"
MODEL_GROUP = "auto_registry.models"


class InstalledClass(NamedTuple):
    """A class that an installed package offers, not imported yet.

    Attributes:
        entry_point: The offer.
        distribution: Name of the distribution that makes it.
    """

    entry_point: EntryPoint
    distribution: str

    def load(self) -> type[Any]:
        """Import the class.

        Raises:
            InstalledClassError: It cannot be imported, or is not what it was offered as.
        """
        from config_core.config import PretrainedConfig

        try:
            cls: object = self.entry_point.load()
        except Exception as error:
            raise self._error(f"cannot be imported: {type(error).__name__}: {error}") from error
        if not isinstance(cls, type):
            raise self._error(f"is {cls!r} and not a class")
        if self.entry_point.group == CONFIG_GROUP:
            if not issubclass(cls, PretrainedConfig):
                raise self._error("is not a subclass of PretrainedConfig")
            if cls.model_type != self.entry_point.name:
                raise self._error(f"has the model_type {cls.model_type!r}")
        elif not isinstance(getattr(cls, "config_class", None), type):
            raise self._error("has no config_class")
        return cls

    def _error(self, problem: str) -> InstalledClassError:
        return InstalledClassError(
            f"The installed distribution {self.distribution} offers {self.entry_point.value} as "
            f"{self.entry_point.name!r} ({self.entry_point.group}), but that {problem}. Repair or remove the "
            "distribution.",
            distributions=(self.distribution,),
        )


class InstalledModels:
    """What the installed packages offer.

    Nothing is read before the first question. What was found is kept; a miss reads again, so that a
    package installed meanwhile is found.
    """

    def __init__(self) -> None:
        self._offers: dict[str, Mapping[str, list[InstalledClass]]] = {}

    def config(self, model_type: str) -> InstalledClass | None:
        """Return the config class offered for a model_type, or None.

        Raises:
            InstalledClassError: Two distributions offer one.
        """
        return self._find(CONFIG_GROUP, model_type)

    def model(self, auto_class: str, config_class: type[PretrainedConfig]) -> InstalledClass | None:
        """Return the model class offered for an auto class and a config class, or None.

        A package's model wants its package's config class: another config class that a program or a checkpoint has for
        the same model_type is not served.

        Raises:
            InstalledClassError: Two distributions offer one, or the config class is from a package whose own offer of
                it cannot be imported.
        """
        offer = self._find(MODEL_GROUP, f"{auto_class}.{config_class.model_type}")
        return offer if offer and self._offers_config(config_class) else None

    def model_types(self) -> tuple[str, ...]:
        """Return the model_types that are offered, sorted."""
        return tuple(sorted(self._read(CONFIG_GROUP)))

    def auto_classes(self, config_class: type[PretrainedConfig]) -> tuple[str, ...]:
        """Return the names of the auto classes that have an offer for a config class, sorted.

        Raises:
            InstalledClassError: Two distributions offer the config class, or it is from a package whose own offer of it
                cannot be imported.
        """
        # A model_type may hold dots itself, the name of an auto class may not.
        pairs = (name.partition(".") for name in self._read(MODEL_GROUP))
        names = sorted(auto_class for auto_class, _, of in pairs if of == config_class.model_type)
        return tuple(names) if names and self._offers_config(config_class) else ()

    def _offers_config(self, config_class: type[PretrainedConfig]) -> bool:
        offer = self.config(config_class.model_type)
        if offer is None:
            return False
        try:
            # No name is proof: a package may offer what it imports from elsewhere.
            return issubclass(config_class, offer.load())
        except InstalledClassError:
            # A program that has a class of its own needs no package that is broken.
            packages = {base.__module__.partition(".")[0] for base in config_class.__mro__}
            if offer.entry_point.module.partition(".")[0] in packages:
                raise
            return False

    def _find(self, group: str, name: str) -> InstalledClass | None:
        offers = self._offers.get(group, {}).get(name) or self._read(group).get(name, [])
        if len(offers) > 1:
            names = tuple(sorted(offer.distribution for offer in offers))
            raise InstalledClassError(
                f"The installed distributions {' and '.join(names)} each offer a class for {name!r} ({group}). "
                "Uninstall all but one, or register the class you mean: registered classes come first.",
                distributions=names,
            )
        return offers[0] if offers else None

    def _read(self, group: str) -> Mapping[str, list[InstalledClass]]:
        # importlib.metadata costs some forty modules; only a real need pays for it.
        from importlib.metadata import entry_points

        offers: dict[str, list[InstalledClass]] = {}
        for entry_point in entry_points(group=group):
            distribution = entry_point.dist.name if entry_point.dist else "(unnamed)"
            offers.setdefault(entry_point.name, []).append(InstalledClass(entry_point, distribution))
        self._offers[group] = offers
        return offers


# What the auto classes look into: installed packages are the process's, whatever registry is used.
INSTALLED: Final = InstalledModels()
