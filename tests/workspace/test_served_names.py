"""The table of served names in hub_io and the packages that provide them agree."""

from __future__ import annotations

import pytest

from auto_registry.transformers_names import TRANSFORMERS_NAMES
from config_core import transformers_names as config_names
from hub_io.code import is_served_module, names_served_by, served_object
from model_core import transformers_names as model_names

PACKAGES = {"config_core": config_names, "auto_registry": TRANSFORMERS_NAMES, "model_core": model_names}
NAMES = [name for name in names_served_by("transformers") if not is_served_module(f"transformers.{name}")]


@pytest.mark.parametrize("name", NAMES)
def test_every_served_name_is_there(name):
    """Each name of the table is an object of exactly one package."""
    found = [package for package in PACKAGES.values() if hasattr(package, name)]
    assert len(found) == 1
    assert served_object("transformers", name) is getattr(found[0], name)


def test_every_name_of_logging_is_there():
    """`transformers.utils.logging` has names of its own."""
    for name in names_served_by("transformers.utils.logging"):
        assert served_object("transformers.utils.logging", name) is getattr(config_names.logging, name)


def test_every_name_that_a_package_offers_is_served():
    """A name that is provided and not in the table could not be reached."""
    own = {"OUTPUT_CLASSES", "is_jit_tracing"}  # not names of transformers
    offered = {
        name.removeprefix("_") for package in PACKAGES.values() for name in getattr(package, "__all__", vars(package))
    } - own
    served = {name.removeprefix("_") for name in names_served_by("transformers")}
    assert offered - served == {name for name in offered if name.startswith(("prepare_4d", "create_4d"))} - served
