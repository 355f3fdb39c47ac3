"""Old files: a class's `upgrade` and `from_dict`, and files for several versions of transformers."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from config_core import (
    CheckpointFileNotFoundError,
    ConfigDefinitionError,
    ConfigError,
    ConfigFileError,
    ConfigValidationError,
    PretrainedConfig,
    UnknownOptionError,
)


def write(folder, values, name="config.json"):
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(json.dumps(values), encoding="utf-8")
    return path


# upgrade


class GridConfig(PretrainedConfig, extra="forbid"):
    """`size` was renamed to `width`, then split into `width` and `height`; `rates` was a text."""

    model_type = "old-grid"

    def __init__(self, width: int = 1, height: int = 1, rates: tuple[float, ...] = (), **kwargs):
        self.width = width
        self.height = height
        self.rates = rates
        super().__init__(**kwargs)

    @classmethod
    def upgrade(cls, values):
        values = super().upgrade(values)
        if "size" in values:
            values["width"] = values["height"] = values.pop("size")
        if isinstance(values.get("rates"), str):
            values["rates"] = [float(rate) for rate in values["rates"].split(",")]
        return values


@dataclass
class ScreenConfig(PretrainedConfig, extra="forbid"):
    model_type = "old-screen"
    sub_configs = {"declared": GridConfig}  # noqa: RUF012 - as authors write it

    declared: GridConfig | None = None
    grid: GridConfig | None = None
    grids: list[GridConfig] = field(default_factory=list)
    named: dict[str, GridConfig] = field(default_factory=dict)


OLD = {"model_type": "old-grid", "size": 3, "rates": "0.1,0.2"}
NEW = GridConfig(3, 3, (0.1, 0.2))


def test_every_way_in_upgrades_old_values(tmp_path):
    """A folder, a file and a dict, with overrides beside them; the result is saved in the new form."""
    write(tmp_path, OLD)
    loaded = [
        GridConfig.from_pretrained(tmp_path),
        GridConfig.from_json_file(tmp_path / "config.json"),
        GridConfig.from_dict(OLD),
    ]
    assert all(config == NEW for config in loaded)
    assert OLD["size"] == 3
    assert GridConfig.from_pretrained(tmp_path, height=4) == GridConfig(3, 4, (0.1, 0.2))
    loaded[0].save_pretrained(tmp_path)
    assert GridConfig.get_config_dict(tmp_path)[0] == NEW.to_dict()


PARTS = {"declared": OLD, "grid": OLD, "grids": [OLD, OLD], "named": {"a": OLD}}


@pytest.mark.parametrize("way", ["file", "dict", "call", "update"])
def test_parts_are_upgraded_at_any_depth(way, tmp_path):
    """In a field, a list and a dict."""
    if way == "file":
        write(tmp_path, {"model_type": "old-screen", **PARTS})
        screen = ScreenConfig.from_pretrained(tmp_path)
    elif way == "dict":
        screen = ScreenConfig.from_dict(PARTS, extra="forbid")
    elif way == "call":
        screen = ScreenConfig(**PARTS)
    else:
        screen = ScreenConfig()
        screen.update({name: part for name, part in PARTS.items() if name != "declared"} | {"declared": NEW})
    parts = [screen.declared, screen.grid, *screen.grids, *screen.named.values()]
    assert parts == [NEW] * 5


def test_an_override_of_an_old_part_has_the_new_names(tmp_path):
    """The part of the file is upgraded first."""
    write(tmp_path, {"model_type": "old-screen", **PARTS})
    screen = ScreenConfig.from_pretrained(tmp_path, grid={"height": 5}, declared={"width": 6})
    assert (screen.grid.width, screen.grid.height) == (3, 5)
    assert (screen.declared.width, screen.declared.height) == (6, 3)


def test_an_upgrade_is_called_once_for_a_file(tmp_path):
    """So that it need not be written for values that it has upgraded itself."""
    calls = []

    class CountingConfig(PretrainedConfig):
        model_type = "old-counting"

        def __init__(self, tens: int = 0, **kwargs):
            self.tens = tens
            super().__init__(**kwargs)

        @classmethod
        def upgrade(cls, values):
            calls.append(dict(values))
            if "ones" in values:
                values["tens"] = values.pop("ones") * 10
            return values

    write(tmp_path, {"ones": 2, "model_type": "old-counting"})
    assert CountingConfig.from_pretrained(tmp_path, num_labels=3).tens == 20
    assert calls == [{"ones": 2, "model_type": "old-counting"}]


def test_an_upgrade_is_inherited_and_extended(tmp_path):
    """`super().upgrade` runs the steps of the parent."""

    class WideGridConfig(GridConfig):
        model_type = "old-wide-grid"

        def __init__(self, margin: int = 0, **kwargs):
            self.margin = margin
            super().__init__(**kwargs)

        @classmethod
        def upgrade(cls, values):
            values = super().upgrade(values)
            return {"margin" if name == "border" else name: value for name, value in values.items()}

    write(tmp_path, {**OLD, "model_type": "old-wide-grid", "border": 7})
    config = WideGridConfig.from_pretrained(tmp_path)
    assert (config.width, config.margin) == (3, 7)


@pytest.mark.parametrize("returned", [None, 3, [("width", 3)]])
def test_an_upgrade_must_return_the_values(returned, tmp_path):
    """A forgotten `return values` is said to be one."""

    class ForgetfulConfig(PretrainedConfig):
        model_type = "old-forgetful"

        @classmethod
        def upgrade(cls, _):
            return returned

    write(tmp_path, {})
    with pytest.raises(ConfigDefinitionError, match=r"ForgetfulConfig\.upgrade must return .* `return values`"):
        ForgetfulConfig.from_pretrained(tmp_path)


@pytest.mark.parametrize("error", [KeyError("size"), ValueError("too old"), AttributeError("split")])
def test_an_error_of_an_upgrade_names_it_and_the_file(error, tmp_path):
    """The error is the author's own."""

    class StrictConfig(PretrainedConfig):
        model_type = "old-strict"

        @classmethod
        def upgrade(cls, _):
            raise error

    path = write(tmp_path, {})
    with pytest.raises(type(error)) as caught:
        StrictConfig.from_pretrained(tmp_path)
    notes = " ".join(caught.value.__notes__)
    assert "StrictConfig.upgrade" in notes
    assert str(path) in notes


