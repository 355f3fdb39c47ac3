"""Classes that installed packages offer: found by entry point, imported when chosen, checked when imported."""

from __future__ import annotations

import sys
from importlib import import_module

import pytest

from auto_registry import InstalledClassError
from auto_registry.installed import InstalledModels


def test_offers_are_found_without_importing(install_parrot):
    """Knowing what is installed costs no import of it."""
    install_parrot("parrot-a", module="parrot_a_module")
    installed = InstalledModels()
    offer = installed.config("parrot-a")
    assert offer.distribution == "parrot-a-models"
    assert "parrot-a" in installed.model_types()
    assert "parrot_a_module" not in sys.modules
    assert offer.load() is sys.modules["parrot_a_module"].ParrotConfig


def test_model_is_offered_for_its_config_class(install_parrot):
    """The model class of a package goes with the config class of that package."""
    install_parrot("parrot-b")
    installed = InstalledModels()
    config_class = installed.config("parrot-b").load()
    assert installed.model("AutoModel", config_class).load().config_class is config_class
    assert installed.auto_classes(config_class) == ("AutoModel",)
    assert installed.model("AutoModelForCausalLM", config_class) is None


def test_model_is_not_offered_for_a_namesake(install_parrot, make_config):
    """A config class that a program wrote for the same model_type is not the package's."""
    install_parrot("parrot-c")
    namesake = make_config("parrot-c")
    installed = InstalledModels()
    assert installed.model("AutoModel", namesake) is None
    assert installed.auto_classes(namesake) == ()


def test_model_type_may_hold_dots(install_parrot):
    """The name of an auto class ends at the first dot of an offer."""
    install_parrot("parrot.v1.5", distribution="parrot-dots")
    installed = InstalledModels()
    config_class = installed.config("parrot.v1.5").load()
    assert installed.auto_classes(config_class) == ("AutoModel",)


def test_package_installed_meanwhile_is_found(install_parrot):
    """A miss is not remembered: installing is enough, and no restart is needed."""
    installed = InstalledModels()
    assert installed.config("parrot-d") is None
    install_parrot("parrot-d")
    assert installed.config("parrot-d") is not None


def test_two_offers_of_one_name_are_refused(install_parrot):
    """Which of two packages was meant is not guessed."""
    install_parrot("parrot-e", distribution="first-birds", module="first_birds")
    install_parrot("parrot-e", distribution="second-birds", module="second_birds")
    with pytest.raises(InstalledClassError, match="first-birds and second-birds") as caught:
        InstalledModels().config("parrot-e")
    assert caught.value.distributions == ("first-birds", "second-birds")


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("import a_module_that_is_not_there", "cannot be imported"),
        ("", "cannot be imported"),
        ("Offered = 3", "is 3 and not a class"),
        ("class Offered: pass", "not a subclass of PretrainedConfig"),
        (
            "from config_core import PretrainedConfig\nclass Offered(PretrainedConfig): model_type = 'owl'",
            "has the model_type 'owl'",
        ),
    ],
)
def test_config_that_is_not_what_it_was_offered_as_is_refused(install, source, problem):
    """The error names the distribution at fault, which is the one to repair."""
    install("broken-birds", module="broken_birds", source=source, configs={"parrot-f": "broken_birds:Offered"})
    with pytest.raises(InstalledClassError, match=problem) as caught:
        InstalledModels().config("parrot-f").load()
    assert caught.value.distributions == ("broken-birds",)
    assert "broken-birds" in str(caught.value)


@pytest.mark.parametrize("source", ["raise RuntimeError('the driver is too old')", "1 +", "import parrot_of_nobody"])
def test_package_that_cannot_be_imported_is_named(install, make_config, source):
    """Whatever it raises. A program that registered a class of its own for the model_type does without it."""
    install(
        "failing-birds",
        module="failing_birds",
        source=source,
        configs={"parrot-h": "failing_birds:Config"},
        models={"AutoModel.parrot-h": "failing_birds:Model"},
    )
    installed = InstalledModels()
    with pytest.raises(InstalledClassError, match=r"failing-birds.* cannot be imported") as caught:
        installed.config("parrot-h").load()
    assert caught.value.__cause__ is not None
    own = make_config("parrot-h")
    assert installed.model("AutoModel", own) is None
    assert installed.auto_classes(own) == ()


@pytest.mark.parametrize(
    ("statement", "kind"), [("SystemExit(3)", SystemExit), ("KeyboardInterrupt", KeyboardInterrupt)]
)
def test_package_may_end_the_program(install, statement, kind):
    """Who stops a program while a package is imported means the program."""
    install("last-birds", module="last_birds", source=f"raise {statement}", configs={"parrot-i": "last_birds:Config"})
    with pytest.raises(kind):
        InstalledModels().config("parrot-i").load()


CONFIG_SOURCE = "from config_core import PretrainedConfig\nclass Config(PretrainedConfig): model_type = {!r}"


def test_program_that_uses_the_package_is_told_that_it_is_broken(install, make_config):
    """Its config class, or one made from it, may be the one offered: without the import nobody knows."""
    site = install(
        "torn-birds",
        configs={"parrot-j": "torn.offers:Config"},
        models={"AutoModel.parrot-j": "torn.offers:Model"},
    )
    (site / "torn").mkdir()
    (site / "torn" / "__init__.py").touch()
    (site / "torn" / "config.py").write_text(CONFIG_SOURCE.format("parrot-j"), encoding="utf-8")
    (site / "torn" / "offers.py").write_text("from torn.config import Config\n1 / 0", encoding="utf-8")
    of_the_package = import_module("torn.config").Config
    made_from_it = make_config("parrot-j", bases=(of_the_package,))
    for config_class in (of_the_package, made_from_it):
        with pytest.raises(InstalledClassError, match=r"torn\.offers:Config.* ZeroDivisionError"):
            InstalledModels().model("AutoModel", config_class)


def test_package_may_offer_what_another_one_defines(install):
    """The offer is imported to know it: a name says nothing, and neither does what was imported so far."""
    install("deep-birds", module="deep_birds", source=CONFIG_SOURCE.format("parrot-k"))
    install(
        "front-birds",
        module="front_birds",
        source="from deep_birds import Config as Offered\nclass Model: config_class = Offered",
        configs={"parrot-k": "front_birds:Offered"},
        models={"AutoModel.parrot-k": "front_birds:Model"},
    )
    config_class = import_module("deep_birds").Config
    assert InstalledModels().model("AutoModel", config_class).load().config_class is config_class


def test_model_without_a_config_class_is_refused(install):
    """A model class says which configs it is for."""
    source = (
        "from config_core import PretrainedConfig\nclass C(PretrainedConfig): model_type = 'parrot-g'\nclass M: pass"
    )
    install(
        "half-birds",
        module="half_birds",
        source=source,
        configs={"parrot-g": "half_birds:C"},
        models={"AutoModel.parrot-g": "half_birds:M"},
    )
    installed = InstalledModels()
    offer = installed.model("AutoModel", installed.config("parrot-g").load())
    with pytest.raises(InstalledClassError, match="has no config_class"):
        offer.load()
