"""Classes out of trusted code: which they are, what their code may import, and what is left when it fails."""

from __future__ import annotations

import inspect
import linecache
import pickle
import sys
import traceback

import pytest

from auto_registry import AutoConfig, AutoModel, AutoModelForCausalLM, AutoModelForImageClassification, Registry
from config_core import PretrainedConfig
from config_core.code import bundle_of, collect_code
from config_core.errors import ClassReferenceError, SourceCodeError
from hub_io import RemoteCodeImportError
from other_processes import environment, run_program
from tiny_checkpoints import AUTO_MAP, CONFIGURATION, MODELING, config_json, files, write


def remote_modules():
    return {name for name in sys.modules if name.startswith("hub_io.remote.")}


@pytest.fixture
def save(tmp_path):
    def save_files(content, name="saved"):
        return write(tmp_path / name, content)

    return save_files


def load(source, auto_class=AutoModel, revision=None):
    return auto_class.from_pretrained(source, revision=revision, trust_remote_code=True)


@pytest.mark.parametrize("place", ["folder", "hub"])
def test_trusted_model_loads_with_config_and_weights(request, save, place):
    """The three parts come from one checkpoint."""
    source, revision = save(files()), None
    if place == "hub":
        source, revision = "me/tiny", request.getfixturevalue("hub").create_repo("me/tiny", files())
    model = load(source, revision=revision)
    assert (type(model).__name__, model.config.size, model.weights) == ("TinyModel", 2, [1.0, 2.0])
    assert type(load(source, AutoModelForImageClassification, revision)).__name__ == "TinyClassifier"


def test_module_name_says_where_it_came_from_and_which_content(save):
    """A name and a part of the digest, below hub_io.remote."""
    model = load(save(files({"modeling_tiny.py": f"{MODELING}# a name of its own\n"}), "my-model.v1"))
    digest = bundle_of(type(model)).digest
    assert type(model).__module__.startswith("hub_io.remote.")
    assert type(model).__module__.endswith(f"my_model_v1_{digest[:12]}.modeling_tiny")


def test_same_content_gives_the_same_class(hub, save):
    """Another folder, the Hub, another auto class, another commit: identity goes by content."""
    content = files()
    sha = hub.create_repo("me/tiny", content)
    first = load(save(content, "one"))
    assert type(load(save(content, "two"))) is type(first)
    assert type(load("me/tiny", revision=sha)) is type(first)
    assert type(load("me/tiny", AutoConfig, sha)) is type(first.config)
    again = load("me/tiny", revision=hub.commit("me/tiny", {"weights.json": "[3.0, 4.0]"}))
    assert (type(again), again.weights) == (type(first), [3.0, 4.0])


def test_different_content_lives_side_by_side(save):
    """A byte makes other classes; the old ones stay what they were."""
    old = load(save(files({"modeling_tiny.py": MODELING + "VERSION = 1\n"})))
    new = load(save(files({"modeling_tiny.py": MODELING + "VERSION = 2\n"})))
    versions = [sys.modules[type(model).__module__].VERSION for model in (old, new)]
    assert versions == [1, 2]
    assert type(old) is not type(new)


def test_checkpoints_that_name_different_classes_keep_their_own_map(save):
    """The code is the same, but each `auto_map` says which class it means, on a re-save too."""
    one = save(files(), "one")
    other_map = AUTO_MAP | {"AutoModel": "modeling_tiny.TinyClassifier"}
    two = save(files() | {"config.json": config_json(other_map)}, "two")
    assert bundle_of(type(load(one))).auto_map["AutoModel"] == "modeling_tiny.TinyModel"
    assert bundle_of(type(load(two))).auto_map["AutoModel"] == "modeling_tiny.TinyClassifier"


def test_objects_of_checkpoints_that_contradict_each_other_pickle_to_their_own_classes(save):
    """The same files under two maps are two packages, whose configs build their own models."""
    source = MODELING + "# for the test of two maps\n"
    one = load(save(files({"modeling_tiny.py": source}), "one"))
    other_map = AUTO_MAP | {"AutoModel": "modeling_tiny.TinyClassifier"}
    two = load(save(files({"modeling_tiny.py": source, "config.json": config_json(other_map)}), "two"))
    for model in (one, two):
        assert type(pickle.loads(pickle.dumps(model))) is type(model)
        assert type(AutoModel.from_config(model.config, trust_remote_code=True)) is type(model)
    assert type(one.config) is not type(two.config)