def test_what_an_upgrade_returns_is_checked(tmp_path):
    """It is held to the annotations and to the rules for files, as the file is."""

    class BadConfig(PretrainedConfig):
        model_type = "old-bad"

        def __init__(self, width: int = 1, **kwargs):
            self.width = width
            super().__init__(**kwargs)

        @classmethod
        def upgrade(cls, values):
            return {**values, **values.pop("add")}

    write(tmp_path, {"model_type": "old-bad", "add": {"width": "x"}})
    with pytest.raises(ConfigValidationError, match=r"BadConfig\.width"):
        BadConfig.from_pretrained(tmp_path)
    with pytest.raises(ConfigError, match="trust_remote_code"):
        BadConfig.from_dict({"add": {"trust_remote_code": True}})


# from_dict


class OwnFromDictConfig(PretrainedConfig):
    """A published class that reads its old files in `from_dict`."""

    model_type = "old-own"

    def __init__(self, width: int = 1, **kwargs):
        self.width = width
        super().__init__(**kwargs)

    @classmethod
    def from_dict(cls, values, **kwargs):
        values = dict(values)
        if "size" in values:
            values["width"] = values.pop("size")
        return super().from_dict(values, **kwargs)


class OwnFromDictPartsConfig(PretrainedConfig):
    model_type = "old-own-parts"

    def __init__(self, part: OwnFromDictConfig | None = None, parts: list[OwnFromDictConfig] | None = None, **kwargs):
        self.part = part
        self.parts = parts
        super().__init__(**kwargs)


def test_loads_call_a_from_dict_of_the_class(tmp_path):
    """As transformers does, with overrides and unused keywords passed on."""
    path = write(tmp_path, {"model_type": "old-own", "size": 5})
    loaded = OwnFromDictConfig.from_pretrained(tmp_path)
    assert loaded.width == 5
    assert not hasattr(loaded, "size")
    assert loaded.name_or_path == str(tmp_path)
    assert OwnFromDictConfig.from_json_file(path).width == 5
    assert OwnFromDictConfig.from_pretrained(tmp_path, width=6).width == 6
    config, unused = OwnFromDictConfig.from_pretrained(tmp_path, return_unused_kwargs=True, colour=1)
    assert (config.width, unused) == (5, {"colour": 1})


