"""Configs written as the published ones are: they are made, saved, loaded and changed as their authors expect."""

from __future__ import annotations

import copy
import json
import pickle

import pytest

from config_core import ConfigError, PretrainedConfig, UnknownOptionError
from config_core.transformers_names import PretrainedConfig as NamesOfTransformers


class TextConfig(PretrainedConfig):
    model_type = "style-text"

    def __init__(self, hidden=8, heads=2, head_dim=None, **kwargs):
        super().__init__(**kwargs)
        self.hidden = hidden
        self.heads = heads
        self.head_dim = head_dim if head_dim is not None else hidden // heads


class ImageConfig(PretrainedConfig, extra="forbid"):
    model_type = "style-image"

    width: int = 8
    inner: TextConfig | None = None


class SpreadConfig(PretrainedConfig):
    """A composite config with `{}` as defaults and a `to_dict` of its own."""

    model_type = "style-spread"

    def __init__(self, image_config={}, text_config={}, image_token=5, **kwargs):  # noqa: B006 - as it is published
        super().__init__(**kwargs)
        self.image_config = ImageConfig(**image_config)
        self.text_config = TextConfig(**text_config)
        self.image_token = image_token
        self.hidden = self.text_config.hidden

    def to_dict(self):
        output = copy.deepcopy(self.__dict__)
        output["image_config"] = self.image_config.to_dict()
        output["text_config"] = self.text_config.to_dict()
        output["model_type"] = self.__class__.model_type
        return output


class ChosenConfig(PretrainedConfig):
    """Takes a part as a dict, as a config or not at all, and has a property that looks like a field."""

    model_type = "style-chosen"
    keys_to_ignore_at_inference = ["past"]  # noqa: RUF012 - as it is published

    def __init__(self, text_config=None, **kwargs):
        if isinstance(text_config, dict):
            text_config["model_type"] = text_config.get("model_type", "style-text")
            text_config = TextConfig(**text_config)
        elif text_config is None:
            text_config = TextConfig(hidden=64)
        self.text_config = text_config
        super().__init__(**kwargs)

    @property
    def hidden(self):
        return self.text_config.hidden


class DeclaredConfig(PretrainedConfig):
    """Declares the parts that it makes itself of dicts, and passes on what its files have too."""

    model_type = "style-declared"
    sub_configs = {"text_config": TextConfig, "image_config": ImageConfig}  # noqa: RUF012 - as it is published

    def __init__(self, text_config=None, image_config=None, **kwargs):
        super().__init__(is_encoder_decoder=True, **kwargs)
        self.text_config = TextConfig(**({} if text_config is None else text_config))
        self.image_config = ImageConfig(**({} if image_config is None else image_config))
        if self.text_config.hidden == self.image_config.width == 3:
            raise ValueError("3 and 3 do not fit")


class StagesConfig(PretrainedConfig):
    """Writes two properties that say the same, and leaves out one part for another."""

    model_type = "style-stages"

    def __init__(self, depths=[2, 2], out_features=None, out_indices=None, *, timm=True, backbone="resnet", **kwargs):  # noqa: B006 - as it is published
        super().__init__(**kwargs)
        self.depths = depths
        self.timm = timm
        self.backbone = backbone if timm else None
        self._stages = [f"stage{index}" for index, _ in enumerate(depths)]
        if out_features is not None and out_indices is not None and len(out_features) != len(out_indices):
            raise ValueError("out_features and out_indices do not fit")
        self.out_features = out_features or [self._stages[index] for index in out_indices or [-1]]

    @property
    def out_features(self):
        return self._out_features

    @out_features.setter
    def out_features(self, names):
        self._out_features = names

    @property
    def out_indices(self):
        return [self._stages.index(name) for name in self.out_features]

    @out_indices.setter
    def out_indices(self, indices):
        self.out_features = [self._stages[index] for index in indices]

    def to_dict(self):
        return {**PretrainedConfig.to_dict(self), "out_features": self.out_features, "out_indices": self.out_indices}


