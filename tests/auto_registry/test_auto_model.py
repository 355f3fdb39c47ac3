"""The AutoModel classes on real folders and model classes without torch."""

from __future__ import annotations

import shutil

import pytest

from auto_registry import (
    AutoModel,
    AutoModelClass,
    AutoModelForImageClassification,
    UnknownModelTypeError,
    UnknownTaskError,
    UsageError,
)
from config_core import Checkpoint, CheckpointFileNotFoundError, FolderCheckpoint, PretrainedConfig, open_checkpoint


class CountingCheckpoint(FolderCheckpoint):
    """A checkpoint that remembers which files were asked for."""

    def __init__(self, path):
        super().__init__(path)
        self.asked = []

    def local_path(self, filename):
        self.asked.append(filename)
        return super().local_path(filename)


def test_model_is_loaded_with_its_config(registry, parrot, write_checkpoint):
    """The model class gets the opened checkpoint and the config."""
    folder = write_checkpoint(model_type="parrot", size=5)
    model = AutoModel.from_pretrained(folder, registry=registry)
    assert type(model) is parrot[1]
    assert (type(model.config), model.config.size) == (parrot[0], 5)
    assert isinstance(model.checkpoint, Checkpoint)
    assert model.checkpoint.name == str(folder)


def test_checkpoint_is_opened_once(aviary, write_checkpoint):
    """One value travels: the model gets the checkpoint that the config was read from."""
    checkpoint = CountingCheckpoint(write_checkpoint(model_type="parrot"))
    model = AutoModel.from_pretrained(checkpoint, registry=aviary)
    assert model.checkpoint is checkpoint
    assert set(checkpoint.asked) == {"config.json"}


@pytest.mark.parametrize(("subfolder", "expected"), [("", {}), ("inside", {"subfolder": "inside"})])
def test_overridden_from_pretrained_gets_what_the_caller_gave(registry, parrot, write_checkpoint, subfolder, expected):
    """As in transformers: a class that overrides the method of its library looks for more files by the name."""

    class LibraryModel:
        __module__ = "library.models"
        config_class = parrot[0]

        @classmethod
        def from_pretrained(cls, source, **options):
            model = cls()
            del options["config"]
            model.source, model.options = source, options
            return model

    class OwnModel(LibraryModel):
        @classmethod
        def from_pretrained(cls, source, **options):
            return super().from_pretrained(source, **options)

    AutoModel.register(parrot[0], OwnModel, exist_ok=True, registry=registry)
    folder = write_checkpoint(model_type="parrot")
    (folder / "inside").mkdir()
    shutil.copy(folder / "config.json", folder / "inside")
    model = AutoModel.from_pretrained(str(folder), subfolder=subfolder, registry=registry)
    assert (model.source, model.options) == (str(folder), expected)


def test_task_classes_differ_in_their_names(registry, parrot, write_checkpoint, make_model):
    """Each task has a model class of its own for the same config class."""
    classifier = make_model(parrot[0], name="ParrotForImageClassification")
    AutoModelForImageClassification.register(parrot[0], classifier, registry=registry)
    folder = write_checkpoint(model_type="parrot")
    assert type(AutoModelForImageClassification.from_pretrained(folder, registry=registry)) is classifier
    assert type(AutoModel.from_pretrained(folder, registry=registry)) is parrot[1]


def test_own_task_works_by_its_name(registry, parrot, write_checkpoint, make_model):
    """A program's own auto class is a task like the others, and not its parent's."""

    class AutoModelForTalking(AutoModel):
        """Models that talk."""

    folder = write_checkpoint(model_type="parrot")
    with pytest.raises(UnknownTaskError, match=r"AutoModelForTalking.*There is one for AutoModel"):
        AutoModelForTalking.from_pretrained(folder, registry=registry)
    talker = make_model(parrot[0], name="TalkingParrot")
    AutoModelForTalking.register(parrot[0], talker, registry=registry)
    assert type(AutoModelForTalking.from_pretrained(folder, registry=registry)) is talker
    assert type(AutoModel.from_pretrained(folder, registry=registry)) is parrot[1]


def test_keywords_are_sorted(aviary, write_checkpoint):
    """Fields go to the config, the rest to the model, and positional arguments too."""
    folder = write_checkpoint(model_type="parrot")
    model = AutoModel.from_pretrained(folder, "first", registry=aviary, size=8, device="cuda", head="small")
    assert model.config.size == 8
    assert (model.args, model.device, model.options) == (("first",), "cuda", {"head": "small"})


