"""Configs of backbones that were written for transformers: which stages they name."""

from __future__ import annotations

import pytest

from config_core.transformers_names import (
    BackboneConfigMixin,
    PretrainedConfig,
    get_aligned_output_features_output_indices,
)

STAGES = ["stem", "stage1", "stage2"]


class StagesConfig(BackboneConfigMixin, PretrainedConfig):
    model_type = "stages"

    depth: int = 2

    def __post_init__(self, **kwargs):
        self.stage_names = ["stem", *(f"stage{number}" for number in range(1, self.depth + 1))]
        self.set_output_features_output_indices(
            out_features=kwargs.pop("out_features", None), out_indices=kwargs.pop("out_indices", None)
        )
        super().__post_init__(**kwargs)


@pytest.mark.parametrize(
    ("given", "features", "indices"),
    [
        ({}, ["stage2"], [2]),
        ({"out_indices": (0, -1)}, ["stem", "stage2"], [0, -1]),
        ({"out_features": ["stage1"]}, ["stage1"], [1]),
        ({"out_features": ["stem", "stage1"], "out_indices": [0, 1]}, ["stem", "stage1"], [0, 1]),
    ],
)
def test_names_and_numbers_of_stages_say_the_same(given, features, indices, tmp_path):
    """Either follows from the other, also in files and by assignment."""
    config = StagesConfig(**given)
    assert (config.out_features, config.out_indices) == (features, indices)
    config.save_pretrained(tmp_path)
    loaded = StagesConfig.from_pretrained(tmp_path)
    assert (loaded.out_features, loaded.out_indices) == (features, indices)
    config.out_features = ["stem"]
    assert config.out_indices == [0]
    config.out_indices = (1, 2)
    assert config.out_features == ["stage1", "stage2"]
    assert get_aligned_output_features_output_indices(
        **{"out_features": None, "out_indices": None, **given}, stage_names=STAGES
    ) == (features, indices)


@pytest.mark.parametrize("indices", [[1], [2]])
def test_stages_that_are_given_in_an_update_stay(indices):
    """Others follow the number of stages, as their default does."""
    config = StagesConfig()
    config.update({"depth": 3, "out_indices": indices})
    assert (config.depth, config.out_indices) == (3, indices)
    config = StagesConfig()
    config.update({"depth": 3})
    assert (config.out_features, config.out_indices) == (["stage3"], [3])


class KeywordsConfig(BackboneConfigMixin, PretrainedConfig):
    """Takes the stages as keywords that its `__init__` does not name."""

    model_type = "stages-keywords"

    def __init__(self, depth=2, **kwargs):
        self.stage_names = ["stem", *(f"stage{number}" for number in range(1, depth + 1))]
        self.depth = depth
        super().__init__(**kwargs)


@pytest.mark.parametrize(
    "given",
    [
        {"out_features": None, "out_indices": [1]},
        {"out_indices": [1], "out_features": None},
        {"out_features": ["stage1"], "out_indices": None},
        {"out_indices": None, "out_features": ["stage1"]},
    ],
)
def test_stages_that_are_none_are_not_given(given):
    """In any order, so that a program may pass both on."""
    config = KeywordsConfig(**given)
    assert (config.out_features, config.out_indices) == (["stage1"], [1])


@pytest.mark.parametrize(
    "given",
    [
        {"out_features": ["stage2", "stem"]},
        {"out_features": ["stem", "stem"]},
        {"out_features": ["other"]},
        {"out_indices": [1, 0]},
        {"out_indices": [2, -1]},
        {"out_indices": [3]},
        {"out_features": ["stem"], "out_indices": [1]},
    ],
)
def test_wrong_stages_are_refused(given):
    """Those that are not there, repeated, in another order, or contradict each other."""
    with pytest.raises(ValueError, match="must be"):
        StagesConfig(**given)