class LateStagesConfig(PretrainedConfig):
    """The same two properties, with the fields in the body."""

    model_type = "style-late-stages"

    depths: list[int] = [2, 2]  # noqa: RUF012 - as it is published

    def __post_init__(self, **kwargs):
        self._stages = [f"stage{index}" for index, _ in enumerate(self.depths)]
        indices = kwargs.pop("out_indices", None) or [-1]
        self.out_features = kwargs.pop("out_features", None) or [self._stages[index] for index in indices]
        super().__post_init__(**kwargs)

    out_features = StagesConfig.out_features
    out_indices = StagesConfig.out_indices
    to_dict = StagesConfig.to_dict


class PairConfig(PretrainedConfig):
    """Requires its parts and takes them apart, from keywords that have no parameter."""

    model_type = "style-pair"

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        if "encoder" not in kwargs or "decoder" not in kwargs:
            raise ValueError("give an encoder and a decoder")
        encoder = kwargs.pop("encoder")
        encoder.pop("model_type")
        decoder = kwargs.pop("decoder")
        decoder.pop("model_type")
        self.encoder = TextConfig(**encoder)
        self.decoder = TextConfig(**decoder)
        self.is_encoder_decoder = True


class PoppedConfig(PretrainedConfig):
    """Has no parameters, one default that is computed, and a keyword of older files."""

    model_type = "style-popped"

    def __init__(self, **kwargs):
        if "size" in kwargs:
            kwargs["width"] = kwargs.pop("size")
        self.width = kwargs.pop("width", 8)
        self.strides = kwargs.pop("strides", (1, 2))
        self.ratio = kwargs.get("ratio", 4)
        self.half = kwargs.pop("half", self.width // 2)
        super().__init__(**kwargs)
        self.inner = self.width * self.ratio


class NamedTwiceConfig(PretrainedConfig):
    """Has aliases and properties of the same names."""

    model_type = "style-named-twice"
    attribute_map = {"hidden_size": "d_model", "num_heads": "encoder_heads"}  # noqa: RUF012 - as it is published

    def __init__(self, d_model=8, encoder_heads=2, **kwargs):
        self.d_model = d_model
        self.encoder_heads = encoder_heads
        super().__init__(**kwargs)

    @property
    def hidden_size(self):
        return self.d_model

    @property
    def num_heads(self):
        return self.encoder_heads


class PassedConfig(PretrainedConfig):
    """Sets what it passes on as well, and passes what nobody may choose."""

    model_type = "style-passed"

    def __init__(self, width=8, pad_token=0, **kwargs):
        self.width = width
        kwargs["bos_token"] = kwargs.pop("bos_token", 5)
        self.pad_token = pad_token
        self.eos_token = 1
        super().__init__(pad_token=pad_token, eos_token=2, tied=False, is_encoder_decoder=True, **kwargs)


class LoopConfig(PretrainedConfig, extra="forbid"):
    """Sets attributes in a loop, after the base class has looked for fields."""

    model_type = "style-loop"

    def __init__(self, width=8, **kwargs):
        super().__init__(**kwargs)
        self.width = width
        for name, value in {"double": 2 * width, "triple": 3 * width}.items():
            setattr(self, name, value)


class RopeConfig(PretrainedConfig, extra="forbid"):
    """Has its fields in the body, and takes a keyword of its older files in `__post_init__`."""

    model_type = "style-rope"

    hidden: int = 8
    heads: int = 2
    head_dim: int | None = None
    rope: dict | None = None

    def __post_init__(self, **kwargs):
        if self.head_dim is None:
            self.head_dim = self.hidden // self.heads
        if self.rope is None:
            self.rope = {"theta": kwargs.pop("theta", 1.0)}
        super().__post_init__(**kwargs)


class DecoderConfig(PretrainedConfig):
    """Older names, a computed list, a dict that is amended, and a type of weights of its own."""

    model_type = "style-decoder"
    attribute_map = {"n_embd": "hidden_size"}  # noqa: RUF012 - as it is published

    def __init__(  # noqa: PLR0917 - as it is published
        self,
        hidden_size=64,
        num_heads=4,
        num_kv_heads=None,
        head_dim=None,
        num_layers=2,
        layer_types=None,
        rope_scaling=None,
        torch_dtype="float16",
        **kwargs,
    ):
        self.hidden_size = hidden_size
        self.num_heads = num_heads
        self.num_kv_heads = num_heads if num_kv_heads is None else num_kv_heads
        self.head_dim = head_dim or hidden_size // num_heads
        self.num_layers = num_layers
        self.layer_types = layer_types or ["full" if i % 2 else "sliding" for i in range(num_layers)]
        self.rope_scaling = rope_scaling
        if self.rope_scaling is not None and "type" in self.rope_scaling:
            self.rope_scaling["rope_type"] = self.rope_scaling["type"]
        super().__init__(torch_dtype=torch_dtype, **kwargs)

    @property
    def half(self):
        return self.hidden_size // 2

    @half.setter
    def half(self, value):
        self.hidden_size = value * 2


def pair(**encoder):
    return PairConfig(encoder=TextConfig(**encoder).to_dict(), decoder=TextConfig(hidden=6).to_dict())


EXAMPLES = [
    SpreadConfig(text_config={"heads": 4}, num_labels=3, torch_dtype="float16"),
    ChosenConfig(),
    ChosenConfig(text_config={"hidden": 16}),
    DeclaredConfig(),
    DeclaredConfig(text_config={"heads": 4}, image_config={"inner": {"hidden": 6}}),
    pair(hidden=4),
    PoppedConfig(),
    PoppedConfig(size=12, ratio=2),
    NamedTwiceConfig(hidden_size=16, encoder_heads=4),
    PassedConfig(),
    PassedConfig(pad_token=3),
    LoopConfig(),
    LoopConfig(double=5),
    RopeConfig(),
    RopeConfig(theta=5.0),
    RopeConfig(theta=5.0, rope={"theta": 6.0}),
    DecoderConfig(),
    DecoderConfig(rope_scaling={"type": "linear", "factor": 2.0}, num_kv_heads=2, id2label={0: "a", 1: "b", 2: "c"}),
    DecoderConfig(half=16),
]


def example(number):
    return copy.deepcopy(EXAMPLES[number])


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_it_comes_back_by_every_way(number, tmp_path):
    """Through a file, a dict, keywords, a copy and a pickle; without a warning, and with the same file again."""
    config = example(number)
    config.save_pretrained(tmp_path)
    loaded = type(config).from_pretrained(tmp_path)
    others = (
        loaded,
        type(config).from_dict(config.to_dict()),
        type(config)(**config.to_dict()),
        copy.copy(config),
        copy.deepcopy(config),
        pickle.loads(pickle.dumps(config)),
    )
    for other in others:
        assert other == config
        assert other.to_dict() == config.to_dict()


PART_OF = [(SpreadConfig(text_config={"heads": 4}), "text_config"), (ChosenConfig({"heads": 4}), "text_config")]
PART_OF.append((pair(heads=4), "encoder"))
PART_OF.append((DeclaredConfig(text_config=TextConfig(heads=4)), "text_config"))


@pytest.mark.parametrize("way", ["from_pretrained", "from_dict", "update"])
@pytest.mark.parametrize(("config", "name"), PART_OF, ids=lambda value: type(value).__name__)
def test_a_dict_changes_a_part_that_init_makes(config, name, way, tmp_path):
    """The fields that it does not name keep their values, and those that are derived are computed again."""
    changed = copy.deepcopy(config)
    if way == "from_pretrained":
        config.save_pretrained(tmp_path)
        changed = type(config).from_pretrained(tmp_path, **{name: {"hidden": 32}})
    elif way == "from_dict":
        changed = type(config).from_dict(config.to_dict(), **{name: {"hidden": 32}})
    else:
        changed.update({name: {"hidden": 32}})
    part = getattr(changed, name)
    assert (type(part), part.hidden, part.heads, part.head_dim) == (TextConfig, 32, 4, 8)
    assert changed.to_dict().get("hidden", 32) == 32  # of the whole, which derives it from the part


@pytest.mark.parametrize("field", ["widht", "inner.hiden"])
def test_a_typo_in_a_part_that_init_makes_is_an_error(field, tmp_path):
    """The rule of the part's class holds in a load and in an update, with the path from the root."""
    config = SpreadConfig(image_config={"inner": TextConfig()})
    config.save_pretrained(tmp_path)
    *_, name = path = field.split(".")
    values = {"image_config": {path[0]: {name: 1} if len(path) > 1 else 1}}
    for call in (lambda: SpreadConfig.from_pretrained(tmp_path, **values), lambda: config.update(values)):
        if name == "widht":
            with pytest.raises(UnknownOptionError, match=r"SpreadConfig has no field 'image_config\.widht'"):
                call()
        else:
            with pytest.warns(UserWarning, match=r"SpreadConfig has no field 'image_config\.inner\.hiden'"):
                call()


WAYS = pytest.mark.parametrize("way", ["from_pretrained", "from_dict", "update"])


def changed(config, way, folder, **values):
    """Return a config with other values, by each of the ways that there are."""
    if way == "from_pretrained":
        config.save_pretrained(folder)
        return type(config).from_pretrained(folder, **values)
    if way == "from_dict":
        return type(config).from_dict(config.to_dict(), **values)
    config.update(values)
    return config


@WAYS
@pytest.mark.parametrize("cls", [StagesConfig, LateStagesConfig])
@pytest.mark.parametrize("values", [{"out_indices": [0, 1]}, {"out_features": ["stage0", "stage1"]}])
def test_of_two_properties_that_say_the_same_one_changes_the_other(cls, values, way, tmp_path):
    """The file has both; that of the two which is not given gives way."""
    config = changed(cls(), way, tmp_path, **values)
    assert (config.out_indices, config.out_features) == ([0, 1], ["stage0", "stage1"])


@WAYS
def test_what_init_replaces_for_another_field_is_replaced_by_every_way(way, tmp_path):
    """An update gives the config that a load with the same values gives."""
    config = changed(StagesConfig(), way, tmp_path, timm=False)
    assert (config.timm, config.backbone) == (False, None)


@WAYS
def test_a_keyword_that_post_init_reads_has_its_effect(way, tmp_path):
    """Given by a caller or by an old file, and where another field changes."""
    assert RopeConfig.from_dict({"model_type": "style-rope", "theta": 5.0}) == RopeConfig(theta=5.0)
    config = changed(RopeConfig(theta=5.0), way, tmp_path, heads=4)
    assert (config.head_dim, config.rope, hasattr(config, "theta")) == (2, {"theta": 5.0}, False)
    refused = "'theta'" if way == "update" else "theta=6.0 would have no effect, .*'rope', .* Give 'rope' instead"
    with pytest.raises(ConfigError, match=refused):
        changed(config, way, tmp_path, theta=6.0)


class LayeredConfig(PretrainedConfig, extra="forbid"):
    model_type = "style-layered"

    rope_config: RopeConfig | None = None
    layers: list[RopeConfig] = []  # noqa: RUF012 - as it is published


@pytest.mark.parametrize("before", [{}, {"rope_config": {}, "layers": [{}]}], ids=["new", "there"])
@WAYS
def test_a_keyword_that_post_init_reads_is_known_in_parts(before, way, tmp_path):
    """In dicts for parts, whether there were some before or not; typos beside it are found."""
    config = changed(LayeredConfig(**before), way, tmp_path, rope_config={"theta": 5.0}, layers=[{"theta": 6.0}])
    assert (config.rope_config.rope, config.layers[0].rope) == ({"theta": 5.0}, {"theta": 6.0})
    assert LayeredConfig.from_dict({"layers": [{"theta": 6.0}]}, extra="forbid").layers == config.layers
    with pytest.raises(UnknownOptionError, match=r"no field 'layers\[0\]\.thet'. Did you mean 'theta'"):
        changed(config, way, tmp_path, layers=[{"thet": 6.0}])


class RenamedKeywordConfig(PretrainedConfig):
    """Reads a keyword of older files, and keeps it under another name."""

    model_type = "style-renamed-keyword"

    def __init__(self, **kwargs):
        self.width = kwargs.pop("width", 8)
        if (size := kwargs.pop("size", None)) is not None:
            self.width = 2 * size
        if (rate := kwargs.pop("rate", None)) is not None and "dropout" not in kwargs:
            kwargs["dropout"] = rate
        super().__init__(**kwargs)


def test_a_keyword_that_init_reads_has_its_effect_or_is_refused(tmp_path):
    """Where the file has a value already for what is made of it, the error names that."""
    config = RenamedKeywordConfig(size=4, rate=0.1)
    config.save_pretrained(tmp_path)
    assert RenamedKeywordConfig.from_pretrained(tmp_path, size=5).width == 10
    with pytest.raises(ConfigError, match=r"rate=0.2 would have no effect, .*'dropout', which is 0.1. Give 'dropout'"):
        RenamedKeywordConfig.from_pretrained(tmp_path, rate=0.2)


WRITTEN = {
    "model_type": "style-image",
    "_name_or_path": "me/tiny",
    "_commit_hash": "0123",
    "auto_map": {"AutoConfig": "m.C"},
    "configuration_files": ["config.json"],
    "transformers_version": "4.57",
    "width": 5,
}


@pytest.mark.parametrize("way", ["keywords", "update", "part", "part made by hand"])
def test_everything_that_transformers_writes_into_a_file_may_be_passed_on(way):
    """`MyConfig(**json.load(file))`: what tells of the place of the file is dropped, and nothing is unknown."""
    config = ImageConfig()
    if way == "keywords":
        config = ImageConfig(**WRITTEN)
    elif way == "update":
        config.update(WRITTEN)
    else:
        whole = DeclaredConfig if way == "part" else SpreadConfig
        config = whole(image_config=WRITTEN).image_config
    assert config.to_dict() == {
        "model_type": "style-image", "transformers_version": "4.57", "width": 5, "inner": None
    }  # fmt: skip


@pytest.mark.parametrize("name", ["name_or_path", "_name_or_path"])
def test_where_a_config_is_from_has_either_name(name, tmp_path):
    """As in transformers, whose older versions write the private name into files."""
    ImageConfig().save_pretrained(tmp_path)
    config = ImageConfig()
    config.update({name: "me/tiny"})
    for each in (config, ImageConfig(**{name: "me/tiny"}), ImageConfig.from_dict({}, **{name: "me/tiny"})):
        assert each.name_or_path == "me/tiny"
        assert each == ImageConfig()
        assert each.to_dict() == ImageConfig().to_dict()
    assert ImageConfig(name_or_path="me/tiny", _name_or_path="me/old").name_or_path == "me/tiny"


def test_an_update_takes_what_to_dict_returns_of_computed_fields():
    """All at once; in a dict that was changed, they are computed again, as in a load."""
    config = TextConfig()
    config.update(TextConfig(hidden=32).to_dict())
    assert config == TextConfig(hidden=32)
    config.update({"heads": 4})
    assert config == TextConfig(hidden=32, heads=4)
    config.update({**config.to_dict(), "hidden": 64})
    assert config == TextConfig(hidden=64, heads=4)


def test_an_update_takes_what_to_dict_returns():
    """The `model_type` of its own class changes nothing, and that of another is refused."""
    config = ImageConfig()
    config.update(ImageConfig(width=3, inner=TextConfig(hidden=4)).to_dict())
    assert config == ImageConfig(width=3, inner=TextConfig(hidden=4))
    with pytest.raises(UnknownOptionError, match="ImageConfig has no field 'model_type'"):
        config.update({"model_type": "style-text"})


def test_errors_about_declared_parts_say_what_is_wrong():
    """Whether `__init__` gets them as configs or as dicts."""
    with pytest.raises(ValueError, match="3 and 3 do not fit"):
        DeclaredConfig(text_config={"hidden": 3}, image_config={"width": 3})
    with pytest.raises(ConfigError, match=r"DeclaredConfig.image_config.width: expected int, got str"):
        DeclaredConfig(image_config={"width": "3"})
    with pytest.raises(UnknownOptionError, match=r"no field 'image_config\.widht'"):
        DeclaredConfig(image_config={"widht": 3})
    with pytest.warns(UserWarning, match=r"DeclaredConfig has no field 'text_config\.hiden'") as warned:
        assert DeclaredConfig(text_config={"hiden": 3}).text_config.hiden == 3
    assert len(warned) == 1


def test_a_plain_dict_is_replaced(tmp_path):
    """A dict in place of one that is no config, such as `rope_scaling`, is all that the caller wants."""
    DecoderConfig(rope_scaling={"type": "linear", "factor": 2.0}).save_pretrained(tmp_path)
    loaded = DecoderConfig.from_pretrained(tmp_path, rope_scaling={"rope_type": "yarn"})
    assert loaded.rope_scaling == {"rope_type": "yarn"}
    assert DecoderConfig.from_pretrained(tmp_path, rope_scaling=None).rope_scaling is None


def test_keywords_that_init_reads_are_fields():
    """`kwargs.pop("width", 8)` makes `width` a field: of files that lack it, of overrides, and for typos."""
    config = PoppedConfig.from_dict({}, width=16, strides=[3])
    assert (config.width, config.half, config.inner, config.strides) == (16, 8, 64, (3,))
    assert PoppedConfig.from_dict({}, half=1).half == 1
    assert PoppedConfig.from_dict({"size": 12}).width == 12
    with pytest.raises(UnknownOptionError, match="Did you mean 'width'"):
        PoppedConfig.from_dict({}, widht=16)
    with pytest.warns(UserWarning, match="Did you mean 'strides'"):
        PoppedConfig(stride=(1,))


def test_a_default_that_init_reads_is_no_computed_value(tmp_path):
    """A person may change it in the file; what is computed from it is computed again."""
    PoppedConfig().save_pretrained(tmp_path)
    path = tmp_path / "config.json"
    values = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**values, "strides": [5]}), encoding="utf-8")
    assert PoppedConfig.from_pretrained(tmp_path).strides == (5,)
    path.write_text(json.dumps({**values, "width": 16}), encoding="utf-8")
    loaded = PoppedConfig.from_pretrained(tmp_path)
    assert (loaded.half, loaded.inner) == (8, 64)


