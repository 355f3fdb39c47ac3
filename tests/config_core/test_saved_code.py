"""The code that a save ships: from modules, packages, scripts and notebooks, or an error and nothing written.

What is saved is proven by a fresh process that sees nothing but the saved folder, under another name.
"""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import config_core

CONFIG = """
from config_core import PretrainedConfig

class TinyConfig(PretrainedConfig):
    model_type = "tiny"

    def __init__(self, width: int = 3, **kwargs):
        self.width = width
        super().__init__(**kwargs)
"""
# Stands for a model class: this package knows of models only that they have a `config_class`.
MODEL = """
class TinyModel:
    config_class = TinyConfig

    def __init__(self, config):
        self.size = block(config.width)
"""
BLOCK = """
def block(width):
    return 2 * width
"""
SAVE = """
TinyConfig.register_for_auto_class()
TinyConfig(width=5).save_pretrained("saved")
"""
# For a model class, what model_core does.
SAVE_MODEL = """
from config_core import staged_save
from config_core.code import collect_code, register_for_auto_class

def save(model_class, folder="saved"):
    register_for_auto_class(TinyConfig, "AutoConfig")
    register_for_auto_class(model_class, "AutoModel")
    code = collect_code(model_class, TinyConfig)
    with staged_save(folder) as staging:
        TinyConfig(width=5).write_to(staging, code=code)
"""
# Makes the class of a saved folder, which was copied to `elsewhere`, as a loader does.
LOAD = """
import ast, importlib.abc, importlib.util, json, sys
from pathlib import Path
from config_core.code import ClassReference
from config_core.code import resolve_sibling_imports

class Siblings(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path, target=None):
        if name.startswith("elsewhere."):
            file = Path(*name.split(".")).resolve().with_suffix(".py")
            package = file.with_suffix("") / "__init__.py"
            file = package if package.exists() else file
            if file.exists():
                folders = [str(file.parent)] if file == package else None
                return importlib.util.spec_from_file_location(
                    name, file, loader=self, submodule_search_locations=folders
                )
    def create_module(self, spec):
        return None
    def exec_module(self, module):
        file = Path(module.__spec__.origin)
        def read(name):
            path = Path("elsewhere", name)
            return path.read_bytes() if path.is_file() else None
        name = file.relative_to(Path("elsewhere").resolve()).as_posix()
        tree = resolve_sibling_imports(ast.parse(file.read_bytes()), name, read)
        exec(compile(tree, str(file), "exec"), module.__dict__)

sys.meta_path.insert(0, Siblings())
values = json.loads(Path("elsewhere", "config.json").read_text())
classes = {}
for auto_class, reference in values["auto_map"].items():
    reference = ClassReference.parse(reference)
    module = importlib.import_module("elsewhere." + reference.module.replace("/", "."))
    classes[auto_class] = getattr(module, reference.class_name)
config = classes["AutoConfig"].from_pretrained("elsewhere")
assert config.width == 5 and type(config).__name__ == "TinyConfig"
if "AutoModel" in classes:
    assert classes["AutoModel"].config_class is classes["AutoConfig"]
    assert classes["AutoModel"](config).size == 10
"""


def write(folder, files):
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def run(folder, *arguments, program=None):
    return subprocess.run(
        [sys.executable, *arguments],
        input=program,
        cwd=folder,
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
        env={
            "PYTHONPATH": str(Path(config_core.__file__).parents[1]),
            "PYTHONDONTWRITEBYTECODE": "1",
            "HOME": str(folder),
        },
    )


def saved(folder):
    """Return the auto_map and the names of the saved source files, without that of the base classes."""
    values = json.loads((folder / "saved" / "config.json").read_text(encoding="utf-8"))
    files = (path.relative_to(folder / "saved").as_posix() for path in (folder / "saved").rglob("*.py"))
    return values["auto_map"], sorted(set(files) - {"pretrained_base.py"})


def load_elsewhere(folder):
    """Import the saved classes in a fresh process, in which nothing else of the folder is left."""
    other = folder.parent / f"{folder.name}-elsewhere"
    shutil.copytree(folder / "saved", other / "elsewhere")
    write(other, {"elsewhere/__init__.py": ""} if not (other / "elsewhere" / "__init__.py").exists() else {})
    done = run(other, "-c", LOAD)
    assert done.returncode == 0, done.stdout + done.stderr


def save_with(folder, *arguments, program=None):
    done = run(folder, *arguments, program=program)
    assert done.returncode == 0, done.stdout + done.stderr
    return saved(folder)


# Modules and packages


def test_a_class_in_a_module(tmp_path):
    """The module is saved as it stands, but for the imports of the base classes."""
    write(tmp_path, {"configuration_tiny.py": CONFIG})
    found = save_with(tmp_path, "-c", "from configuration_tiny import TinyConfig\n" + SAVE)
    assert found == ({"AutoConfig": "configuration_tiny.TinyConfig"}, ["configuration_tiny.py"])
    saved = (tmp_path / "saved" / "configuration_tiny.py").read_text(encoding="utf-8")
    assert saved == CONFIG.replace("from config_core import", "from .pretrained_base import")
    load_elsewhere(tmp_path)


@pytest.mark.parametrize(
    ("num_files", "size", "problem"),
    [(1, 1024 * 1024 + 1, "larger than 1,048,576 bytes"), (5, 1024 * 1024, "exceed 4,194,304 bytes in total")],
    ids=["one-file", "all-files"],
)
def test_source_that_no_load_accepts_is_refused(tmp_path, num_files, size, problem):
    """A save says what is wrong where the author can mend it, and writes nothing."""
    write(tmp_path, {f"table_{number}.py": "x" * (size - 4) + " = 1" for number in range(num_files)})
    imports = "".join(f"from table_{number} import *\n" for number in range(num_files))
    write(tmp_path, {"configuration_tiny.py": CONFIG + imports})
    done = run(tmp_path, "-c", "from configuration_tiny import TinyConfig\n" + SAVE)
    assert re.search(f"SourceCodeError: table_.*{problem}", done.stderr), done.stderr
    assert not (tmp_path / "saved" / "config.json").exists()


