"""Configs that `huggingface_hub.dataclasses.strict` decorates, as those of transformers 5 are."""

from __future__ import annotations

from typing import Any

import pytest
from huggingface_hub.dataclasses import strict
from huggingface_hub.errors import StrictDataclassClassValidationError, StrictDataclassFieldValidationError

from config_core import ConfigError, ConfigValidationError, PretrainedConfig
from config_core import transformers_names as transformers


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


@strict
class ChildConfig(StrictConfig):
    """Has no fields of its own, so that `strict` wraps the `__init__` of its parent."""

    model_type = "strict-child"


@strict(accept_kwargs=True)
class KeywordsConfig(transformers.PretrainedConfig):
    """In the style of the first releases of version 5. `strict` sets the fields, and calls no `__init__`."""

    model_type = "strict-keywords"

    hidden: int = 8
    dropout: float = transformers.interval(min=0.0, max=1.0)(default=0.5)
    head_dim: int | None = None

    def __post_init__(self, **kwargs):
        if self.head_dim is None:
            self.head_dim = self.hidden // 2
        super().__post_init__(**kwargs)


@pytest.mark.parametrize("cls", [ChildConfig, KeywordsConfig])
def test_fields_are_completed_however_strict_wraps_the_class(cls, tmp_path):
    """`__post_init__` runs, and what is no field of the class stays."""
    config = cls(hidden=12, num_labels=3, id2label={0: "a", 1: "b", 2: "c"})
    assert (config.head_dim, config.num_labels, config.id2label[2]) == (6, 3, "c")
    config.save_pretrained(tmp_path)
    assert cls.from_pretrained(tmp_path) == config
    assert cls.from_pretrained(tmp_path, hidden=4).head_dim == 2


@pytest.mark.parametrize(
    ("made", "value", "problem"),
    [
        (transformers.interval(min=0.0, max=1.0), 1.5, "at least 0.0 and at most 1.0, got 1.5"),
        (transformers.interval(min=0, exclude_min=True), 0, "above 0, got 0"),
        (transformers.interval(max=1, exclude_max=True), 1, "below 1, got 1"),
        (transformers.positive_int_field, 0, "a positive int, got 0"),
        (transformers.is_divisible_by(4), 6, "divisible by 4, got 6"),
        (transformers.activation_fn_key, 3, "the name of an activation, got 3"),
    ],
)
def test_fields_have_the_checks_of_transformers(made, value, problem):
    """They are functions that make fields."""

    @strict
    class CheckedConfig(transformers.PretrainedConfig):
        field: Any = made(default=None if made is transformers.positive_int_field else value)

    with pytest.raises(StrictDataclassFieldValidationError, match=problem):
        CheckedConfig(field=value)
