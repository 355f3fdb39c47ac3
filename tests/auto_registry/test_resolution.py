"""The order of places, as decisions: the program, the checkpoint's trusted code, an installed package."""

from __future__ import annotations

import pytest

from auto_registry import AutoRegistryError, UnknownModelTypeError, UnknownTaskError
from auto_registry.code_load import CodeLoad
from auto_registry.resolution import ClassSources, Installed, Registered, Remote, Unknown, resolve_config, resolve_model
from config_core import FolderCheckpoint, MissingServiceError

AUTO_MAP = {"AutoConfig": "configuration_parrot.ParrotConfig", "AutoModel": "modeling_parrot.Parrot"}


def no_service():
    raise MissingServiceError(group="auto_registry.remote_code", distribution="pretrained-hub-io", purpose="This")


@pytest.fixture
def shipped(write_checkpoint):
    """Return a maker of loads of a checkpoint that ships code."""
    folder = write_checkpoint(model_type="parrot")
    return lambda auto_map=AUTO_MAP, **said: CodeLoad(FolderCheckpoint(folder), auto_map, **said)


def test_registered_config_comes_first(registry, parrot, shipped, install_parrot, make_judge):
    """What the program registered is never replaced by a download, trusted or not, nor by a package."""
    install_parrot("parrot")
    judge = make_judge()
    sources = ClassSources(registry, find_remote_code=lambda: judge)
    resolution = resolve_config("parrot", load=shipped(trust_remote_code=True), sources=sources)
    assert resolution == Registered(parrot[0])
    assert judge.asked == []


def test_registered_model_comes_first(registry, parrot, shipped, make_judge):
    """The same order holds for the model class."""
    judge = make_judge()
    sources = ClassSources(registry, find_remote_code=lambda: judge)
    resolution = resolve_model("AutoModel", parrot[0], load=shipped(trust_remote_code=True), sources=sources)
    assert resolution == Registered(parrot[1])
    assert judge.asked == []


def test_trusted_code_comes_before_an_installed_package(registry, shipped, install_parrot, make_config, make_judge):
    """A checkpoint that ships trusted code gets that code and no namesake."""
    install_parrot("parrot-h")
    remote = make_config("parrot-h")
    judge = make_judge(AutoConfig=remote)
    load = shipped(trust_remote_code=True)
    resolution = resolve_config("parrot-h", load=load, sources=ClassSources(registry, find_remote_code=lambda: judge))
    assert isinstance(resolution, Remote)
    assert resolution.load() is remote
    assert judge.asked == [(load, "AutoConfig")]


@pytest.mark.parametrize("trust", [None, False])
def test_installed_package_serves_without_trust(registry, shipped, install_parrot, make_judge, trust):
    """Installing a package was a choice; the decision says which class of the checkpoint was passed over."""
    install_parrot("parrot-i")
    judge = make_judge()
    resolution = resolve_config(
        "parrot-i",
        load=shipped(trust_remote_code=trust),
        sources=ClassSources(registry, find_remote_code=lambda: judge),
    )
    assert isinstance(resolution, Installed)
    assert resolution.passed_over == "configuration_parrot.ParrotConfig"
    assert resolution.load().__module__ == "parrot_i_package"


def test_installed_package_serves_without_a_service(registry, shipped, install_parrot):
    """Who never runs a checkpoint's code needs nothing that could."""
    install_parrot("parrot-j")
    sources = ClassSources(registry, find_remote_code=no_service)
    assert isinstance(resolve_config("parrot-j", load=shipped(), sources=sources), Installed)


def test_untrusted_code_alone_is_refused(registry, shipped, make_judge):
    """Nothing else serves: the refusal of the service is the error."""
    judge = make_judge()
    resolution = resolve_config(
        "parrot", load=shipped(), sources=ClassSources(registry, find_remote_code=lambda: judge)
    )
    assert isinstance(resolution, Unknown)
    assert resolution.reason == "the checkpoint's own code is not trusted"
    with pytest.raises(PermissionError, match="not trusted"):
        resolution.load()


@pytest.mark.parametrize("trust", [None, True])
def test_missing_service_is_named(registry, shipped, trust):
    """Without the distribution that runs a checkpoint's code, the error says which one to install."""
    resolution = resolve_config(
        "parrot", load=shipped(trust_remote_code=trust), sources=ClassSources(registry, find_remote_code=no_service)
    )
    with pytest.raises(MissingServiceError, match="pip install pretrained-hub-io"):
        resolution.load()