def test_classes_in_flat_modules_that_import_each_other(tmp_path):
    """Neighbours that are imported absolutely come along; auto_map lists both classes."""
    write(
        tmp_path,
        {
            "configuration_tiny.py": CONFIG,
            "modeling_tiny.py": "from configuration_tiny import TinyConfig\nimport blocks\nblock = blocks.block\n"
            + MODEL,
            "blocks.py": BLOCK,
            "unneeded.py": "1 / 0",
        },
    )
    program = "from modeling_tiny import TinyConfig, TinyModel\n" + SAVE_MODEL + "save(TinyModel)"
    assert save_with(tmp_path, "-c", program) == (
        {"AutoConfig": "configuration_tiny.TinyConfig", "AutoModel": "modeling_tiny.TinyModel"},
        ["blocks.py", "configuration_tiny.py", "modeling_tiny.py"],
    )
    load_elsewhere(tmp_path)


PACKAGE = {
    "lib/__init__.py": "from .models.tiny.modeling_tiny import TinyModel\n",
    "lib/blocks.py": BLOCK,
    "lib/models/__init__.py": "",
    "lib/models/tiny/__init__.py": "",
    "lib/models/tiny/configuration_tiny.py": CONFIG,
    "lib/models/tiny/modeling_tiny.py": "from ...blocks import block\nfrom . import configuration_tiny\n"
    "TinyConfig = configuration_tiny.TinyConfig\n" + MODEL,
}


def test_classes_in_a_package_with_subpackages(tmp_path):
    """As many folders come along as the imports climb through, and not the package's own `__init__`."""
    write(tmp_path, PACKAGE)
    program = (
        "from lib.models.tiny.modeling_tiny import TinyModel\n"
        "from lib.models.tiny.configuration_tiny import TinyConfig\n" + SAVE_MODEL + "save(TinyModel)"
    )
    assert save_with(tmp_path, "-c", program) == (
        {
            "AutoConfig": "models/tiny/configuration_tiny.TinyConfig",
            "AutoModel": "models/tiny/modeling_tiny.TinyModel",
        },
        [
            "blocks.py",
            "models/__init__.py",
            "models/tiny/__init__.py",
            "models/tiny/configuration_tiny.py",
            "models/tiny/modeling_tiny.py",
        ],
    )
    load_elsewhere(tmp_path)


def test_a_package_that_needs_no_more_is_saved_flat(tmp_path):
    """The usual package of two files gives the usual folder of two files."""
    write(
        tmp_path,
        {
            "resnet_model/__init__.py": "",
            "resnet_model/configuration_tiny.py": CONFIG,
            "resnet_model/modeling_tiny.py": "from .configuration_tiny import TinyConfig\n" + BLOCK + MODEL,
        },
    )
    program = (
        "from resnet_model.configuration_tiny import TinyConfig\nfrom resnet_model.modeling_tiny import TinyModel\n"
        + SAVE_MODEL
        + "save(TinyModel)"
    )
    assert save_with(tmp_path, "-c", program)[1] == ["configuration_tiny.py", "modeling_tiny.py"]
    load_elsewhere(tmp_path)


def test_a_class_in_the_init_of_a_package(tmp_path):
    """The package is saved as a folder."""
    write(tmp_path, {"lib/__init__.py": "from .blocks import block\n" + CONFIG, "lib/blocks.py": BLOCK})
    assert save_with(tmp_path, "-c", "from lib import TinyConfig\n" + SAVE) == (
        {"AutoConfig": "lib.TinyConfig"},
        ["lib/__init__.py", "lib/blocks.py"],
    )
    load_elsewhere(tmp_path)


def test_a_parent_in_another_file_comes_along(tmp_path):
    """What a class inherits is imported, and so saved."""
    write(
        tmp_path,
        {
            "lib/parent.py": CONFIG.replace("TinyConfig", "ParentConfig"),
            "lib/child.py": "from .parent import ParentConfig\nclass TinyConfig(ParentConfig):\n    pass\n",
        },
    )
    assert save_with(tmp_path, "-c", "from lib.child import TinyConfig\n" + SAVE)[1] == ["child.py", "parent.py"]
    load_elsewhere(tmp_path)


def test_all_registered_classes_of_the_same_code_are_listed(tmp_path):
    """A folder saved from one class serves the others; another config's classes and foreign code are not listed."""
    models = "".join(MODEL.replace("TinyModel", name) for name in ("TinyModel", "TinyForTask", "Unregistered"))
    write(
        tmp_path,
        {
            "lib/configuration_tiny.py": CONFIG + "class OtherConfig(TinyConfig):\n    model_type = 'other'\n",
            "lib/modeling_tiny.py": "from .configuration_tiny import TinyConfig, OtherConfig\n"
            + BLOCK
            + models
            + "class OtherModel:\n    config_class = OtherConfig\n",
            "foreign.py": "from lib.configuration_tiny import TinyConfig\n"
            + MODEL.replace("TinyModel", "ForeignModel"),
        },
    )
    program = """
from lib.configuration_tiny import TinyConfig
from lib.modeling_tiny import *
from foreign import ForeignModel
from config_core.code import register_for_auto_class
register_for_auto_class(TinyForTask, "AutoModelForImageClassification")
register_for_auto_class(ForeignModel, "AutoModelForObjectDetection")
register_for_auto_class(OtherModel, "AutoModelForImageSegmentation")
"""
    assert save_with(tmp_path, "-c", program + SAVE_MODEL + "save(TinyModel)")[0] == {
        "AutoConfig": "configuration_tiny.TinyConfig",
        "AutoModel": "modeling_tiny.TinyModel",
        "AutoModelForImageClassification": "modeling_tiny.TinyForTask",
    }
    load_elsewhere(tmp_path)


def test_registering_again_replaces(tmp_path):
    """The last class that was registered for an auto class is the one."""
    write(tmp_path, {"m.py": CONFIG + BLOCK + MODEL.replace("TinyModel", "OldModel") + MODEL})
    program = "from m import *\n" + SAVE_MODEL + "register_for_auto_class(OldModel, 'AutoModel')\nsave(TinyModel)"
    assert save_with(tmp_path, "-c", program)[0]["AutoModel"] == "m.TinyModel"
    load_elsewhere(tmp_path)


def test_a_class_that_is_not_registered_is_saved_without_code(tmp_path):
    """Only who asks for it ships code; a subclass has not asked."""
    write(tmp_path, {"m.py": CONFIG})
    program = """
from m import TinyConfig
TinyConfig.register_for_auto_class()
class Child(TinyConfig): pass
Child().save_pretrained("saved")
"""
    assert run(tmp_path, "-c", program).returncode == 0
    assert [path.name for path in (tmp_path / "saved").iterdir()] == ["config.json"]


