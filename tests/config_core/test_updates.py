"""Updates and overrides of several fields: all new values are there at once, in any order, or none is."""

from __future__ import annotations

import itertools

import pytest

from config_core import PretrainedConfig
from config_core import transformers_names as transformers


def stages(depth):
    return ["stem", *(f"stage{number}" for number in range(1, depth + 1))]


class KeywordConfig(PretrainedConfig):
    """The setter of a property needs what the class computes from another field."""

    model_type = "updates-keyword"

    def __init__(self, depth: int = 2, **kwargs):
        self.depth = depth
        self.stage_names = stages(depth)
        self.out_features = self.stage_names[-1:]
        super().__init__(**kwargs)

    @property
    def out_indices(self):
        return [self.stage_names.index(name) for name in self.out_features]

    @out_indices.setter
    def out_indices(self, indices):
        self.out_features = [self.stage_names[index] for index in indices]


class ParameterConfig(PretrainedConfig):
    """`__init__` takes the property, whose value is in a private attribute."""

    model_type = "updates-parameter"

    def __init__(self, depth: int = 2, out_indices=None, **kwargs):
        self.depth = depth
        self.stage_names = stages(depth)
        self.out_indices = [depth] if out_indices is None else out_indices
        super().__init__(**kwargs)

    @property
    def out_indices(self):
        return self._out_indices

    @out_indices.setter
    def out_indices(self, indices):
        if max(indices) >= len(self.stage_names):
            raise ValueError(f"{indices} are no numbers of {self.stage_names}")
        self._out_indices = indices


class BodyConfig(transformers.BackboneConfigMixin, PretrainedConfig):
    model_type = "updates-body"
    depth: int = 2

    def __post_init__(self, **kwargs):
        self.stage_names = stages(self.depth)
        self.set_output_features_output_indices(kwargs.pop("out_features", None), kwargs.pop("out_indices", None))
        super().__post_init__(**kwargs)


class TransformersConfig(transformers.BackboneConfigMixin, transformers.PretrainedConfig):
    model_type = "updates-transformers"

    def __init__(self, depth=2, out_features=None, out_indices=None, **kwargs):
        super().__init__(**kwargs)
        self.depth = depth
        self.stage_names = stages(depth)
        self.set_output_features_output_indices(out_features, out_indices)


BACKBONES = [KeywordConfig, ParameterConfig, BodyConfig, TransformersConfig]


def changed(config, way, folder, values):
    """Return the config with other values, by each of the ways that there are."""
    cls = type(config)
    if way == "update":
        config.update(values)
        return config
    if way == "replace":
        return config.__replace__(**values)
    if way == "from_dict":
        return cls.from_dict(config.to_dict(), **values)
    config.save_pretrained(folder)
    return cls.from_pretrained(folder, **values)


@pytest.mark.parametrize("way", ["update", "replace", "from_dict", "from_pretrained"])
@pytest.mark.parametrize("before", [{}, {"out_indices": [0, 2]}])
@pytest.mark.parametrize("values", [{"depth": d, "out_indices": i} for d, i in [(3, [3]), (3, [1, 3]), (1, [1])]])
@pytest.mark.parametrize("cls", BACKBONES)
def test_a_property_and_what_it_depends_on_change_together(cls, values, before, way, tmp_path):
    """In any order, whether there are more stages now or fewer than those that were chosen."""
    depth, indices = values.values()
    expected = cls(**values)
    for names in itertools.permutations(values):
        config = changed(cls(**before), way, tmp_path, {name: values[name] for name in names})
        assert (config.depth, config.stage_names, config.out_indices) == (depth, stages(depth), indices)
        assert config == expected
        config.save_pretrained(tmp_path)
        assert cls.from_pretrained(tmp_path).out_indices == indices


@pytest.mark.parametrize("way", ["update", "replace", "from_dict", "from_pretrained"])
@pytest.mark.parametrize("cls", BACKBONES)
def test_wrong_values_of_a_property_change_nothing(cls, way, tmp_path):
    """The other field keeps its value too."""
    for names in (["depth", "out_indices"], ["out_indices", "depth"]):
        config, values = cls(), {"depth": 3, "out_indices": [4]}
        with pytest.raises((ValueError, IndexError)):
            changed(config, way, tmp_path, {name: values[name] for name in names})
        assert config == cls()