def test_later_checkpoint_adds_classes_that_the_first_did_not_name(save):
    """A base checkpoint and a fine-tuned one of the same code share their config class."""
    fewer = {name: AUTO_MAP[name] for name in ("AutoConfig", "AutoModel")}
    config = config_json(fewer)
    source = MODELING + "# for this test alone\n"
    base = load(save(files({"modeling_tiny.py": source}) | {"config.json": config}, "base"))
    tuned = load(save(files({"modeling_tiny.py": source}), "tuned"), AutoModelForImageClassification)
    assert type(base.config) is type(tuned.config)
    assert "AutoModelForImageClassification" in bundle_of(type(base)).auto_map


def test_bundle_that_somebody_holds_does_not_change(save):
    """Another checkpoint with the same files names more classes; the value from before is as it was."""
    source = MODELING + "# for the test of a held bundle\n"
    fewer = {name: AUTO_MAP[name] for name in ("AutoConfig", "AutoModel")}
    base = load(save(files({"modeling_tiny.py": source}) | {"config.json": config_json(fewer)}, "base"))
    before = bundle_of(type(base))
    load(save(files({"modeling_tiny.py": source}), "tuned"), AutoModelForImageClassification)
    assert before.auto_map == fewer
    assert bundle_of(type(base)).auto_map == AUTO_MAP
    assert bundle_of(type(base)).digest == before.digest


def test_every_module_carries_its_bundle(save):
    """What was run can be saved again, file by file."""
    folder = save(files({"helper.py": "VALUE = 1\n", "modeling_tiny.py": "from . import helper\n" + MODELING}))
    bundle = bundle_of(type(load(folder)))
    names = {"configuration_tiny.py", "helper.py", "modeling_tiny.py"}
    assert set(bundle.files) == names
    assert {name: (folder / name).read_bytes() for name in names} == dict(bundle.files)
    assert bundle.auto_map == AUTO_MAP


def test_subclass_of_a_class_out_of_a_checkpoint_is_not_saved_with_its_code(save):
    """A load of that code would give the base without a word."""
    base = type(load(save(files())))
    derived = type("Derived", (base,), {"__module__": __name__})
    with pytest.raises(SourceCodeError, match=r"Derived: it derives from TinyModel, which was loaded from the code of"):
        collect_code(derived, base.config_class)
    assert collect_code(base, base.config_class) == bundle_of(base)


def test_code_runs_from_the_bytes_that_were_read(save):
    """A file that changes afterwards changes nothing, and its source is still shown."""
    late = "def late():\n    from .late import VALUE\n    return VALUE\n"
    folder = save(files({"late.py": "VALUE = 'read'\n", "modeling_tiny.py": MODELING + late}))
    model = load(folder)
    (folder / "late.py").write_text("VALUE = 'swapped'\n", encoding="utf-8")
    (folder / "modeling_tiny.py").write_text("gone", encoding="utf-8")
    assert sys.modules[type(model).__module__].late() == "read"
    assert inspect.getsource(type(model)).startswith("class TinyModel:")


def test_nothing_is_written_beside_the_code(save):
    """No byte code appears in the checkpoint."""
    folder = save(files())
    before = sorted(folder.rglob("*"))
    load(folder)
    assert sorted(folder.rglob("*")) == before


PACKAGE = {"blocks/__init__.py": "", "blocks/basic.py": "VALUE = 1\n"}
IMPORTS = {
    "module": ({"layers.py": "VALUE = 1\n"}, "from .layers import VALUE"),
    "several lines": ({"layers.py": "VALUE = 1\n"}, "from .layers import (\n    VALUE,\n)"),
    "module by name": ({"layers.py": "VALUE = 1\n"}, "from . import layers\nVALUE = layers.VALUE"),
    "module of a package": (PACKAGE, "from .blocks.basic import VALUE"),
    "module of a folder": ({"blocks/basic.py": "VALUE = 1\n"}, "from .blocks.basic import VALUE"),
    "package": (PACKAGE | {"blocks/__init__.py": "from .basic import VALUE\n"}, "from .blocks import VALUE"),
    "parent inside": (
        PACKAGE | {"blocks/basic.py": "from ..constants import VALUE\n", "constants.py": "VALUE = 1\n"},
        "from .blocks.basic import VALUE",
    ),
    "top package": ({"__init__.py": "VALUE = 1\n"}, "from . import VALUE"),
    "by function": (
        {"layers.py": "VALUE = 1\n"},
        "import importlib\nVALUE = importlib.import_module('.layers', __package__).VALUE",
    ),
    "neighbour without dot": ({"blocks.py": "VALUE = 1\n"}, "from blocks import VALUE"),
    "cycle": ({"one.py": "from . import two\nVALUE = 1\n", "two.py": "from . import one\n"}, "from .one import VALUE"),
}