@pytest.mark.parametrize("name", ["dtype", "torch_dtype", "state_dict", "output_loading_info"])
def test_model_options_reach_the_model(aviary, write_checkpoint, name):
    """A dtype is a field of every config, but given to a model it is about the tensors."""
    folder = write_checkpoint(model_type="parrot", dtype="float32")
    model = AutoModel.from_pretrained(folder, registry=aviary, **{name: "bfloat16"})
    assert model.options == {name: "bfloat16"}
    assert model.config.dtype == "float32"


def test_what_the_model_names_is_the_model_s(aviary, write_checkpoint):
    """A key in a file cannot take an option away from the model, even one of the same name."""
    folder = write_checkpoint(model_type="parrot", device="of the file")
    model = AutoModel.from_pretrained(folder, registry=aviary, device="cuda")
    assert (model.device, model.config.device) == ("cuda", "of the file")


def test_given_config_is_used(registry, parrot, write_checkpoint):
    """A config object takes the place of the file's, which keeps its say about nothing."""
    config = parrot[0](size=9)
    model = AutoModel.from_pretrained(write_checkpoint(model_type="other"), config=config, registry=registry)
    assert model.config is config


def test_given_config_needs_no_file(registry, parrot, tmp_path):
    """A folder of weights without config.json loads with a config object."""
    config = parrot[0](size=9)
    assert AutoModel.from_pretrained(tmp_path, config=config, registry=registry).config is config


@pytest.mark.parametrize(
    "as_source", [str, lambda folder: folder, open_checkpoint, lambda folder: folder / "config.json"]
)
def test_config_may_be_a_place(aviary, write_checkpoint, as_source):
    """The config of one folder and the weights of another: never silently ignored."""
    other = write_checkpoint(model_type="parrot", size=11)
    folder = write_checkpoint(model_type="parrot", size=5)
    model = AutoModel.from_pretrained(folder, config=as_source(other), registry=aviary)
    assert model.config.size == 11
    assert model.checkpoint.name == str(folder)


def test_missing_config_is_named(registry, tmp_path):
    """A folder without config.json is no checkpoint."""
    with pytest.raises(CheckpointFileNotFoundError, match=r"config\.json"):
        AutoModel.from_pretrained(tmp_path, registry=registry)


def test_unknown_type_is_refused(aviary, write_checkpoint):
    """Near names are suggested, and the registry stays as it was."""
    with pytest.raises(UnknownModelTypeError, match="Did you mean 'parrot'"):
        AutoModel.from_pretrained(write_checkpoint(model_type="parott"), registry=aviary)
    assert aviary.model_types() == ("parrot",)


def test_unknown_task_is_refused(aviary, write_checkpoint):
    """The error names the tasks that there are."""
    with pytest.raises(UnknownTaskError, match="There is one for AutoModel"):
        AutoModelForImageClassification.from_pretrained(write_checkpoint(model_type="parrot"), registry=aviary)


def test_own_config_needs_no_broken_package(registry, install, make_config, make_model):
    """A package that offers its model_type is not at fault for what the program itself left out."""
    install(
        "sick-birds",
        source="raise RuntimeError('the driver is too old')",
        configs={"parrot-sick": "sick_birds:Config"},
        models={"AutoModel.parrot-sick": "sick_birds:Model"},
    )
    own = make_config("parrot-sick")
    AutoModelForImageClassification.register(own, make_model(own), registry=registry)
    assert isinstance(AutoModelForImageClassification.from_config(own(), registry=registry).config, own)
    with pytest.raises(UnknownTaskError, match="There is one for AutoModelForImageClassification"):
        AutoModel.from_config(own(), registry=registry)


def test_loading_registers_nothing(registry, write_checkpoint, install_parrot):
    """A load leaves the registry as it was."""
    install_parrot("parrot-r")
    model = AutoModel.from_pretrained(write_checkpoint(model_type="parrot-r", size=5), registry=registry)
    assert (type(model).__module__, model.config.size) == ("parrot_r_package", 5)
    assert registry.model_types() == ()


def test_registered_class_wins_over_an_installed_one(
    registry, write_checkpoint, install_parrot, make_config, make_model
):
    """Config and model both come from the program."""
    install_parrot("parrot-s")
    config_class = make_config("parrot-s")
    registry.register_config("parrot-s", config_class)
    model_class = make_model(config_class)
    AutoModel.register(config_class, model_class, registry=registry)
    model = AutoModel.from_pretrained(write_checkpoint(model_type="parrot-s"), registry=registry)
    assert (type(model), type(model.config)) == (model_class, config_class)


