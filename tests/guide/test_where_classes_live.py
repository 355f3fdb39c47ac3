"""Wherever a class is written, its saved folder loads in another process; or saving says why not and writes nothing."""

from __future__ import annotations

import json

import pytest

CONFIG = """
class TinyConfig(PretrainedConfig):
    model_type = "tiny"

    def __init__(self, width: int = 3, **kwargs):
        self.width = width
        super().__init__(**kwargs)
"""
MODEL = """
class TinyModel(PreTrainedModel):
    config_class = TinyConfig

    def __init__(self, config):
        super().__init__(config)
        self.layer = make_layer(config.width)

    def forward(self, x):
        return scaled(self.layer(x))
"""
HELPERS = """
SCALE = 2.0

def make_layer(width):
    return torch.nn.Linear(width, width)

def scaled(x):
    return SCALE * x
"""
SAVE = """
TinyConfig.register_for_auto_class()
TinyModel.register_for_auto_class("AutoModel")
config = TinyConfig(width=4)
model = TinyModel(config).eval()
model.save_pretrained("saved")
x = torch.ones(1, 4)
torch.save({"x": x, "y": model(x).detach()}, "expected.pt")
"""
SCRIPT = f"""
import torch
from config_core import PretrainedConfig
from model_core import PreTrainedModel
{HELPERS}{CONFIG}{MODEL}
print("this program was run")
{SAVE}
"""
MODULE = f"""
import torch
from config_core import PretrainedConfig
from model_core import PreTrainedModel
{HELPERS}{CONFIG}{MODEL}
"""


def write(workplace, files):
    """Write the author's modules."""
    for name, content in files.items():
        path = workplace.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")


def load(user, author):
    """Load the folder by its path in another process; the output is the same, and the program was not run again."""
    printed = user.run(f"""
import torch
from auto_registry import AutoConfig, AutoModel
source = {str(author.folder / "saved")!r}
expected = torch.load({str(author.folder / "expected.pt")!r}, weights_only=True)
model = AutoModel.from_pretrained(source, trust_remote_code=True)
assert torch.equal(model(expected["x"]), expected["y"])
assert AutoConfig.from_pretrained(source, trust_remote_code=True).width == 4
model.save_pretrained("again")
again = AutoModel.from_pretrained("again", trust_remote_code=True)
assert torch.equal(again(expected["x"]), expected["y"])
""")
    assert "this program was run" not in printed


def saved_code(author):
    """Return the names of the saved source files, without that of the base classes."""
    folder = author.folder / "saved"
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*.py")} - {"pretrained_base.py"}


def test_script(author, user):
    """Classes of a script are saved with the helpers and constants they use, and without the program itself."""
    author.run(SCRIPT, name="train.py")
    load(user, author)
    assert saved_code(author) == {"train.py"}


def test_script_guarded_by_main(author, user):
    """What stands under `if __name__ == "__main__"` does not come along."""
    body = "".join(f"    {line}\n" for line in ('print("this program was run")', *SAVE.strip().splitlines()))
    author.run(f'{MODULE}\nif __name__ == "__main__":\n{body}', name="train.py")
    load(user, author)
    assert "save_pretrained" not in (author.folder / "saved" / "train.py").read_text(encoding="utf-8")


def test_notebook(author, user):
    """Cells are read from IPython, magics and all; later cells win over earlier ones."""
    cells = [
        "%config Completer.use_jedi = False",
        "import torch\nfrom config_core import PretrainedConfig\nfrom model_core import PreTrainedModel",
        'SCALE = 1.0\nprint("this program was run")',
        HELPERS,
        CONFIG,
        MODEL,
        SAVE,
    ]
    author.run(f"""
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
for cell in {cells!r}:
    shell.run_cell(cell, store_history=True).raise_error()
""")
    load(user, author)
    assert saved_code(author) == {"modeling_tiny.py"}


def test_flat_modules_beside_the_program(author, user):
    """Modules that import each other by plain names, as scripts do, find each other in the folder too."""
    write(
        author,
        {
            "layers.py": f"import torch\n{HELPERS}",
            "configuration_tiny.py": f"from config_core import PretrainedConfig\n{CONFIG}",
            "modeling_tiny.py": "from configuration_tiny import TinyConfig\nfrom layers import make_layer, scaled\n"
            f"from model_core import PreTrainedModel\n{MODEL}",
        },
    )
    author.run(f"import torch\nfrom modeling_tiny import TinyModel\nfrom configuration_tiny import TinyConfig\n{SAVE}")
    load(user, author)
    assert saved_code(author) == {"layers.py", "configuration_tiny.py", "modeling_tiny.py"}


def test_single_module(author, user):
    """Everything in one file."""
    write(author, {"tiny.py": MODULE})
    author.run(f"import torch\nfrom tiny import TinyConfig, TinyModel\n{SAVE}")
    load(user, author)
    assert saved_code(author) == {"tiny.py"}