class OwnGetConfigDictConfig(PretrainedConfig):
    """A published class that reads its old files in `get_config_dict`."""

    model_type = "old-own-dict"

    def __init__(self, width: int = 1, **kwargs):
        self.width = width
        super().__init__(**kwargs)

    @classmethod
    def get_config_dict(cls, path, **kwargs):
        values, kwargs = super().get_config_dict(path, **kwargs)
        if "size" in values:
            values["width"] = values.pop("size")
        kwargs.pop("colour", None)
        return values, kwargs


def test_loads_call_a_get_config_dict_of_the_class(tmp_path):
    """As transformers does, with all keywords; it may take some of them."""
    write(tmp_path, {"model_type": "old-own-dict", "size": 5})
    loaded = OwnGetConfigDictConfig.from_pretrained(tmp_path, colour=1)
    assert (loaded.width, loaded.name_or_path) == (5, str(tmp_path))
    assert not hasattr(loaded, "size")
    assert OwnGetConfigDictConfig.from_pretrained(tmp_path, width=6).width == 6
    config, unused = OwnGetConfigDictConfig.from_pretrained(tmp_path, return_unused_kwargs=True, colour=1, shape=2)
    assert (config.width, unused) == (5, {"shape": 2})


class OpeningConfig(OwnGetConfigDictConfig):
    """Opens the file itself, and returns all keywords."""

    @classmethod
    def get_config_dict(cls, path, **kwargs):
        return json.loads(Path(path, "config.json").read_text(encoding="utf-8")), kwargs


def test_a_get_config_dict_may_return_the_options_of_the_hub(tmp_path):
    """One that opens the file itself has no use for them; they are neither fields nor unused keywords."""
    write(tmp_path, {"model_type": "old-own-dict", "width": 5})
    assert OpeningConfig.from_pretrained(tmp_path, revision="main").width == 5
    config, unused = OpeningConfig.from_pretrained(tmp_path, return_unused_kwargs=True, width=6, shape=2)
    assert (config.width, unused) == (6, {"shape": 2})


def test_parts_are_made_with_a_from_dict_of_their_class(tmp_path):
    """In fields and lists, with an override beside it."""
    write(tmp_path, {"part": {"size": 5}, "parts": [{"size": 6}]})
    config = OwnFromDictPartsConfig.from_pretrained(tmp_path)
    assert (config.part.width, config.parts[0].width) == (5, 6)
    assert OwnFromDictPartsConfig.from_pretrained(tmp_path, part={"num_labels": 4}).part.width == 5


# Files for several versions of transformers


def listed(*names):
    return {"model_type": "old-grid", "width": 1, "configuration_files": ["config.json", *names]}


@pytest.mark.parametrize(
    ("versions", "read"),
    [
        (["4.0.0"], "4.0.0"),
        (["4.0.0", "4.30.0"], "4.30.0"),
        (["4.9.0", "4.10.0"], "4.10.0"),
        (["5.0.0rc1", "4.57.0"], "5.0.0rc1"),
        (["5.24.0"], "5.24.0"),
        (["5.24.0", "5.25.0", "6"], "5.24.0"),
        (["5.24.0.dev0"], "5.24.0.dev0"),
        (["5.24.1", "99.0"], None),
        ([], None),
    ],
)
def test_the_newest_file_that_transformers_would_read_is_read(versions, read, tmp_path):
    """Versions are compared as versions: 4.10 is later than 4.9, and 5.0.0rc1 earlier than 5.0.0."""
    write(tmp_path, listed(*(f"config.{version}.json" for version in versions)))
    for number, version in enumerate(versions):
        write(tmp_path, {"model_type": "old-grid", "width": 10 + number}, f"config.{version}.json")
    expected = 1 if read is None else 10 + versions.index(read)
    assert GridConfig.from_pretrained(tmp_path).width == expected
    assert GridConfig.get_config_dict(tmp_path)[0]["width"] == expected


def test_a_file_that_is_named_is_read_itself(tmp_path):
    """A caller who names the file gets that file."""
    path = write(tmp_path, listed("config.4.0.0.json"))
    write(tmp_path, {"width": 4}, "config.4.0.0.json")
    assert GridConfig.from_pretrained(path).width == 1
    assert GridConfig.from_json_file(path).width == 1