def test_unregistered_subclass_of_a_registered_model_class_is_refused(tmp_path):
    """With the code of its base, a load would give the base without a word."""
    write(tmp_path, {"m.py": CONFIG + BLOCK + MODEL + "class Child(TinyModel): pass\n"})
    program = """
from m import *
from config_core.code import collect_code, register_for_auto_class
register_for_auto_class(TinyConfig, "AutoConfig")
register_for_auto_class(TinyModel, "AutoModel")
try:
    collect_code(Child, TinyConfig)
except ValueError as error:
    print(error)
register_for_auto_class(Child, "AutoModel")
print(collect_code(Child, TinyConfig).auto_map["AutoModel"])
print(collect_code(TinyModel, TinyConfig).auto_map["AutoModel"])
"""
    error, *references = run(tmp_path, "-c", program).stdout.splitlines()
    assert error.startswith("m.Child: it derives from TinyModel, which is registered for AutoModel")
    assert "Call Child.register_for_auto_class('AutoModel')" in error
    assert references == ["m.Child", "m.TinyModel"]


def test_registered_base_matters_even_if_the_config_class_is_not_registered(tmp_path):
    """The base would be saved with its code, so its subclass is not saved without a word."""
    write(tmp_path, {"m.py": CONFIG + BLOCK + MODEL + "class Child(TinyModel): pass\nclass GrandChild(Child): pass\n"})
    program = """
from m import *
from config_core.code import collect_code, register_for_auto_class
register_for_auto_class(TinyModel, "AutoModel")
collect_code(GrandChild, TinyConfig)
"""
    assert "it derives from TinyModel" in run(tmp_path, "-c", program).stderr


@pytest.mark.parametrize(("model_type", "warns"), [("tiny", True), ("child", False)])
def test_unregistered_subclass_of_a_registered_config_warns_if_it_has_the_same_model_type(tmp_path, model_type, warns):
    """Auto classes would load it as its base, which has that model_type."""
    write(tmp_path, {"m.py": CONFIG})
    program = f"""
from m import TinyConfig
TinyConfig.register_for_auto_class()
class Child(TinyConfig): model_type = {model_type!r}
Child().save_pretrained("saved")
"""
    done = run(tmp_path, "-c", program)
    assert done.returncode == 0
    assert ("Child is saved without code" in done.stderr) == warns
    assert [path.name for path in (tmp_path / "saved").iterdir()] == ["config.json"]


# Programs


@pytest.fixture
def script(tmp_path):
    """Return a script whose classes use all that a program may hold."""
    write(tmp_path, {"blocks.py": BLOCK, "train.py": SCRIPT})
    return tmp_path


SCRIPT = '''\
#!/usr/bin/env python3
"""A training script.

from .absent import nothing
"""
from __future__ import annotations

import json, sys
import math as mathematics
from dataclasses import dataclass, field
from os.path import *

from blocks import block
from config_core import PretrainedConfig

print("the program runs")  # to be seen in the program only
FACTOR = 1; SCALE = {"one": FACTOR}; LONG = [
    "a\\fb",
]
SCALE["two"] = 2
SCALE["two"] += 0
UNUSED = open("marker", "a").write("unused")
REGISTRY = {}

def register(name):
    def add(function):
        REGISTRY[name] = function
        return function
    return add

@register("square")
def square(x):
    return x * x

@dataclass
class Settings:
    names: list[str] = field(default_factory=lambda: list(LONG))

try:
    import absent_module
except ImportError:
    absent_module = None

if sys.version_info > (3,):
    def doubled(x): return helper(x) * SCALE["two"]

def helper(x):
    """Here comes a form feed: \x0c and a separator: \u2028 in a docstring."""
    return block(x) // 2
\x0c
class TinyConfig(PretrainedConfig):
    model_type = "tiny"
    SCALE = SCALE

    def __init__(self, width: int = 3, **kwargs):
        self.width = width
        super().__init__(**kwargs)

class TinyModel:
    config_class = TinyConfig

    def __init__(self, config):
        assert REGISTRY["square"](3) == 9 and absent_module is None and Settings().names == ["a\\fb"]
        assert mathematics.floor(1.5) == 1 and isinstance(join("a", "b"), str)
        self.size = doubled(config.width)

config = TinyConfig(width=5)
'''


def check_program(folder, module):
    auto_map, files = saved(folder)
    assert auto_map == {"AutoConfig": f"{module}.TinyConfig", "AutoModel": f"{module}.TinyModel"}
    assert files == ["blocks.py", f"{module}.py"]
    source = (folder / "saved" / f"{module}.py").read_text(encoding="utf-8")
    for absent in ("print", "UNUSED", "save(", "config = ", "staged_save"):
        assert absent not in source
    for present in ("@register", "\x0c and a separator: \u2028"):
        assert present in source
    (folder / "marker").unlink()
    load_elsewhere(folder)


def test_a_script_that_is_run_as_a_file(script):
    """Only what the classes need is cut out; loading it does not run the program."""
    with (script / "train.py").open("a", encoding="utf-8") as file:
        file.write(SAVE_MODEL + 'if __name__ == "__main__":\n    save(TinyModel)\n')
    save_with(script, "train.py")
    check_program(script, "train")


FILLED = """
import logging
TABLE = {}; ORDER = [3]; DEEP = {"a": []}; COUNTS = {"x": 1, "y": 2, "z": 3}
log = logging.getLogger("train")

class Registry:
    def __init__(self):
        self.known = {}

def half(x):
    return x // 2

registry = Registry()
registry.known["half"] = half
TABLE.update(double=lambda x: 2 * x); ORDER.append(1)
DEEP["a"].append(5)
for name in ("b", "c"):
    ORDER.insert(0, len(name))
if ORDER:
    ORDER.sort()
del COUNTS["x"]
registry.size = 7
del registry.size
COUNTS.pop("y")
UNUSED = TABLE.get("double")(open("marker", "a").write("ran"))
log.info(open("marker", "a").write("ran"))
print(TABLE)
"""