def test_what_the_class_passes_itself_cannot_be_chosen():
    """A file that says the same loads; another value is an error that names both."""
    assert PassedConfig.from_dict({"tied": False, "width": 3}).width == 3
    for make in (PassedConfig.from_dict, lambda values: PassedConfig(**values)):
        with pytest.raises(ConfigError, match=r"'tied' is True, but the class itself passes False"):
            make({"tied": True})


@pytest.mark.parametrize("keyword", ["dtype", "torch_dtype"])
@pytest.mark.parametrize("base", [PretrainedConfig, NamesOfTransformers])
def test_a_type_of_weights_has_either_name(base, keyword):
    """Also where `__init__` takes it under the older name, with a default, or reads it."""

    class Taking(base):
        model_type = "style-taking"

        def __init__(self, torch_dtype="float16", **kwargs):
            super().__init__(torch_dtype=torch_dtype, **kwargs)

    class Reading(base):
        model_type = "style-reading"

        def __init__(self, **kwargs):
            super().__init__(torch_dtype=kwargs.pop("torch_dtype", "float16"), **kwargs)

    for cls in (Taking, Reading, DecoderConfig):
        assert cls().dtype == "float16"
        assert cls(**{keyword: "bfloat16"}).dtype == "bfloat16"
        assert cls.from_dict({keyword: "bfloat16"}).dtype == "bfloat16"
        assert cls.from_dict(cls().to_dict(), **{keyword: "bfloat16"}).dtype == "bfloat16"


