"""The registry as an object: what may be registered, what is refused, and who sees what."""

from __future__ import annotations

import threading

import pytest

from auto_registry import (
    RegistrationError,
    Registry,
    UnknownModelTypeError,
    UsageError,
)


def test_registered_classes_are_found(registry, parrot):
    """What was registered is what is returned."""
    config_class, model_class = parrot
    assert registry.config_class("parrot") is config_class
    assert registry.model_class("AutoModel", config_class) is model_class
    assert registry.model_types() == ("parrot",)
    assert registry.auto_classes(config_class) == ("AutoModel",)
    assert "parrot" in registry
    assert repr(registry) == "<Registry of 1 config classes and 1 model classes>"


def test_unknown_places_are_empty(registry, parrot):
    """A miss is None: what it means is for the caller to say."""
    config_class, _ = parrot
    assert registry.config_class("owl") is None
    assert registry.model_class("AutoModelForCausalLM", config_class) is None


def test_registering_again_does_nothing(registry, parrot):
    """A cell that is run twice with the same classes is no clash."""
    config_class, model_class = parrot
    registry.register_config("parrot", config_class)
    registry.register_model("AutoModel", config_class, model_class)
    assert registry.config_class("parrot") is config_class


def test_config_clash_names_both_sides(registry, parrot, make_config):
    """Who is told that a place is taken needs to know by whom."""
    config_class, _ = parrot
    other = make_config(name="OtherConfig")
    with pytest.raises(RegistrationError, match=r"OtherConfig.*'parrot'.*ParrotConfig.*exist_ok=True") as caught:
        registry.register_config("parrot", other)
    assert (caught.value.held_by, caught.value.offered) == (config_class, other)
    assert registry.config_class("parrot") is config_class


def test_model_clash_names_both_sides(registry, parrot, make_model):
    """A second model class for the same task and config is refused, and the first stays."""
    config_class, model_class = parrot
    other = make_model(config_class, name="OtherParrot")
    with pytest.raises(RegistrationError, match=r"OtherParrot.*the AutoModel of .*ParrotConfig.*Parrot") as caught:
        registry.register_model("AutoModel", config_class, other)
    assert (caught.value.held_by, caught.value.offered) == (model_class, other)
    assert registry.model_class("AutoModel", config_class) is model_class


def test_class_of_the_same_name_is_another_class(aviary, make_config):
    """Classes are told apart by identity, and the error says how two of one name come about."""
    with pytest.raises(RegistrationError, match="Both have the same name"):
        aviary.register_config("parrot", make_config())


def test_exist_ok_replaces(registry, parrot, make_config, make_model):
    """Who says so gets the new class in the old one's place."""
    config_class, _ = parrot
    new_config, new_model = make_config(), make_model(config_class)
    registry.register_config("parrot", new_config, exist_ok=True)
    registry.register_model("AutoModel", config_class, new_model, exist_ok=True)
    assert registry.config_class("parrot") is new_config
    assert registry.model_class("AutoModel", config_class) is new_model


def test_model_type_must_be_the_class_s_own(registry, make_config):
    """A config.json that the class writes would name another class otherwise."""
    with pytest.raises(RegistrationError, match=r"model_type 'parrot'.*'owl'"):
        registry.register_config("owl", make_config("parrot"))
    assert registry.model_types() == ()


def test_config_class_needs_a_model_type(registry, make_config):
    """A class that no file can name is not registered."""
    with pytest.raises(RegistrationError, match=r"Add model_type = 'parrot'"):
        registry.register_config("parrot", make_config(""))


@pytest.mark.parametrize("config_class", [dict, "ParrotConfig", None])
def test_config_class_must_be_a_config_class(registry, config_class):
    """Anything but a subclass of PretrainedConfig is refused by name."""
    with pytest.raises(UsageError, match="config_class must be a subclass of PretrainedConfig"):
        registry.register_config("parrot", config_class)


def test_model_type_must_be_a_string(registry, make_config):
    """The arguments in the wrong order are noticed."""
    with pytest.raises(UsageError, match="model_type must be a string"):
        registry.register_config(make_config(), "parrot")


def test_model_class_must_be_made_for_the_config_class(registry, make_config, make_model):
    """The config class is compared by identity: a namesake is another class."""
    config_class, namesake = make_config(), make_config()
    with pytest.raises(RegistrationError, match="config_class"):
        registry.register_model("AutoModel", config_class, make_model(namesake))
    assert registry.auto_classes(config_class) == ()


@pytest.mark.parametrize("model_class", [object, "Parrot", None])
def test_model_class_must_be_loadable(registry, make_config, model_class):
    """What cannot load a checkpoint is no model class."""
    with pytest.raises(UsageError, match="model_class must be a class"):
        registry.register_model("AutoModel", make_config(), model_class)


def test_model_serves_a_subclass_of_the_config(registry, parrot, make_config):
    """A subclass that keeps the model_type is the same kind of model."""
    config_class, model_class = parrot
    subclass = make_config("parrot", name="GreyParrotConfig", bases=(config_class,))
    assert registry.model_class("AutoModel", subclass) is model_class


def test_model_does_not_serve_a_subclass_of_another_type(registry, parrot, make_config):
    """A subclass that gives itself another model_type is another kind of model."""
    config_class, _ = parrot
    subclass = make_config("macaw", name="MacawConfig", bases=(config_class,))
    assert registry.model_class("AutoModel", subclass) is None


def test_update_takes_everything(registry, parrot):
    """One registry is added to another."""
    config_class, model_class = parrot
    other = Registry()
    other.update(registry)
    assert other.config_class("parrot") is config_class
    assert other.model_class("AutoModel", config_class) is model_class


def test_update_with_a_clash_takes_nothing(aviary, make_config):
    """All is checked before anything is written."""
    other = Registry()
    other.register_config("parrot", make_config())
    other.register_config("owl", make_config("owl"))
    with pytest.raises(RegistrationError, match="is registered already"):
        aviary.update(other)
    assert aviary.model_types() == ("parrot",)


def test_unregister_forgets_the_type(registry, parrot):
    """The config class and the models of the type go together."""
    config_class, _ = parrot
    registry.unregister("parrot")
    assert registry.config_class("parrot") is None
    assert registry.model_class("AutoModel", config_class) is None


def test_unregister_of_an_unknown_type_suggests_near_ones(aviary):
    """A misspelt type is not silently ignored."""
    with pytest.raises(UnknownModelTypeError, match="Did you mean 'parrot'"):
        aviary.unregister("parot")


def test_copy_is_independent(aviary):
    """What is done to a copy is not done to its original."""
    copy = aviary.copy()
    copy.clear()
    assert (copy.model_types(), aviary.model_types()) == ((), ("parrot",))


def test_threads_register_side_by_side(registry, make_config, make_model):
    """No registration is lost when several threads register at once."""
    start = threading.Barrier(8)
    classes = {f"bird{number}": make_config(f"bird{number}") for number in range(160)}

    def register(names):
        start.wait()
        for name in names:
            registry.register_config(name, classes[name])
            registry.register_model("AutoModel", classes[name], make_model(classes[name]))

    names = sorted(classes)
    threads = [threading.Thread(target=register, args=(names[number::8],)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert registry.model_types() == tuple(names)
    assert all(registry.auto_classes(config_class) == ("AutoModel",) for config_class in classes.values())