FILLED_MODEL = """
class TinyModel:
    config_class = TinyConfig

    def __init__(self, config):
        log.debug("made")
        found = (sorted(TABLE), ORDER, DEEP, COUNTS, registry.known["half"](4), hasattr(registry, "size"))
        assert found == (["double"], [1, 1, 1, 3], {"a": [5]}, {"z": 3}, 2, False), found
        self.size = config.width * 2

TinyModel(TinyConfig())
"""


def test_calls_that_fill_what_the_classes_use_come_along(tmp_path):
    """However a table is filled, a loaded class finds it full; the program's run stays behind."""
    write(tmp_path, {"train.py": FILLED + CONFIG + FILLED_MODEL + SAVE_MODEL + "save(TinyModel)\n"})
    save_with(tmp_path, "train.py")
    source = (tmp_path / "saved" / "train.py").read_text(encoding="utf-8")
    for absent in ("UNUSED", "log.info", "print", "TinyModel(TinyConfig())", "register_for", "save"):
        assert absent not in source
    load_elsewhere(tmp_path)


def test_calls_in_the_cells_of_a_notebook_come_along(tmp_path):
    """A notebook fills its tables as a script does."""
    done = run_notebook(tmp_path, FILLED, CONFIG, FILLED_MODEL, SAVE_MODEL, "save(TinyModel)")
    assert done.returncode == 0, done.stdout + done.stderr
    load_elsewhere(tmp_path)


@pytest.mark.parametrize(
    ("body", "call"),
    [
        ("TABLE[name] = value", "add('a', 1)"),
        ("TABLE.update({name: value})", "for key in 'ab':\n    add(key, 1)"),
        ("global COUNT\n    COUNT = value", "add('a', 1)"),
        ("TABLE[name] = value\n    return lambda function: function", "add('a', 1)(print)"),
    ],
)
def test_a_call_that_may_fill_a_table_or_run_the_program_is_refused(tmp_path, body, call):
    """It is named with its line; under `if __name__ == "__main__":` it is the program's, and nobody asks."""
    head = f"TABLE = {{}}\nCOUNT = 0\ndef add(name, value):\n    {body}\n"
    uses = "\n        assert TABLE is not COUNT\n"
    program = CONFIG.replace("self.width = width", "self.width = width" + uses) + SAVE
    write(tmp_path, {"train.py": head + call + program})
    done = run(tmp_path, "train.py")
    line = head.count("\n") + call.count("\n") + 1
    assert re.search(rf"SourceCodeError: .*train.py, line {line}: add\(.*\) may change '(TABLE|COUNT)'", done.stderr)
    assert not (tmp_path / "saved").exists()
    write(
        tmp_path,
        {"train.py": head + f"if __name__ == '__main__':\n    {call.replace(chr(10), chr(10) + '    ')}" + program},
    )
    assert save_with(tmp_path, "train.py")[1] == ["train.py"]


def test_a_call_that_runs_the_program_stays_behind(tmp_path):
    """A function that changes nothing that the classes need is not asked about, whatever else it does."""
    head = "RATES = {}\nSEEN = [1]\ndef main():\n    RATES['a'] = SEEN[0]\n    global STEP\n    STEP = 1\n"
    program = CONFIG.replace("self.width = width", "self.width = width + SEEN[0] - 1")
    write(tmp_path, {"train.py": head + program + "main()\n" + SAVE})
    save_with(tmp_path, "train.py")
    assert "main" not in (tmp_path / "saved" / "train.py").read_text(encoding="utf-8")


def test_a_script_with_a_name_that_is_no_module(script):
    """`train-tiny.py` becomes a module that can be imported."""
    (script / "train.py").rename(script / "train-tiny.py")
    with (script / "train-tiny.py").open("a", encoding="utf-8") as file:
        file.write(SAVE_MODEL + "save(TinyModel)\n")
    save_with(script, "train-tiny.py")
    check_program(script, "modeling_tiny")


def test_a_module_that_is_run_as_a_program(tmp_path):
    """`python -m package.module` may import relatively, up to its package."""
    program = "from ..blocks import block\nfrom .part import TinyConfig\n" + MODEL + SAVE_MODEL + "save(TinyModel)"
    write(tmp_path, {"lib/blocks.py": BLOCK, "lib/apps/train.py": program, "lib/apps/part.py": CONFIG})
    auto_map, files = save_with(tmp_path, "-m", "lib.apps.train")
    assert auto_map == {"AutoConfig": "apps/part.TinyConfig", "AutoModel": "apps/train.TinyModel"}
    assert files == ["apps/part.py", "apps/train.py", "blocks.py"]
    load_elsewhere(tmp_path)


def test_a_module_that_is_run_as_a_program_with_all_its_classes(tmp_path):
    """And is found by its auto_map."""
    program = "from .blocks import block\n" + CONFIG + MODEL + SAVE_MODEL + "save(TinyModel)"
    write(tmp_path, {"lib/blocks.py": BLOCK, "lib/train.py": program})
    assert save_with(tmp_path, "-m", "lib.train") == (
        {"AutoConfig": "train.TinyConfig", "AutoModel": "train.TinyModel"},
        ["blocks.py", "train.py"],
    )
    load_elsewhere(tmp_path)


def test_the_folder_of_a_program(tmp_path):
    """`python -m package` runs its `__main__.py`."""
    write(tmp_path, {"lib/__init__.py": "", "lib/blocks.py": BLOCK})
    write(
        tmp_path, {"lib/__main__.py": "from .blocks import block\n" + CONFIG + MODEL + SAVE_MODEL + "save(TinyModel)"}
    )
    assert save_with(tmp_path, "-m", "lib")[1] == ["blocks.py", "modeling_tiny.py"]
    load_elsewhere(tmp_path)


NOTEBOOK = """
import json, sys
from IPython.core.interactiveshell import InteractiveShell

shell = InteractiveShell.instance()
shell.history_manager.enabled = False
for cell in json.load(sys.stdin):
    result = shell.run_cell(cell, store_history=True)
    if "raises" not in cell:
        result.raise_error()
"""


def run_notebook(folder, *cells):
    pytest.importorskip("IPython")
    return run(folder, "-c", NOTEBOOK, program=json.dumps(cells))