def test_an_alias_replaces_a_property_of_its_name():
    """As in transformers: unlike the property, it can be assigned."""
    config = NamedTwiceConfig()
    config.hidden_size = 32
    config.update({"num_heads": 8})
    assert (config.d_model, config.encoder_heads, config.hidden_size) == (32, 8, 32)


def test_what_every_file_has_is_no_mistake():
    """The values of a file may be passed as keywords, the version of transformers included."""
    config = ImageConfig(model_type="style-image", transformers_version="4.41.0", width=3)
    assert config.to_dict()["transformers_version"] == "4.41.0"


def test_what_a_caller_names_in_vain_is_said_once():
    """Whatever is made to find out what is computed is not reported."""
    part = TextConfig()
    part.is_decoder = True
    with pytest.warns(UserWarning, match="no field") as warned:
        PairConfig(encoder=part.to_dict(), decoder=TextConfig().to_dict())
    assert [f"{warning.message}".partition(".")[0] for warning in warned] == ["PairConfig has no field 'encoder"]


@pytest.mark.parametrize(
    ("fields", "problem"),
    [({"embed_dim": 7, "num_heads": 2, "head_dim": 3}, "embed_dim"), ({"layer_types": ["a"]}, "layer_types")],
)
def test_checks_of_the_base_class_may_be_extended(fields, problem):
    """Code for transformers 5 calls them by `super()`; without `@strict` nobody else does."""

    class Checked(NamesOfTransformers):
        model_type = "style-checked"
        num_hidden_layers: int = 2

        def check(self):
            super().validate_token_ids()
            super().validate_output_attentions()
            super().validate_layer_type()
            super().validate_architecture()

    Checked(embed_dim=6, num_heads=2, head_dim=3, layer_types=["a", "b"]).check()
    with pytest.raises(ValueError, match=f"{problem} must"):
        Checked(**fields).check()