@pytest.mark.parametrize("own", ["the same", "VALUE = 1\n", "", None, "longer"])
def test_installed_class_of_the_same_name_says_that_it_served(registry, install_parrot, write_checkpoint, caplog, own):
    """Names prove nothing. Only the very file of the installed class needs no word."""
    model_type = f"parrot-same-{len(own or '')}"
    package = install_parrot(model_type)
    (module,) = package.glob("*.py")
    folder = write_checkpoint(model_type=model_type, auto_map={"AutoConfig": f"{module.stem}.ParrotConfig"})
    source = module.read_text(encoding="utf-8")
    if own is not None:
        content = {"the same": source, "longer": f"{source}\n# more\n"}.get(own, own)
        (folder / module.name).write_text(content, encoding="utf-8")
    sources = ClassSources(registry, find_remote_code=no_service)
    resolution = resolve_config(model_type, load=CodeLoad.of_checkpoint(folder), sources=sources)
    with caplog.at_level("WARNING", logger="auto_registry"):
        assert resolution.load().__name__ == "ParrotConfig"
    assert [record.getMessage() for record in caplog.records] == ([] if own == "the same" else [resolution.choice()])


def test_who_trusts_the_code_gets_no_namesake(registry, shipped, install_parrot):
    """A load that was asked to run the checkpoint's code and cannot does not take an installed class instead."""
    install_parrot("parrot-k")
    sources = ClassSources(registry, find_remote_code=no_service)
    resolution = resolve_config("parrot-k", load=shipped(trust_remote_code=True), sources=sources)
    assert isinstance(resolution, Unknown)


def test_trust_without_code_is_harmless(registry, shipped, install_parrot, make_judge):
    """Trusting a checkpoint that ships no code changes nothing."""
    install_parrot("parrot-l")
    judge = make_judge()
    sources = ClassSources(registry, find_remote_code=lambda: judge)
    resolution = resolve_config("parrot-l", load=shipped({}, trust_remote_code=True), sources=sources)
    assert isinstance(resolution, Installed)
    assert resolution.passed_over is None
    assert judge.asked == []


def test_unknown_type_has_near_matches(aviary, install_parrot):
    """Types that the program registered and that packages offer are both suggested."""
    install_parrot("parrots")
    with pytest.raises(UnknownModelTypeError, match="Did you mean 'parrot' or 'parrots'") as caught:
        resolve_config("parot", sources=ClassSources(aviary)).load()
    assert caught.value.model_type == "parot"
    assert set(caught.value.suggestions) == {"parrot", "parrots"}
    assert {"parrot", "parrots"} <= set(caught.value.known)


def test_code_for_other_classes_is_mentioned(registry, shipped):
    """An auto_map that lacks the wanted class is said to lack it, whatever else it names."""
    load = shipped({"AutoTokenizer": ["tokenization_parrot.ParrotTokenizer", None]}, trust_remote_code=True)
    with pytest.raises(UnknownModelTypeError, match="its auto_map names AutoTokenizer and not AutoConfig"):
        resolve_config("parrot", load=load, sources=ClassSources(registry)).load()


def test_unknown_task_lists_the_known_ones(registry, parrot):
    """Who asks for a head that there is none of hears which there are."""
    with pytest.raises(UnknownTaskError, match=r"no model class.*There is one for AutoModel") as caught:
        resolve_model("AutoModelForCausalLM", parrot[0], sources=ClassSources(registry)).load()
    assert caught.value.available == ("AutoModel",)


def test_unknown_task_lists_those_of_the_package(registry, install_parrot):
    """The tasks of the installed package that the config is from count too."""
    install_parrot("parrot-m")
    sources = ClassSources(registry)
    config_class = resolve_config("parrot-m", sources=sources).load()
    with pytest.raises(UnknownTaskError) as caught:
        resolve_model("AutoModelForCausalLM", config_class, sources=sources).load()
    assert caught.value.available == ("AutoModel",)


def test_registered_type_wins_over_an_installed_one(registry, install_parrot, make_config, make_model):
    """A program may have its own class for a type that a package offers, and gets its own model with it."""
    install_parrot("parrot-n")
    config_class = make_config("parrot-n")
    registry.register_config("parrot-n", config_class)
    sources = ClassSources(registry)
    assert resolve_config("parrot-n", sources=sources) == Registered(config_class)
    assert isinstance(resolve_model("AutoModel", config_class, sources=sources), Unknown)
    model_class = make_model(config_class)
    registry.register_model("AutoModel", config_class, model_class)
    assert resolve_model("AutoModel", config_class, sources=sources) == Registered(model_class)


def test_every_error_of_a_miss_is_ours(registry, shipped):
    """A caller may catch the package's own base class, or ValueError."""
    for model_type in ("parrot", ""):
        with pytest.raises(AutoRegistryError) as caught:
            resolve_config(model_type, load=shipped({}), sources=ClassSources(registry)).load()
        assert isinstance(caught.value, ValueError)