def test_classes_in_the_cells_of_a_notebook(script):
    """With magics, cells that fail, and definitions that a later cell replaces."""
    head, tail = (script / "train.py").read_text(encoding="utf-8").split("@dataclass\n", 1)
    done = run_notebook(
        script,
        "%cd .\n!true\nx = !echo shell",
        "def block(width):\n    return 'an earlier one'",
        head,
        "def broken(:  # raises",
        "1 / 0  # raises",
        "%%time\n@dataclass\n" + tail,
        SAVE_MODEL,
        "save(TinyModel)",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert saved(script)[0]["AutoModel"] == "modeling_tiny.TinyModel"
    check_program(script, "modeling_tiny")


def test_a_cell_that_was_run_again_counts_as_it_is_now(tmp_path):
    """Changing a cell and running it again is how notebooks are written."""
    done = run_notebook(
        tmp_path,
        CONFIG + BLOCK,
        MODEL.replace("block(config.width)", "'an earlier one'"),
        SAVE_MODEL + "save(TinyModel)",
        MODEL,
        "save(TinyModel)",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "earlier" not in (tmp_path / "saved" / "modeling_tiny.py").read_text(encoding="utf-8")
    load_elsewhere(tmp_path)


@pytest.mark.parametrize("text", [CONFIG, CONFIG.replace("self.width = width", "self.width = width + 0")])
def test_an_object_of_an_earlier_definition_of_its_class_is_saved_with_a_warning(tmp_path, text):
    """The cell was run again after the object was made, and the code that is saved is that of the new class."""
    done = run_notebook(
        tmp_path,
        CONFIG,
        "config = TinyConfig()\nTinyConfig.register_for_auto_class()",
        "config.save_pretrained('before')",
        "import sys; print('before', file=sys.stderr)",
        text,
        "config.save_pretrained('after')",
        "TinyConfig().save_pretrained('new')",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    before, _, after = done.stderr.partition("before")
    assert "was defined again since this object was made" not in before
    assert after.count("TinyConfig was defined again since this object was made") == 1


def test_a_registered_definition_that_was_written_anew_is_saved_once(tmp_path):
    """What a registry's decorator knew of an earlier run of the cell is gone."""
    head = "TABLE = {}\ndef register(function):\n    TABLE['x'] = function\n    return function\n"
    wrong = "@register\ndef made():\n    return 'earlier'\nabsent  # raises"
    right = "@register\ndef made():\n    return 5\n"
    config = CONFIG.replace("self.width = width", "self.width = TABLE['x']()")
    done = run_notebook(tmp_path, head, wrong, right, config, SAVE)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "earlier" not in (tmp_path / "saved" / "modeling_tiny.py").read_text(encoding="utf-8")
    load_elsewhere(tmp_path)


def test_a_refusal_in_a_notebook_names_the_cell(tmp_path):
    """And says that the notebook must be run again, because a cell that ran stays in its history."""
    config = CONFIG.replace("self.width = width", "self.width = width + len(TABLE)")
    done = run_notebook(tmp_path, "TABLE = {}\n", "import random", "1\nrandom.shuffle(TABLE)  # raises", config, SAVE)
    assert re.search(r"SourceCodeError: cell \d, line 2: random.shuffle\(…\) may change 'TABLE'", done.stderr)
    assert 'put it under if __name__ == "__main__": and run the notebook again from its start.' in done.stderr
    assert not (tmp_path / "saved").exists()


def test_a_class_of_a_module_that_a_notebook_imports(tmp_path):
    """Not everything in a notebook is a cell."""
    write(tmp_path, {"configuration_tiny.py": CONFIG})
    done = run_notebook(tmp_path, "from configuration_tiny import TinyConfig", SAVE)
    assert done.returncode == 0, done.stdout + done.stderr
    assert saved(tmp_path)[1] == ["configuration_tiny.py"]


# Which statements of a program are saved

# What the statements below may touch. `train` stands for the program's run: it leaves a file behind.
SURROUNDINGS = """
import functools, heapq, json, logging, random, warnings
from pathlib import Path
from tables import fill

TABLE = {"a": 1}; ORDER = [3, 1, 2]; DEEP = {"a": []}; COUNT = 0; WIDTH = 5
UNNEEDED = {}
log = logging.getLogger("train")

class Registry:
    def __init__(self):
        self.known = {}
    def add(self, name, value=None):
        self.known[name] = value
        return lambda function: self.known.setdefault(name, function)
    def run(self):
        train()

class Block:
    kinds = {}
    def __init_subclass__(cls):
        cls.kinds[cls.__name__] = cls
    @classmethod
    def add(cls, name, kind):
        cls.kinds[name] = kind
    @classmethod
    def run(cls):
        cls.kinds["ran"] = train()

class Other:
    def __new__(cls):
        return super().__new__(cls.__subclasses__()[-1])

class Named:
    def __init__(self, name):
        TABLE[name] = self

registry = Registry()

def train():
    Path("ran").touch()
def add(name, value=1):
    TABLE[name] = value
def add_twice():
    add("b")
def put(table):
    table["b"] = 1
def show(table):
    Path("ran").write_text(repr(table))
def table():
    return TABLE
def register(function):
    TABLE[function.__name__] = function
    return function
def save(config):
    config.save_pretrained("out")
    return 1
@functools.singledispatch
def size(value):
    return 1
"""
NEEDS = CONFIG.replace(
    "self.width = width",
    "self.width = width\n"
    "        self._seen = lambda: (TABLE, ORDER, DEEP, COUNT, WIDTH, registry, log, Block, Other, size, DEFAULT)",
)
OBJECTS = "\nDEFAULT = TinyConfig()\n"
SAVE_PROGRAM = """
TinyConfig.register_for_auto_class()
TinyConfig(width=5).save_pretrained("saved")
"""


def save_program(folder, statement):
    """Run a script that holds a statement, and return how it ended and the number of the statement's first line."""
    write(folder, {"tables.py": "def fill(table):\n    table['b'] = 1\n"})
    head = SURROUNDINGS + NEEDS + OBJECTS
    write(folder, {"train.py": head + statement + "\n" + SAVE_PROGRAM})
    return run(folder, "train.py"), head.count("\n") + 1


def source_of_saved(folder, done):
    """Return the saved source after a look at what loading it does."""
    assert done.returncode == 0, done.stdout + done.stderr
    load_elsewhere(folder)
    made = {path.name for path in (folder.parent / f"{folder.name}-elsewhere").iterdir()}
    assert made <= {"elsewhere", "__pycache__"}, made
    return (folder / "saved" / "train.py").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "statement",
    [
        "TABLE['b'] = len(ORDER)",
        "TABLE['a'] += 1",
        "DEEP['a'].append(1)",
        "del TABLE['a']",
        "COUNT += 1",
        "COUNT: int = 2",
        "(COUNT := 3)",
        "TABLE.update(b=2)",
        "ORDER.sort(reverse=True)",
        "TABLE.setdefault('b', []).append(1)",
        "last = ORDER.pop()",
        "registry.size = 3",
        "TABLE, ORDER = {}, []\nTABLE.update(b=1)",
        "for name in ('b', 'c'):\n    TABLE[name] = 1",
        "while len(ORDER) < 5:\n    ORDER.append(len(ORDER))",
        "for name in sorted(TABLE):\n    key = name.upper()\n    value = len(key)\n    TABLE[key] = value",
        "for name in ('b', 'c'):\n    registry.known[name] = 1",
        "if WIDTH > 3:\n    WIDTH = 3\nelse:\n    WIDTH = 4",
        "with warnings.catch_warnings():\n    warnings.simplefilter('ignore')\n    WIDTH = 3",
        "try:\n    import absent\n    NOTE = 1\n    WIDTH = 2\nexcept ImportError as error:\n    log.info('%s', error)",
        "try:\n    import absent\n    WIDTH = 3\nexcept ImportError:\n    print('not there')\n    WIDTH = 4",
        "match WIDTH:\n    case 5:\n        COUNT = 1\n    case COUNT:\n        pass",
        "@register\ndef added():\n    pass",
        "@registry.add('b')\ndef added():\n    pass",
        "@size.register\ndef _(value: int):\n    return 2",
        "class Added(Block):\n    pass",
    ],
)
def test_a_statement_that_makes_what_the_classes_use_is_saved(tmp_path, statement):
    """Definitions, assignments and calls that fill: without them a loaded class would find something else."""
    done, _ = save_program(tmp_path, statement)
    source = source_of_saved(tmp_path, done)
    for line in statement.split("\n"):
        assert line in source


@pytest.mark.parametrize(
    "statement",
    [
        "TinyConfig(width=2).save_pretrained('out')",
        "TinyConfig(width=2).to_json_file('out.json')",
        "DEFAULT.save_pretrained('out')",
        "answer = TinyConfig(width=2).save_pretrained('out')",
        "answer = DEFAULT.save_pretrained('out')",
        "TinyConfig.register_for_auto_class('AutoConfig')",
        "json.loads('{}').update(TinyConfig=TinyConfig)",
        "config = TinyConfig()\nconfig.width = 7\nconfig.save_pretrained('out')",
        "TinyConfig()",
        "TinyConfig(width=len(ORDER))",
        "train()",
        "result = train()",
        "show(TABLE)",
        "show(table=ORDER)",
        "print(TABLE, sorted(ORDER))",
        "print(train())",
        "TABLE.get('a')",
        "TABLE['a']",
        "TABLE",
        "assert TABLE and not train()",
        "json.dump(TABLE, open('out', 'w'))",
        "log.setLevel(logging.INFO)\nlog.info('%s', train())",
        "logging.basicConfig(level=logging.INFO)",
        "warnings.simplefilter('error')",
        "if TABLE:\n    train()",
        "for step in ORDER:\n    train()\n    print(step)",
        "with open('out', 'w') as file:\n    file.write(str(TABLE))\n    train()",
        "try:\n    train()\nfinally:\n    UNNEEDED['a'] = TABLE",
        "while WIDTH < 3:\n    train()",
        "UNNEEDED.update(TABLE)",
        "UNNEEDED['a'] = train()",
        "config = TinyConfig() if WIDTH else None\nif config:\n    config.save_pretrained('out')",
        "copy = sorted(ORDER)\ncopy.append(train())",
        "def main():\n    print(TABLE)\n    train()\nmain()",
        "runner = Registry()\nrunner.run()",
        "del UNNEEDED",
        "@functools.cache\ndef unneeded():\n    train()",
        "class Unneeded(Registry):\n    ran = train()",
        "if __name__ == '__main__':\n    add('b')\n    TABLE['b'] = train()",
    ],
)
def test_a_statement_that_only_uses_what_the_classes_use_is_left_out(tmp_path, statement):
    """Making a model, training it, printing and saving it at the end of a script: none of it runs again at the load."""
    done, _ = save_program(tmp_path, statement)
    kept = {ast.unparse(node) for node in ast.parse(source_of_saved(tmp_path, done)).body}
    assert not kept & {ast.unparse(node) for node in ast.parse(statement).body}


@pytest.mark.parametrize(
    "statement",
    [
        "other_name = TABLE\nother_name['b'] = 1",
        "deep = DEEP['a']\ndeep.append(1)",
        "for values in DEEP.values():\n    values.append(1)",
        "table()['b'] = 1",
        "table().update(b=1)",
        "Named('b')",
        "made = Named('b')",
        "Block.run()",
        "nothing = random.shuffle(ORDER)",
        "class Added(Other):\n    pass",
        "class Meta(type):\n    def __init__(cls, *_):\n        TABLE['b'] = 1\nclass Added(metaclass=Meta):\n    pass",
    ],
)
def test_a_change_that_no_name_shows_is_left_out(tmp_path, statement):
    """A second name of an object, what methods do, and calls whose results are used are not followed."""
    done, _ = save_program(tmp_path, statement)
    kept = {ast.unparse(node) for node in ast.parse(source_of_saved(tmp_path, done)).body}
    assert not kept & {ast.unparse(node) for node in ast.parse(statement).body}


TRAINING = (
    """
import argparse, logging, os, random, sys
os.environ["TOKENIZERS_PARALLELISM"] = "false"
sys.path.append("."); random.seed(0)
logging.basicConfig(level=logging.INFO)
logger = logging.getLogger(__name__)
logger.setLevel(logging.INFO)
try:
    import absent_kernels
except ImportError:
    absent_kernels = None
    logger.warning("no fast kernels")
LABELS = ["cat", "dog"]
LABEL_TO_ID = {}
for i, label in enumerate(LABELS):
    LABEL_TO_ID[label] = i
"""
    + CONFIG.replace(
        "self.width = width", "self.width = width\n        self._seen = lambda: (LABEL_TO_ID, absent_kernels)"
    )
    + """
TinyConfig.register_for_auto_class()
parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int, default=2)
args = parser.parse_args()
print(f"{len(LABELS)} labels", LABEL_TO_ID)
def evaluate(model, labels):
    return [labels[0]]
def train(model, labels):
    history = []
    for epoch in range(args.epochs):
        history.append(epoch)
    return history
model = TinyConfig(width=5)
losses, best = [], None
for i in range(args.epochs):
    label = LABELS[i]
    loss = LABEL_TO_ID.get(label, 0) + sum([i for i in range(3)])
    losses.append(loss)
    if best is None or loss < best:
        best = loss
        logger.info("best %s %s", best, LABELS)
evaluate(model, LABELS)
history = train(model, LABELS)
with open("losses.txt", "w") as file:
    file.write(str(losses))
model.width = 5
assert model.width == 5
model.save_pretrained("saved")
"""
)


def test_a_training_script_is_saved_without_its_run(tmp_path):
    """Command line, logging, seeds, loops and results stay behind, though they use the names of the classes."""
    write(tmp_path, {"train.py": TRAINING})
    source = source_of_saved(tmp_path, run(tmp_path, "train.py"))
    assert "LABEL_TO_ID[label] = i" in source
    for absent in ("parser", "environ", "basicConfig", "losses", "def train", "model =", "print", "save_pretrained"):
        assert absent not in source


@pytest.mark.parametrize(
    ("statement", "at", "problem"),
    [
        ("add('b')", 0, r"add\(…\) may change 'TABLE'"),
        ("add_twice()", 0, r"add_twice\(…\) may change 'TABLE'"),
        ("put(TABLE)", 0, r"put\(…\) may change 'TABLE'"),
        ("put(table=DEEP)", 0, r"put\(…\) may change 'DEEP'"),
        ("result = add('b')", 0, r"add\(…\) may change 'TABLE'"),
        ("print(add('b'))", 0, r"add\(…\) may change 'TABLE'"),
        ("if add('b'):\n    pass", 0, r"add\(…\) may change 'TABLE'"),
        ("fill(TABLE)", 0, r"fill\(…\) may change 'TABLE'"),
        ("random.shuffle(ORDER)", 0, r"random.shuffle\(…\) may change 'ORDER'"),
        ("heapq.heapify(ORDER)", 0, r"heapq.heapify\(…\) may change 'ORDER'"),
        ("print(ORDER.pop())", 0, r"ORDER.pop\(…\) may change 'ORDER'"),
        ("[ORDER.append(n) for n in range(3)]", 0, r"ORDER.append\(…\) may change 'ORDER'"),
        ("registry.run()", 0, r"registry.run\(…\) may change 'registry'"),
        ("registry.add('b', 2)", 0, r"registry.add\(…\) may change 'registry'"),
        ("for name in 'ab':\n    registry.add(name)", 1, r"registry.add\(…\) may change 'registry'"),
        ("setattr(registry, 'size', 3)", 0, r"setattr\(…\) may change 'registry'"),
        ("Block.kinds['b'] = 2", 0, r"Block.kinds\['b'\] may change 'Block'"),
        ("Block.kinds.update(b=2)", 0, r"Block.kinds.update\(…\) may change 'Block'"),
        ("Block.add('b', 2)", 0, r"Block.add\(…\) may change 'Block'"),
        ("Block.size = 4", 0, r"Block.size may change 'Block'"),
        ("TinyConfig.answer = 3", 0, r"TinyConfig.answer may change 'TinyConfig'"),
        ("size.register(int, abs)", 0, r"size.register\(…\) may change 'size'"),
        ("for Block.size in range(3):\n    pass", 0, r"Block.size may change 'Block'"),
        ("DEFAULT.update({'width': 4})", 0, r"DEFAULT.update\(…\) may change 'DEFAULT'"),
        ("DEFAULT.validate()", 0, r"DEFAULT.validate\(…\) may change 'DEFAULT'"),
        ("if TABLE:\n    TABLE['b'] = 1\n    train()", 2, r"train\(…\) would run"),
        ("if TABLE:\n    TABLE['b'] = 1\n    result = train()", 2, r"train\(…\) would run"),
        ("if TABLE:\n    TABLE['b'] = 1\n    result = train()\n    print(result)", 2, r"train\(…\) would run"),
        ("if TABLE:\n    TABLE['b'] = 1\n    result = registry.run()", 2, r"registry.run\(…\) would run"),
        ("if TABLE:\n    TABLE['b'] = 1\n    registry.run()", 2, r"registry.run\(…\) would run"),
        (
            "if TABLE:\n    TABLE['b'] = 1\n    DEFAULT.save_pretrained('out')",
            2,
            r"DEFAULT.save_pretrained\(…\) would run",
        ),
        ("if TABLE:\n    TABLE['b'] = 1\n    random.seed(3)", 2, r"random.seed\(…\) would run"),
        ("if TABLE:\n    TABLE['b'] = 1\n    print(train())", 2, r"print\(…\) would run"),
        ("for name in 'ab':\n    if name:\n        add(name)", 2, r"add\(…\) may change 'TABLE'"),
        ("for name in 'ab':\n    TABLE[name] = 1\n    add(name)", 2, r"add\(…\) would run"),
        ("for WIDTH in range(6):\n    train()", 1, r"train\(…\) would run"),
        ("if TABLE:\n    TABLE['b'] = 1\n    UNNEEDED['b'] = 2", 2, r"UNNEEDED\['b'\] = 2 would run"),
        ("if TABLE:\n    TABLE['b'] = 1\n    assert COUNT == 0", 2, r"assert COUNT == 0 would run"),
        ("with open('x', 'w') as file:\n    COUNT = 3\n    file.write('x')", 2, r"file.write\(…\) would run"),
        ("try:\n    train()\n    TABLE['b'] = 1\nexcept ValueError:\n    pass", 1, r"train\(…\) would run"),
        ("print(COUNT := 3)", 0, r"print.* may change 'COUNT'"),
        ("COUNT = TinyConfig().save_pretrained('out')", 0, r"TinyConfig\(\).save_pretrained\(…\) would run"),
        ("TABLE['b'] = DEFAULT.save_pretrained('out')", 0, r"DEFAULT.save_pretrained\(…\) would run"),
        ("def share():\n    DEFAULT.push_to_hub('x')\nif not TABLE:\n    COUNT = share()", 3, r"share\(…\) would run"),
        (
            "import argparse\nparser = argparse.ArgumentParser()\nCOUNT = parser.parse_args([]).__dict__",
            2,
            r"parser.parse_args\(…\) would run",
        ),
        ("COUNT = save(TinyConfig())", 0, r"save\(…\) would run"),
        ("class Added(Block):\n    ran = DEFAULT.save_pretrained('out')", 1, r"DEFAULT.save_pretrained\(…\) would run"),
    ],
)
def test_a_statement_that_may_change_what_the_classes_use_is_refused(tmp_path, statement, at, problem):
    """It can neither be left out nor run at a load, so nothing is saved; the error says where and what to do."""
    done, first = save_program(tmp_path, statement)
    assert done.returncode == 1
    assert re.search(rf"SourceCodeError: .*train.py, line {first + at}: {problem}", done.stderr), done.stderr
    assert 'if __name__ == "__main__":' in done.stderr
    assert not (tmp_path / "saved").exists()


# Where there is nothing to save


@pytest.mark.parametrize(
    ("program", "problem"),
    [
        (CONFIG + SAVE, "Python keeps no source of it. Define it in a module"),
        ("exec(" + repr(CONFIG) + ")\n" + SAVE, "Python keeps no source"),
        ("import made\nTinyConfig = made.TinyConfig\n" + SAVE, "it defines no class 'TinyConfig' at its top level"),
        ("from local import make\nTinyConfig = make()\n" + SAVE, "it is defined inside 'make.<locals>'"),
        ("from local import Outer\nTinyConfig = Outer.TinyConfig\n" + SAVE, "it is defined inside 'Outer'"),
        ("from virtual import module\nTinyConfig = module.TinyConfig\n" + SAVE, "'virtual_module' has no source file"),
        ("from selfish.m import TinyConfig\n" + SAVE, "imports 'selfish.other' by its absolute name"),
        ("from leaving.m import TinyConfig\n" + SAVE, "leaves the folder"),
        ("from lacking.m import TinyConfig\n" + SAVE, "there is no such file, and m.py line 3 imports it"),
        ("from flat import TinyConfig\n" + SAVE, "imports 'beside.inner' by its absolute name"),
    ],
)
def test_code_that_could_not_be_loaded_is_an_error_and_nothing_is_written(tmp_path, program, problem):
    """Neither the config nor the folder; the error says what to do instead."""
    indented = CONFIG.replace("\n", "\n    ")
    write(
        tmp_path,
        {
            "made.py": "exec(" + repr(CONFIG) + ")",
            "local.py": f"def make():\n    {indented}\n    return TinyConfig\nclass Outer:\n    {indented}\n",
            "virtual.py": "import sys, types\nmodule = types.ModuleType('virtual_module')\n"
            "sys.modules['virtual_module'] = module\nexec(" + repr(CONFIG) + ", module.__dict__)",
            "selfish/m.py": "\nimport selfish.other" + CONFIG,
            "selfish/other.py": "",
            "leaving/m.py": "def never():\n    from ..elsewhere import x\n" + CONFIG,
            "lacking/m.py": "def never():\n    import os\n    from .absent import x\n" + CONFIG,
            "flat.py": "import beside" + CONFIG,
            "beside/__init__.py": "from beside.inner import x",
            "beside/inner.py": "x = 1",
        },
    )
    done = run(tmp_path, "-c", program)
    assert done.returncode == 1
    assert re.search(r"config_core\.errors\.(SourceCode|ImportLeavesFolder)Error", done.stderr)
    assert problem in done.stderr
    assert not (tmp_path / "saved").exists()


def test_a_program_from_standard_input_has_no_source(tmp_path):
    """Nor has one that was typed."""
    done = run(tmp_path, "-", program=CONFIG + SAVE)
    assert "Python keeps no source of it" in done.stderr
    assert not (tmp_path / "saved").exists()


@pytest.mark.parametrize(
    ("program", "problem"),
    [
        ("# -*- coding: latin-1 -*-\nx = 'é'\n", "it is not UTF-8 text"),
        (
            "def make():\n    global TinyConfig\n" + CONFIG.replace("\n", "\n    ") + "\nmake()\n",
            "defined inside|defines no",
        ),
        (
            "if __name__ == '__main__':\n" + CONFIG.replace("\n", "\n    ") + "\n",
            "defines no 'TinyConfig' at its top level",
        ),
    ],
)
def test_a_script_whose_classes_cannot_be_cut_out(tmp_path, program, problem):
    """The error names the script or the class, and nothing is written."""
    text = program if "TinyConfig" in program else program + CONFIG
    (tmp_path / "train.py").write_text(text + SAVE, encoding="latin-1")
    done = run(tmp_path, "train.py")
    assert "SourceCodeError" in done.stderr
    assert any(part in done.stderr for part in problem.split("|"))
    assert not (tmp_path / "saved").exists()


def test_an_own_class_for_a_config_of_remote_code_is_refused(tmp_path):
    """Its code would be left behind while the config's is saved."""
    write(tmp_path, {"remote.py": CONFIG, "m.py": "from remote import TinyConfig\n" + BLOCK + MODEL})
    program = """
import remote
from config_core.code import CodeBundle
remote.__code_bundle__ = CodeBundle({"remote.py": open("remote.py", "rb").read()}, {"AutoConfig": "remote.TinyConfig"})
from m import TinyConfig, TinyModel
"""
    done = run(tmp_path, "-c", program + 'TinyConfig(width=5).save_pretrained("saved")')
    assert done.returncode == 0, done.stderr
    assert saved(tmp_path) == ({"AutoConfig": "remote.TinyConfig"}, ["remote.py"])
    done = run(tmp_path, "-c", program + SAVE_MODEL + 'save(TinyModel, "other")')
    assert "its config class TinyConfig was loaded from the code of a checkpoint" in done.stderr
    assert not (tmp_path / "other").exists()


def test_a_file_whose_name_no_load_would_take_is_not_saved(tmp_path):
    """Letters that look like others are refused in checkpoints, so nobody may make one with them."""
    write(tmp_path, {"mod\u00e8l.py": CONFIG + "TinyConfig.register_for_auto_class()\n"})
    done = run(tmp_path, "-c", "from mod\u00e8l import TinyConfig\nTinyConfig().save_pretrained('saved')")
    assert "is not ASCII" in done.stderr
    assert not (tmp_path / "saved").exists()