def test_parts_with_defaults_are_made_by_the_base_class(tmp_path):
    """Code for transformers 5 names the classes of its parts in `sub_configs_defaults`."""

    class Part(NamesOfTransformers):
        model_type = "style-part"
        width: int = 4

    class Whole(NamesOfTransformers):
        model_type = "style-whole"
        sub_configs_defaults = {"one": Part, "two": Part}  # noqa: RUF012 - as it is published
        one: dict | NamesOfTransformers | None = None
        two: dict | NamesOfTransformers | None = None

    config = Whole(two={"width": 9})
    assert (config.one.width, config.two.width) == (4, 9)
    config.save_pretrained(tmp_path)
    assert Whole.from_pretrained(tmp_path) == config
    assert Whole(one=Part(width=2)).one.width == 2


def test_code_for_transformers_may_have_tuples(tmp_path):
    """Its configs are saved as transformers saves them: a file has a list for a tuple that nothing describes."""

    class Tuples(NamesOfTransformers):
        model_type = "style-tuples"

        def __init__(self, kernels: tuple = (3, 3), names=None, **kwargs):
            self.kernels = kernels
            self.names = names or {1: "a"}
            super().__init__(**kwargs)

    Tuples().save_pretrained(tmp_path)
    assert list(Tuples.from_pretrained(tmp_path).kernels) == [3, 3]