@pytest.mark.parametrize("name", IMPORTS)
def test_code_may_import_what_lies_beside_it(save, name):
    """As in any package: modules, packages, folders, the parent inside, and cycles."""
    helpers, line = IMPORTS[name]
    modeling = MODELING
    if name == "neighbour without dot":
        modeling = modeling.replace("from .configuration_tiny", "from configuration_tiny")
    model = load(save(files({"modeling_tiny.py": f"{line}\n{modeling}", **helpers})))
    assert sys.modules[type(model).__module__].VALUE == 1


def test_code_does_not_see_files_that_are_not_in_the_bundle(save):
    """An import that was not found by reading the source is not found by running it."""
    hidden = "name = '.' + 'hidden'\nimport importlib\nimportlib.import_module(name, __package__)\n"
    folder = save(files({"hidden.py": "VALUE = 1\n", "modeling_tiny.py": hidden + MODELING}))
    with pytest.raises(RemoteCodeImportError, match="hidden"):
        load(folder)


def test_module_in_a_folder_is_named_with_a_slash(save):
    """`folder/module.Class` works, and its relative imports start in the folder."""
    content = files(
        {
            "configuration_tiny.py": None,
            "modeling_tiny.py": None,
            "code/configuration_tiny.py": CONFIGURATION,
            "code/modeling_tiny.py": MODELING,
        }
    )
    auto_map = {"AutoConfig": "code/configuration_tiny.TinyConfig", "AutoModel": "code/modeling_tiny.TinyModel"}
    assert load(save(content | {"config.json": config_json(auto_map)})).weights == [1.0, 2.0]


def test_source_is_shown_in_tracebacks(save):
    """An error inside a model shows the line that raised it."""
    failing = MODELING + "def fail():\n    raise LookupError('here')  # this line\n"
    model = load(save(files({"modeling_tiny.py": failing})))
    module = sys.modules[type(model).__module__]
    with pytest.raises(LookupError) as caught:
        module.fail()
    shown = "".join(traceback.format_exception(caught.value))
    assert "raise LookupError('here')  # this line" in shown
    assert linecache.getline(module.__file__, 2) == "import json\n"


def test_objects_pickle_within_the_process(save):
    """The class is found by its module's name."""
    model = load(save(files()))
    again = pickle.loads(pickle.dumps(model))
    assert (type(again), again.weights, type(again.config)) == (type(model), model.weights, type(model.config))


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("raise LookupError('boom')\n", "LookupError: boom"),
        ("import package_that_nobody_has\n", "Install the distribution that provides 'package_that_nobody_has'"),
        ("from .helper import missing_name\n", "missing_name"),
        ("return 1\n", "SyntaxError"),
    ],
)
def test_failure_leaves_nothing_imported(save, code, sentence):
    """The error names the file; the modules that it had imported are gone, and a repaired version loads."""
    before = remote_modules()
    configuration = f"from . import helper\n{code}{CONFIGURATION}"
    folder = save(files({"helper.py": "VALUE = 1\n", "configuration_tiny.py": configuration}))
    with pytest.raises(RemoteCodeImportError, match=sentence) as caught:
        load(folder)
    assert isinstance(caught.value, ImportError)
    assert caught.value.file == "configuration_tiny.py"
    assert remote_modules() == before
    import hub_io.remote

    leaves = {name.removeprefix("hub_io.remote.") for name in before}
    assert {name for name in vars(hub_io.remote) if not name.startswith("_") and name != "annotations"} <= leaves


