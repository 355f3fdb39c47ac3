"""Values whose own `==` fails or gives no bool, such as arrays, in configs that are compared, changed and shown."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest

from config_core import ConfigError, ConfigValidationError, PretrainedConfig


class BodyConfig(PretrainedConfig):
    model_type = "equal-body"

    value: Any = None
    width: int = 3


class InitConfig(PretrainedConfig):
    model_type = "equal-init"
    attribute_map = {"content": "value"}  # noqa: RUF012

    def __init__(self, value=None, width: int = 3, **kwargs):
        self.value = value
        self.width = width
        self.double = 2 * width
        super().__init__(**kwargs)


@dataclass
class Record:
    held: Any
    name: str = "a"


class Failing:
    """A value that cannot be compared."""

    __hash__ = None

    def __eq__(self, other):
        raise RuntimeError("compared")


class Vague:
    """A value whose comparison is neither true nor false."""

    __hash__ = None

    def __eq__(self, other):
        return Vague()

    def __bool__(self):
        raise TypeError("neither true nor false")


class NeverEqual:
    """A value that is not equal to anything, itself included."""

    __hash__ = None

    def __eq__(self, other):
        return False


CLASSES = pytest.mark.parametrize("cls", [BodyConfig, InitConfig])
HELD = pytest.mark.parametrize(
    "held",
    [lambda value: value, lambda value: [value, 1], lambda value: {"a": (value,)}, Record],
    ids=["alone", "list", "dict", "dataclass"],
)


@pytest.fixture(params=["numpy", "torch"])
def library(request):
    """A library whose arrays compare element by element."""
    return pytest.importorskip(request.param)


@CLASSES
@HELD
def test_arrays_are_equal_if_their_elements_are(cls, held, library):
    """NaN to NaN, as in a config without arrays; and of one type and shape."""
    config = cls(value=held(library.ones(3)))
    assert config == cls(value=held(library.ones(3)))
    assert config == copy.deepcopy(config)
    nan = library.ones(3) * float("nan")
    assert cls(value=held(nan)) == cls(value=held(nan * 1))
    others = [library.zeros(3), library.ones(4), library.ones(3, dtype=library.int64), [1.0, 1.0, 1.0], 1.0, None]
    for other in others:
        assert config != cls(value=held(other))
        assert cls(value=held(other)) != config
    assert config != cls(value=held(library.ones(3)), width=4)


@CLASSES
@HELD
@pytest.mark.parametrize("kind", [Failing, Vague, NeverEqual])
def test_a_value_that_cannot_be_compared_is_equal_to_itself_alone(cls, held, kind):
    """Its own error is not raised."""
    config = cls(value=held(kind()))
    assert config == cls(value=config.value)
    assert config != cls(value=held(kind()))
    assert config != cls()


@HELD
@pytest.mark.parametrize("nan", [Decimal("NaN"), complex("nan")], ids=repr)
def test_numbers_that_json_lacks_are_equal_if_both_are_nan(held, nan):
    """As those that it has."""
    assert BodyConfig(value=held(nan)) == BodyConfig(value=held(nan + 0)) != BodyConfig(value=held(1j))


@CLASSES
def test_what_the_rest_of_a_config_holds_is_compared_as_in_a_file(cls):
    """A list and a tuple are the same there, whatever stands beside them."""
    value = Failing()
    assert cls(value=[value, (1, 2)]) == cls(value=[value, [1, 2]])


@CLASSES
@HELD
def test_a_config_with_such_a_value_is_changed_and_shown(cls, held, library):
    """In each way; what is computed from other fields follows them."""
    for value in (library.ones(3), Failing(), Vague()):
        config = cls(value=held(value))
        config.update({"width": 5, "value": held(value)})
        made = cls.from_dict({"value": held(value), "width": 3}, width=5)
        replaced = cls.from_dict({"width": 5}, value=held(value))
        for each in (config, made, replaced):
            assert each.width == 5
            assert getattr(each, "double", 10) == 10
            assert "equal-" in repr(each) or "5" in repr(each)


@CLASSES
def test_an_array_stays_one_however_it_is_given(cls, library, tmp_path):
    """Where no annotation says that it is a list."""
    config = cls()
    config.save_pretrained(tmp_path)
    config.update({"value": library.ones(3)})
    assert config == cls(value=library.ones(3)) == cls.from_pretrained(tmp_path, value=library.ones(3))
    assert type(config.value) is type(library.ones(3))


def test_a_field_and_its_alias_may_be_the_same_array(library):
    """Two equal arrays are one value, and two others a contradiction."""
    assert InitConfig(value=library.ones(3), content=library.ones(3)) == InitConfig(content=library.ones(3))
    with pytest.raises(ConfigError, match="'content' is an alias of 'value'"):
        InitConfig(value=library.ones(3), content=library.zeros(3))


def test_an_array_as_a_default_does_not_disturb(library):
    """Of a field that is not given, and of one that is."""
    ones = library.ones(3)

    class DefaultConfig(PretrainedConfig):
        model_type = "equal-default"

        def __init__(self, value=ones, width: int = 3, **kwargs):
            self.value = value
            self.width = width
            super().__init__(**kwargs)

    config = DefaultConfig()
    assert config == DefaultConfig(value=library.ones(3)) != DefaultConfig(value=library.zeros(3))
    config.update({"width": 4})
    assert config.width == 4


def test_a_number_of_classes_that_is_an_array_is_refused(library):
    """With an error of the field, not of the library."""
    for make in (
        lambda: BodyConfig(num_labels=library.ones(3), id2label={0: "a"}),
        lambda: BodyConfig.from_dict({"id2label": {0: "a"}}, num_labels=library.ones(3)),
    ):
        with pytest.raises(ConfigError, match="num_labels"):
            make()


def test_a_config_that_cannot_list_its_fields_is_compared_too():
    """As long as its names of classes are wrong, it is equal to itself and to a copy."""
    config = BodyConfig(id2label={0: "a", 1: "b"})
    config.id2label[2] = "c"
    assert config == config  # noqa: PLR0124 - that it does not raise
    assert config == copy.deepcopy(config) != BodyConfig()


def test_a_value_that_contains_itself_is_given_and_compared():
    """Only a save needs values that have an end."""
    value = [1]
    value.append(value)
    config = BodyConfig(value=value)
    config.update({"value": value})
    assert config == BodyConfig(value=value) != BodyConfig(value=[1])


@pytest.mark.parametrize(
    ("default", "value"),
    [(1, True), (0, False), (1, 1.0), ([1], [True]), ({"a": 1, "b": 2}, {"b": 2, "a": 1}), (0.0, -0.0)],
)
def test_the_short_file_has_what_is_equal_and_not_the_same(default, value, tmp_path):
    """A value that is equal to the default and of another type, or in another order, is not lost."""

    class ShortConfig(PretrainedConfig):
        model_type = "equal-short"

        def __init__(self, field=default, **kwargs):
            self.field = field
            super().__init__(**kwargs)

    ShortConfig(field=value).to_json_file(tmp_path / "config.json", use_diff=True)
    loaded = ShortConfig.from_json_file(tmp_path / "config.json")
    assert json.dumps(loaded.field) == json.dumps(value)
    assert "field" not in ShortConfig(field=copy.deepcopy(default)).to_diff_dict()


def _endless_list():
    value = [1]
    value.append(value)
    return value


def _endless_dict():
    value: dict[str, Any] = {}
    value["a"] = [value]
    return value


class CopyingConfig(PretrainedConfig):
    model_type = "equal-copying"

    def __init__(self, value=None, **kwargs):
        self.value = copy.deepcopy(value)
        super().__init__(**kwargs)


@dataclass
class Node:
    children: list[Node] = field(default_factory=list)


class TreeConfig(PretrainedConfig):
    model_type = "equal-tree"

    node: Node | None = None
    parts: list[TreeConfig] = field(default_factory=list)


ENDLESS = pytest.mark.parametrize("endless", [_endless_list, _endless_dict])


@ENDLESS
def test_a_value_that_contains_itself_may_be_a_default(endless):
    """It says nothing of what a load restores."""
    default = endless()

    class DefaultConfig(PretrainedConfig):
        model_type = "equal-endless"

        def __init__(self, value=default, **kwargs):
            self.value = value
            super().__init__(**kwargs)

    assert type(DefaultConfig().value) is type(default)


@ENDLESS
def test_a_class_may_copy_a_value_that_contains_itself(endless):
    """The search for names that its parts do not know ends."""
    config = CopyingConfig()
    config.update({"value": endless()})
    assert type(config.value) is type(endless())
    assert type(CopyingConfig.from_dict({}, value=endless()).value) is type(endless())


@pytest.mark.parametrize(("field_name", "key"), [("node", "children"), ("parts", "parts")])
def test_a_value_that_contains_itself_is_refused_where_objects_are_made_of_it(field_name, key):
    """With the error of a value, however it is given."""
    value: dict[str, Any] = {}
    value[key] = [value]
    given = {field_name: [value] if field_name == "parts" else value}
    for make in (
        lambda: TreeConfig(**given),
        lambda: TreeConfig.from_dict(given),
        lambda: TreeConfig().update(given),
        lambda: TreeConfig.from_dict({}, **given),
    ):
        with pytest.raises(ConfigValidationError, match="contains itself"):
            make()


@CLASSES
@pytest.mark.parametrize("value", [(1, 2), {1}, {1: 2}, Record(1), [(1,)], len], ids=repr)
def test_a_replaced_config_keeps_values_that_json_has_no_form_of(cls, value):
    """It is not made of a file."""
    replaced = cls(value=value).__replace__(width=5)
    assert (replaced.value, replaced.width, getattr(replaced, "double", 10)) == (value, 5, 10)
    assert type(replaced.value) is type(value)


@CLASSES
@HELD
def test_a_config_with_an_array_is_replaced(cls, held, library):
    """The array is one of its own."""
    config = cls(value=held(library.ones(3)))
    replaced = config.__replace__(width=5)
    assert replaced == cls(value=held(library.ones(3)), width=5)
    assert replaced.value is not config.value