@pytest.mark.parametrize(
    "helpers_import",
    [
        "from .layers.linear import make_layer, scaled",
        "from .layers import make_layer, scaled",
        "from . import layers; make_layer, scaled = layers.make_layer, layers.scaled",
        (
            'import importlib; layers = importlib.import_module(".layers.linear", __package__); '
            "make_layer, scaled = layers.make_layer, layers.scaled"
        ),
    ],
    ids=["module", "package", "from-dot", "import_module"],
)
def test_package_with_helper_modules_and_sub_packages(author, user, helpers_import):
    """Relative imports are followed, whatever their form, into sub-packages and what those import."""
    write(
        author,
        {
            "tiny/__init__.py": "",
            "tiny/layers/__init__.py": "from .linear import make_layer, scaled\n",
            "tiny/layers/linear.py": f"import torch\n{HELPERS}",
            "tiny/configuration_tiny.py": f"from config_core import PretrainedConfig\n{CONFIG}",
            "tiny/modeling_tiny.py": f"from model_core import PreTrainedModel\n{helpers_import}\n"
            f"from .configuration_tiny import TinyConfig\n{MODEL}",
            "tiny/unrelated.py": "raise SystemExit\n",
        },
    )
    author.run(
        "import torch\nfrom tiny.configuration_tiny import TinyConfig\n"
        f"from tiny.modeling_tiny import TinyModel\n{SAVE}"
    )
    load(user, author)
    assert saved_code(author) == {
        "configuration_tiny.py",
        "modeling_tiny.py",
        "layers/__init__.py",
        "layers/linear.py",
    }


def test_package_whose_parts_lie_in_sibling_folders(author, user):
    """`from ..shared import x` is followed up to the package's own folder."""
    write(
        author,
        {
            "library/__init__.py": "",
            "library/shared/__init__.py": "",
            "library/shared/layers.py": f"import torch\n{HELPERS}",
            "library/tiny/__init__.py": "",
            "library/tiny/configuration_tiny.py": f"from config_core import PretrainedConfig\n{CONFIG}",
            "library/tiny/modeling_tiny.py": "from model_core import PreTrainedModel\n"
            "from ..shared.layers import make_layer, scaled\n"
            f"from .configuration_tiny import TinyConfig\n{MODEL}",
        },
    )
    author.run(
        "import torch\nfrom library.tiny.configuration_tiny import TinyConfig\n"
        f"from library.tiny.modeling_tiny import TinyModel\n{SAVE}"
    )
    load(user, author)
    auto_map = json.loads((author.folder / "saved" / "config.json").read_text(encoding="utf-8"))["auto_map"]
    assert auto_map == {
        "AutoConfig": "tiny/configuration_tiny.TinyConfig",
        "AutoModel": "tiny/modeling_tiny.TinyModel",
    }


def test_class_in_the_init_of_a_package(author, user):
    """A small package may keep everything in its `__init__.py`."""
    write(author, {"tinypackage/__init__.py": MODULE})
    author.run(f"import torch\nfrom tinypackage import TinyConfig, TinyModel\n{SAVE}")
    load(user, author)
    assert saved_code(author) == {"tinypackage/__init__.py"}


def test_saving_into_the_folder_that_the_code_lives_in(author, user):
    """The code that is there already is written again, the same."""
    write(author, {"saved/tiny.py": MODULE})
    author.run(f"import sys, torch\nsys.path.insert(0, 'saved')\nfrom tiny import TinyConfig, TinyModel\n{SAVE}")
    load(user, author)
    assert (author.folder / "saved" / "tiny.py").read_text(encoding="utf-8") == MODULE


NO_SOURCE = f"""
import torch
from config_core import SourceCodeError
namespace = {{"__name__": "made_up"}}
exec({MODULE!r}, namespace)
TinyConfig, TinyModel = namespace["TinyConfig"], namespace["TinyModel"]
try:
{"".join(f"    {line}{chr(10)}" for line in SAVE.strip().splitlines())}
except SourceCodeError as error:
    print(error)
"""
INSIDE_A_FUNCTION = f"""
import torch
from config_core import PretrainedConfig, SourceCodeError
from model_core import PreTrainedModel
{HELPERS}
def make():
{"".join(f"    {line}{chr(10)}" for line in (CONFIG + MODEL).splitlines())}
    return TinyConfig, TinyModel

TinyConfig, TinyModel = make()
try:
{"".join(f"    {line}{chr(10)}" for line in SAVE.strip().splitlines())}
except SourceCodeError as error:
    print(error)
"""


@pytest.mark.parametrize(
    ("program", "message"),
    [(NO_SOURCE, "has no source file"), (INSIDE_A_FUNCTION, "defined inside 'make.<locals>'")],
    ids=["exec", "function"],
)
def test_class_without_source_is_refused_and_nothing_is_written(author, program, message):
    """The error says what to do, and there is no half of a checkpoint."""
    assert message in author.run(program)
    assert not (author.folder / "saved").exists()