FAIL_AGAIN_AND_AGAIN = """
import gc, linecache, sys, traceback
from pathlib import Path
from auto_registry import AutoConfig
from config_core.code import CodeBundle

folder = Path(sys.argv[1])
source = (folder / "configuration_tiny.py").read_text(encoding="utf-8")
for number in range(10):
    (folder / "configuration_tiny.py").write_text(f"{source}# {number}\\n", encoding="utf-8")
    try:
        AutoConfig.from_pretrained(folder, trust_remote_code=True)
    except ImportError as error:
        if sys.argv[2] == "shown":
            assert "raise LookupError" in "".join(traceback.format_exception(error))
gc.collect()
alive = [thing for thing in gc.get_objects() if isinstance(thing, CodeBundle)]
print(len(alive), [name for name in sys.modules if name.startswith("hub_io.remote.")])
if sys.argv[2] != "shown":
    print([name for name in linecache.cache if "hub_io.remote" in name])
"""


@pytest.mark.parametrize("error", ["dropped", "shown"])
def test_failures_keep_no_memory(tmp_path, error):
    """A server that tries broken code after broken code does not grow, whether its tracebacks are shown or not."""
    head = "DATA = __file__, 'data.txt'\nraise LookupError('boom')\n"
    content = files({"configuration_tiny.py": head + CONFIGURATION, "data.txt": "x" * 1_000_000})
    folder = write(tmp_path / "saved", content)
    environ = environment(tmp_path / "cache")
    printed = run_program(tmp_path / "main.py", FAIL_AGAIN_AND_AGAIN, folder, error, environ=environ)
    assert printed == "0 []\n" + ("" if error == "shown" else "[]\n")


def test_failure_in_a_function_leaves_what_was_there_before(save):
    """An import statement that fails late takes back what it had imported, and nothing else."""
    late = "def later():\n    from . import late\n"
    broken = "from . import helper\nraise LookupError('boom')\n"
    content = files({"late.py": broken, "helper.py": "VALUE = 1\n", "modeling_tiny.py": f"{MODELING}{late}"})
    module = sys.modules[type(load(save(content))).__module__]
    before = remote_modules()
    with pytest.raises(LookupError, match="boom"):
        module.later()
    assert remote_modules() == before
    package = module.__name__.rpartition(".")[0]
    assert not {f"<{package}>/helper.py", f"<{package}>/late.py"} & linecache.cache.keys()


def test_failure_of_a_model_leaves_the_config_that_was_loaded_before(save):
    """What one call has given is not taken away by the next."""
    helper_first = "from . import helper\nraise LookupError('boom')\n"
    folder = save(files({"helper.py": "VALUE = 1\n", "modeling_tiny.py": helper_first + MODELING}))
    config = load(folder, AutoConfig)
    before = remote_modules()
    with pytest.raises(RemoteCodeImportError, match="boom"):
        load(folder)
    assert remote_modules() == before
    assert type(load(folder, AutoConfig)) is type(config)


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("", "it has no such name"),
        ("Wanted = 3\n", "that is of type int and not a class"),
        ("from config_core import PretrainedConfig as Wanted\n", "that class is from config_core"),
        ("from builtins import dict as Wanted\n", "that class is from builtins"),
    ],
)
def test_reference_must_name_a_class_of_the_code(save, code, sentence):
    """A missing name, a value, and a class that was only imported are refused; the error lists what there is."""
    auto_map = AUTO_MAP | {"AutoModel": "modeling_tiny.Wanted"}
    folder = save(files({"modeling_tiny.py": MODELING + code, "config.json": config_json(auto_map)}))
    with pytest.raises(RemoteCodeImportError, match=rf"{sentence}.*TinyClassifier, TinyModel") as caught:
        load(folder)
    assert caught.value.class_name == "Wanted"


@pytest.mark.parametrize(
    "reference", ["modeling_tiny", "../modeling_tiny.TinyModel", "a.b.C", None, 3, "x--y.Z", "/etc/x.Y"]
)
def test_reference_that_is_malformed_is_refused(save, reference):
    """Only the three forms are read, and only of the class that is asked for."""
    auto_map = AUTO_MAP | {"AutoModel": reference}
    folder = save(files() | {"config.json": config_json(auto_map)})
    with pytest.raises(ClassReferenceError):
        load(folder)
    assert load(folder, AutoModelForImageClassification).weights == [1.0, 2.0]