class LayerConfig(PretrainedConfig, extra="forbid"):
    model_type = "style-layer"

    def __init__(self, kernel=3, dilation=None, **kwargs):
        self.kernel = kernel
        self.dilation = dilation or kernel // 2
        super().__init__(**kwargs)


class StackConfig(PretrainedConfig):
    """Makes lists and dicts of parts by hand."""

    model_type = "style-stack"

    def __init__(self, layers=(), named: dict | None = None, **kwargs):
        self.layers = [layer if isinstance(layer, LayerConfig) else LayerConfig(**layer) for layer in layers]
        self.named = {name: LayerConfig(**layer) for name, layer in (named or {}).items()}
        self.total = sum(layer.kernel for layer in self.layers)
        super().__init__(**kwargs)


@pytest.mark.parametrize("way", ["from_pretrained", "update"])
def test_lists_of_parts_that_init_makes_are_made_again(way, tmp_path):
    """New values of the whole list are configs, what is derived from them follows, and typos have their path."""
    config = StackConfig([{"kernel": 5}, {}], {"a": {"kernel": 7}})
    assert StackConfig.from_dict(config.to_dict()) == config
    config.save_pretrained(tmp_path)

    def changed(**values):
        if way == "from_pretrained":
            return StackConfig.from_pretrained(tmp_path, **values)
        config.update(values)
        return config

    new = changed(layers=[{"kernel": 9}], named={"b": {}})
    assert new.layers == [LayerConfig(9)]
    assert (new.named, new.total) == ({"b": LayerConfig()}, 9)
    with pytest.raises(UnknownOptionError, match=r"StackConfig has no field 'layers\[1\]\.kernl'"):
        changed(layers=[{}, {"kernl": 9}])


