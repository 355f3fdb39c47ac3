"""Configs that `huggingface_hub.dataclasses.strict` decorates, as those of transformers 5 are."""

from __future__ import annotations

import pytest
from huggingface_hub.dataclasses import strict
from huggingface_hub.errors import StrictDataclassClassValidationError

from config_core import ConfigError, ConfigValidationError, PretrainedConfig


@strict
class StrictConfig(PretrainedConfig):
    """A config in the style of transformers 5."""

    model_type = "strict"

    hidden: int = 8
    heads: int = 2
    sizes: tuple[int, ...] = (1,)
    head_dim: int | None = None

    def __post_init__(self, **kwargs):
        if self.head_dim is None:
            self.head_dim = self.hidden // self.heads
        super().__post_init__(**kwargs)

    def validate_heads(self):
        """Check that the heads share the size."""
        if self.hidden % self.heads:
            raise ValueError("hidden must be a multiple of heads")


def test_it_comes_back_as_it_was(tmp_path):
    """With what annotations restore, labels, and fields that are computed again."""
    config = StrictConfig(hidden=16, sizes=[2, 3], id2label={0: "a", 1: "b", 2: "c"})
    config.save_pretrained(tmp_path)
    assert StrictConfig.from_pretrained(tmp_path) == config
    assert StrictConfig.from_pretrained(tmp_path, heads=4).head_dim == 4
    assert config.sizes == (2, 3)


@pytest.mark.parametrize(
    "make",
    [
        lambda: StrictConfig(heads=3),
        lambda: StrictConfig.from_dict({"heads": 3}),
        lambda: StrictConfig().update({"heads": 3}),
    ],
)
def test_its_own_checks_run(make):
    """The methods `validate_…`, which `strict` calls."""
    with pytest.raises(StrictDataclassClassValidationError, match="hidden must be a multiple of heads"):
        make()


def test_its_values_are_checked_as_those_of_other_configs():
    """With the path to the value."""
    with pytest.raises(ConfigValidationError, match=r"StrictConfig\.sizes\[1\]: expected int, got str '2'"):
        StrictConfig(sizes=[1, "2"])


def test_names_that_were_added_in_place_are_refused_by_a_save(tmp_path):
    """Although `strict` replaces `validate`, which checks that."""
    config = StrictConfig(num_labels=2)
    config.id2label[2] = "c"
    with pytest.raises(ConfigError, match="id2label names 3 classes"):
        config.save_pretrained(tmp_path)