def test_a_save_does_not_list_files_that_it_does_not_write(tmp_path):
    """What was loaded from a listed file is saved as config.json alone, also over the old files."""
    for target in (tmp_path / "new", tmp_path / "old"):
        write(tmp_path / "old", listed("config.4.0.0.json"))
        write(tmp_path / "old", {"model_type": "old-grid", "width": 4}, "config.4.0.0.json")
        config = GridConfig.from_pretrained(tmp_path / "old", height=9)
        config.save_pretrained(target)
        assert GridConfig.from_pretrained(target) == config


def test_a_listed_file_that_is_missing_is_named(tmp_path):
    """The error is that of a missing file, and says where the name comes from."""
    write(tmp_path, listed("config.4.0.0.json"))
    with pytest.raises(CheckpointFileNotFoundError, match=r"'config\.4\.0\.0\.json'.*configuration_files") as caught:
        GridConfig.from_pretrained(tmp_path)
    assert caught.value.filename == "config.4.0.0.json"


@pytest.mark.parametrize("names", ["config.4.0.0.json", {"a": 1}, [1], ["config.backup.json"], ["config.4.x.json"]])
def test_a_malformed_list_of_files_is_an_error(names, tmp_path):
    """Instead of a file that nobody chose."""
    path = write(tmp_path, {"configuration_files": names})
    with pytest.raises(ConfigFileError, match="configuration_files") as caught:
        GridConfig.from_pretrained(tmp_path)
    assert caught.value.path == path


def test_a_listed_name_cannot_leave_the_folder(tmp_path):
    """A name with a folder in it is no version, and names are checked as all names in files are."""
    write(tmp_path / "in", listed("config.4/../../../out.json"))
    with pytest.raises((ConfigFileError, ValueError)):
        GridConfig.from_pretrained(tmp_path / "in")


def test_a_part_that_init_makes_is_upgraded(tmp_path):
    """`PartConfig(**part)` in an `__init__` gets the values of an old file as those of the present version."""

    class PartConfig(PretrainedConfig):
        model_type = "old-hand-made-part"

        def __init__(self, width: int = 8, **kwargs):
            self.width = width
            super().__init__(**kwargs)

        @classmethod
        def upgrade(cls, values):
            if "size" in values:
                values["width"] = values.pop("size")
            return values

    class HandMadeConfig(PretrainedConfig):
        model_type = "old-hand-made"

        def __init__(self, part=None, beams=1, **kwargs):
            self.part = PartConfig(**(part or {}))
            self.beams = beams
            super().__init__(**kwargs)

    values = {"model_type": "old-hand-made", "part": {"size": 32}}
    (tmp_path / "config.json").write_text(json.dumps(values), encoding="utf-8")
    for config in (HandMadeConfig.from_pretrained(tmp_path), HandMadeConfig.from_dict(values, beams=2)):
        assert config.part == PartConfig(width=32)
    assert HandMadeConfig.from_dict(values, part={"width": 4}).part == PartConfig(width=4)
    with pytest.warns(UserWarning, match=r"no field 'part\.size'"):
        HandMadeConfig(part={"size": 32})  # a caller's, who knows the present names


def test_what_an_upgrade_takes_of_a_changed_part_is_no_unknown_name():
    """It is not kept as an attribute, so no warning says so."""

    class OldPartConfig(PretrainedConfig):
        model_type = "old-part"
        width: int = 8

        @classmethod
        def upgrade(cls, values):
            if "size" in values:
                values["width"] = values.pop("size")
            return values

    class OldWholeConfig(PretrainedConfig):
        model_type = "old-whole"
        part: OldPartConfig = OldPartConfig()

    config = OldWholeConfig()
    config.update({"part": {"size": 7}})
    assert config.part == OldPartConfig(width=7)


def test_an_unknown_name_of_a_part_is_named_with_its_path_once(tmp_path):
    """The path from the root stands before the message, not twice."""

    class PartConfig(PretrainedConfig):
        model_type = "once-part"

        @classmethod
        def upgrade(cls, values):
            values.pop("size", None)
            return values

    class WholeConfig(PretrainedConfig):
        model_type = "once-whole"
        part: PartConfig = PartConfig()

    path = tmp_path / "config.json"
    path.write_text('{"model_type": "once-whole", "part": {"model_type": "once-part", "size": 3}}', encoding="utf-8")
    with pytest.raises(UnknownOptionError) as caught:
        WholeConfig.from_pretrained(path, part={"size": 4})
    assert str(caught.value).startswith("WholeConfig.part: 'size' is neither a field of PartConfig")