def test_a_part_that_init_makes_may_be_given_as_a_config(tmp_path):
    """As in transformers, although `__init__` wants a dict."""
    SpreadConfig().save_pretrained(tmp_path)
    loaded = SpreadConfig.from_pretrained(tmp_path, text_config=TextConfig(hidden=32))
    assert (loaded.text_config, loaded.hidden) == (TextConfig(hidden=32), 32)


def test_init_chooses_the_form_of_a_value(tmp_path):
    """`list(depths)` is a list, although the default of the keyword is a tuple; a file gives a list back."""

    class DepthsConfig(PretrainedConfig):
        model_type = "style-depths"

        def __init__(self, depths=(2, 2), kernel=(3, 3), **kwargs):
            self.depths = list(depths)
            self.kernel = kernel
            super().__init__(**kwargs)

    config = DepthsConfig()
    config.depths.append(6)
    config.save_pretrained(tmp_path)
    loaded = DepthsConfig.from_pretrained(tmp_path)
    loaded.update({"kernel": [5, 5]})
    assert (loaded.depths, loaded.kernel) == ([2, 2, 6], (5, 5))
    loaded.update({"depths": [1]})
    assert loaded.depths == [1]


class Rotary:
    """A mixin that takes keywords of its own."""

    def __init__(self, rope_theta=1e4, **kwargs):
        self.rope_theta = rope_theta
        super().__init__(**kwargs)