def test_entries_of_other_libraries_do_not_matter(save):
    """A tokenizer's pair of classes is not ours to read."""
    auto_map = AUTO_MAP | {
        "AutoTokenizer": ["tokenization_x.Slow", None],
        "AutoProcessor": "nothing.There",
    }
    assert load(save(files() | {"config.json": config_json(auto_map)})).weights == [
        1.0,
        2.0,
    ]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "no such file"),
        ("def broken(:\n", "line 1"),
        ("from .missing import x\n", "modeling_tiny.py line 1 imports it"),
        ("from ..outside import x\n", "leaves the folder"),
        ("# " + "x" * (1024 * 1024), "larger than"),
    ],
)
def test_code_that_cannot_be_collected_is_an_error(save, content, sentence):
    """A missing file, bad Python, a missing or outside import and a file beyond all measure."""
    folder = save(files({"modeling_tiny.py": content}))
    with pytest.raises(SourceCodeError, match=sentence):
        load(folder)


def test_code_of_too_many_files_is_an_error(save):
    """Each would be asked for on its own, however small they are."""
    names = [f"part_{number}" for number in range(1001)]
    code = "".join(f"from . import {name}\n" for name in names)
    content = {f"{name}.py": "" for name in names}
    with pytest.raises(SourceCodeError, match="more than 1,000 source files"):
        load(save(files({"modeling_tiny.py": code, **content})))


def test_missing_file_of_another_class_does_not_matter(save):
    """Only what is asked for must be there."""
    folder = save(files({"modeling_tiny.py": None}))
    assert load(folder, AutoConfig).size == 2


PART = CONFIGURATION.replace("TinyConfig", "PartConfig").replace('"tiny"', '"remote-part"')
WHOLE = """
from auto_registry import AutoConfig
from config_core import PretrainedConfig

%s


class TinyConfig(PretrainedConfig):
    model_type = "tiny"
    sub_configs = {"part": AutoConfig}

    def __init__(self, size=2, part=None, **kwargs):
        self.size = size
        self.part = part
        super().__init__(**kwargs)
"""
PARTS = {
    "one module": {"configuration_tiny.py": WHOLE % PART},
    "two modules": {
        "configuration_tiny.py": WHOLE % "from .configuration_part import PartConfig",
        "configuration_part.py": PART,
    },
}


@pytest.mark.parametrize("content", PARTS.values(), ids=PARTS)
def test_part_of_any_class_may_be_one_of_the_checkpoints_own(save, content):
    """Nobody has registered it; the code that has the part defines or imports its class."""
    config = config_json(part={"model_type": "remote-part", "size": 7})
    folder = save(files({**content, "config.json": config}))
    model = load(folder)
    part = model.config.part
    assert (type(part).__name__, part.size) == ("PartConfig", 7)
    assert bundle_of(type(part)) == bundle_of(type(model))
    assert type(model.config).from_dict(model.config.to_dict()) == model.config
    assert load(folder, AutoConfig) == model.config


def test_part_of_the_checkpoints_own_goes_before_a_registered_one(save):
    """The code is written for its own class, as the whole goes by the code that is trusted."""

    class Registered(PretrainedConfig):
        model_type = "remote-part"

    registry = Registry()
    registry.register_config("remote-part", Registered)
    config = config_json(part={"model_type": "remote-part", "size": 7})
    folder = save(files({**PARTS["one module"], "config.json": config}))
    loaded = AutoConfig.from_pretrained(folder, trust_remote_code=True, registry=registry)
    assert type(loaded.part).__name__ == "PartConfig"


def test_errors_call_a_class_by_its_checkpoint(hub, save):
    """Not by the module that its code was imported as, which nobody knows."""
    sha = hub.create_repo("me/tiny", files({"configuration_tiny.py": f"{CONFIGURATION}# of the errors\n"}))
    of_repo = type(load("me/tiny", AutoConfig, sha))
    of_folder = type(load(save(files({"configuration_tiny.py": f"{CONFIGURATION}# of a folder\n"})), AutoConfig))
    with pytest.raises(ValueError, match=rf"no model class for TinyConfig of me/tiny \(commit {sha[:12]}\)"):
        AutoModelForCausalLM.from_config(of_repo(), registry=Registry())
    registry = Registry()
    AutoConfig.register("tiny", of_repo, registry=registry)
    with pytest.raises(ValueError, match="is registered already") as caught:
        AutoConfig.register("tiny", of_folder, registry=registry)
    assert f"Cannot register TinyConfig of {save(files())} (digest " in str(caught.value)
    assert "hub_io.remote" not in str(caught.value)
