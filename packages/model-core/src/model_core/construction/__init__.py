"""Constructing a model, and initialising the modules that are its author's."""

from model_core.construction._constructed_layout import note_layout_when_constructed
from model_core.construction._deferred_construction import DeferredConstruction
from model_core.construction._initialization import modules_to_initialize
from model_core.construction._model_construction import construct
from model_core.construction._valueless_construction import construct_without_values

__all__ = [
    "DeferredConstruction",
    "construct",
    "construct_without_values",
    "modules_to_initialize",
    "note_layout_when_constructed",
]
