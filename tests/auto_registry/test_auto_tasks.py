"""The list of auto classes."""

from __future__ import annotations

from importlib.metadata import entry_points

import pytest

import auto_registry
from auto_registry import AUTO_CLASS_NAMES, AutoModelClass


@pytest.mark.parametrize(
    "name",
    [
        "AutoBackbone",
        "AutoConfig",
        "AutoModel",
        "AutoModelForAudioClassification",
        "AutoModelForCausalLM",
        "AutoModelForDepthEstimation",
        "AutoModelForImageClassification",
        "AutoModelForImageSegmentation",
        "AutoModelForMaskedLM",
        "AutoModelForObjectDetection",
        "AutoModelForQuestionAnswering",
        "AutoModelForSeq2SeqLM",
        "AutoModelForSequenceClassification",
        "AutoModelForTokenClassification",
    ],
)
def test_well_known_names_are_there(name):
    """Code that was written for transformers changes nothing but its import line."""
    assert name in AUTO_CLASS_NAMES


@pytest.mark.parametrize("name", [name for name in AUTO_CLASS_NAMES if name != "AutoConfig"])
def test_each_name_is_a_class_with_a_description(name):
    """A name that register_for_auto_class accepts is a class that loads, and says what it is for."""
    auto_class = getattr(auto_registry, name)
    assert issubclass(auto_class, AutoModelClass)
    assert auto_class.__name__ == name
    assert auto_class.__doc__.endswith(".")


def test_names_are_offered_to_config_core():
    """Classes are registered for auto classes by name, and config_core learns the names by entry point."""
    (offer,) = entry_points(group="config_core.auto_classes")
    assert offer.load() is AUTO_CLASS_NAMES
