"""Classes that installed packages offer by entry point. A package is imported only when its class is used.

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
    """A class that an installed package offers. It is not imported yet.

    Attributes:
        entry_point: The entry point.
        distribution: Name of the distribution.
    """

    entry_point: EntryPoint
    distribution: str

    def load(self) -> type[Any]:
        """Import the class.

        Raises:
            InstalledClassError: It cannot be imported, or is not of the kind that the entry point requires.
        """
        from config_core.config import PretrainedConfig
        from config_core.entry_points import InstalledOffer

        try:
            cls: object = InstalledOffer(*self).load()
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
            f"{self.entry_point.name!r} ({self.entry_point.group}), but that {problem}. Repair or uninstall "
            "the distribution.",
            distributions=(self.distribution,),
        )


class InstalledModels:
    """The classes that installed packages offer.

    Entry points are read at the first look-up and kept. A miss reads them again, to find packages that were installed
    meanwhile.
    """

    def __init__(self) -> None:
        self._offers: dict[str, Mapping[str, list[InstalledClass]]] = {}

    def config(self, model_type: str) -> InstalledClass | None:
        """Return the offered config class for a model_type, or None.

        Raises:
            InstalledClassError: Two distributions offer one.
        """
        return self._find(CONFIG_GROUP, model_type)

    def model(self, auto_class: str, config_class: type[PretrainedConfig]) -> InstalledClass | None:
        """Return the offered model class for an Auto class and a config class, or None.

        A package's model class needs the package's config class. For another config class with the same model_type,
        from the program or a checkpoint, it is not used.

        Raises:
            InstalledClassError: Two distributions offer one, or the config class is from a package whose offered config
                class cannot be imported.
        """
        offer = self._find(MODEL_GROUP, f"{auto_class}.{config_class.model_type}")
        return offer if offer and self._offers_config(config_class) else None

    def model_types(self) -> tuple[str, ...]:
        """Return the model_types with an offered config class, sorted."""
        return tuple(sorted(self._read(CONFIG_GROUP)))

    def auto_classes(self, config_class: type[PretrainedConfig]) -> tuple[str, ...]:
        """Return the names of the Auto classes with an offered model class for a config class, sorted.

        Raises:
            InstalledClassError: Two distributions offer the config class, or it is from a package whose offered config
                class cannot be imported.
        """
        # A model_type may contain dots; the name of an Auto class cannot.
        pairs = (name.partition(".") for name in self._read(MODEL_GROUP))
        names = sorted(auto_class for auto_class, _, of in pairs if of == config_class.model_type)
        return tuple(names) if names and self._offers_config(config_class) else ()

    def _offers_config(self, config_class: type[PretrainedConfig]) -> bool:
        offer = self.config(config_class.model_type)
        if offer is None:
            return False
        try:
            # Names prove nothing: a package may offer a class that it imports from elsewhere.
            return issubclass(config_class, offer.load())
        except InstalledClassError:
            # A broken package is not an error for a class that does not come from it.
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
                "Uninstall all but one, or register the class that you want: registered classes come first.",
                distributions=names,
            )
        return offers[0] if offers else None

    def _read(self, group: str) -> Mapping[str, list[InstalledClass]]:
        from config_core.entry_points import installed_offers

        offers: dict[str, list[InstalledClass]] = {}
        for offer in installed_offers(group):
            offers.setdefault(offer.entry_point.name, []).append(InstalledClass(*offer))
        self._offers[group] = offers
        return offers


# Installed packages are the same for every registry.
INSTALLED: Final = InstalledModels()