class RotaryConfig(Rotary, TextConfig, extra="forbid"):
    model_type = "style-rotary"


class IndirectConfig(PretrainedConfig, extra="forbid"):
    """Reads its keywords in a way that cannot be seen."""

    model_type = "style-indirect"

    def __init__(self, **kwargs):
        values = {"width": 8, "depth": 2} | kwargs
        for name in ("width", "depth"):
            setattr(self, name, values.pop(name))
        super().__init__(**values)
        self.total = self.width * self.depth


@pytest.mark.parametrize(("cls", "name"), [(RotaryConfig, "rope_theta"), (IndirectConfig, "width")])
def test_any_keyword_of_a_class_may_be_an_override(cls, name, tmp_path):
    """Of a file that lacks it, too, whether a mixin takes it or `__init__` reads it in a loop; typos are refused."""
    assert getattr(cls.from_dict({}, **{name: 5}), name) == 5
    assert getattr(cls(**{name: 5}), name) == 5
    cls(**{name: 5}).save_pretrained(tmp_path)
    assert cls.from_pretrained(tmp_path) == cls(**{name: 5})
    for call in (cls, lambda **typo: cls.from_pretrained(tmp_path, **typo)):
        with pytest.raises(UnknownOptionError, match=f"'{name}s'"):
            call(**{f"{name}s": 5})