@pytest.mark.filterwarnings("ignore:parrot_t_package")
@pytest.mark.parametrize("auto_class", ["AutoModel", "AutoConfig"])
def test_namesake_that_does_not_fit_is_explained(registry, write_checkpoint, install_parrot, auto_class):
    """An installed namesake fails on weights of the checkpoint's own code, and the error says that it ships its own."""
    install_parrot("parrot-t")
    folder = write_checkpoint(model_type="parrot-t", size=1000, auto_map={auto_class: "parrot.Shipped"})
    (folder / "parrot.py").write_text("class Shipped: ...", encoding="utf-8")
    with pytest.raises(ValueError, match="the weights do not fit") as caught:
        AutoModel.from_pretrained(folder, registry=registry, trust_remote_code=False)
    (note,) = caught.value.__notes__
    assert "parrot.Shipped" in note
    assert "trust_remote_code=True" in note


def test_failure_without_own_code_has_no_note(registry, write_checkpoint, install_parrot):
    """Where the checkpoint ships nothing, there is nothing to trust."""
    install_parrot("parrot-u")
    with pytest.raises(ValueError, match="the weights do not fit") as caught:
        AutoModel.from_pretrained(write_checkpoint(model_type="parrot-u", size=1000), registry=registry)
    assert not hasattr(caught.value, "__notes__")


def test_from_config_makes_a_new_model(registry, parrot):
    """A config is enough for a model with fresh weights."""
    config = parrot[0](size=9)
    model = AutoModel.from_config(config, registry=registry, head="small")
    assert (type(model), model.config, model.options) == (parrot[1], config, {"head": "small"})


def test_from_config_uses_the_class_s_own_way(registry, parrot, make_model):
    """A model class that has options for it, such as a dtype, makes the model itself."""

    class Made(make_model(parrot[0])):
        @classmethod
        def _from_config(cls, config, *, dtype=None):
            model = cls(config)
            model.dtype = dtype
            return model

    AutoModelForImageClassification.register(parrot[0], Made, registry=registry)
    model = AutoModelForImageClassification.from_config(parrot[0](), dtype="bfloat16", registry=registry)
    assert model.dtype == "bfloat16"


def test_from_config_serves_a_subclass(registry, parrot, make_config):
    """A config class derived from the registered one gets its model."""
    subclass = make_config("parrot", bases=(parrot[0],))
    assert type(AutoModel.from_config(subclass(), registry=registry)) is parrot[1]


def test_from_config_refuses_what_is_no_config(registry):
    """A folder is for from_pretrained."""
    with pytest.raises(UsageError, match="config must be a PretrainedConfig"):
        AutoModel.from_config("folder", registry=registry)


def test_what_is_no_config_is_named_in_one_line():
    """The repr of a config of another library has many lines."""

    class OtherConfig:
        def __repr__(self):
            return "OtherConfig {\n}"

    with pytest.raises(UsageError, match=r"got an instance of .*OtherConfig\.") as caught:
        AutoModel.from_config(OtherConfig())
    assert "\n" not in str(caught.value)


def test_class_in_place_of_a_config_is_called_a_class(registry, parrot):
    """`got birds.ParrotConfig` would read like the right thing."""
    with pytest.raises(UsageError, match=rf"got the class .*{parrot[0].__name__}"):
        AutoModel.from_config(parrot[0], registry=registry)


def test_from_config_refuses_an_unknown_class(registry):
    """The error names the class and what to call."""
    with pytest.raises(UnknownTaskError, match=r"AutoModel\.register\(PretrainedConfig, ModelClass\)"):
        AutoModel.from_config(PretrainedConfig(), registry=registry)


def test_installed_model_of_another_config_is_refused(registry, install, write_checkpoint):
    """A package whose model wants another config than the package offers is told so before it fails obscurely."""
    source = """
from config_core import PretrainedConfig
class Offered(PretrainedConfig): model_type = "parrot-v"
class Wanted(PretrainedConfig): model_type = "parrot-v"
class Model: config_class = Wanted
"""
    configs, models = {"parrot-v": "torn_birds:Offered"}, {"AutoModel.parrot-v": "torn_birds:Model"}
    install("torn-birds", module="torn_birds", source=source, configs=configs, models=models)
    with pytest.raises(UsageError, match=r"torn_birds\.Model expects a config of torn_birds\.Wanted"):
        AutoModel.from_pretrained(write_checkpoint(model_type="parrot-v"), registry=registry)


@pytest.mark.parametrize("auto_class", [AutoModel, AutoModelClass, AutoModelForImageClassification])
def test_auto_classes_have_no_objects(auto_class):
    """Called like a constructor, each says what to call."""
    with pytest.raises(UsageError, match=rf"{auto_class.__name__}\.from_pretrained or .*\.from_config"):
        auto_class("folder")
