"""The code that a save writes is portable: its imports of these packages point to a file with the base classes."""

from __future__ import annotations

import subprocess
import sys

import pytest

from config_core.code import BASE_FILE, NotPortableError, is_base_file, portable_files

CONFIG = b"""from config_core import PretrainedConfig


class TinyConfig(PretrainedConfig):
    model_type = "tiny"
    width: int = 3
"""
PORTABLE = CONFIG.replace(b"from config_core import", b"from .pretrained_base import")


def portable(content):
    """Return one file as it is saved, without the file of base classes."""
    files = portable_files({"modeling_tiny.py": content})
    return files["modeling_tiny.py"]


def save(folder, options=""):
    """Save a config of a module in a fresh process, and return what was written and the warnings."""
    (folder / "configuration_tiny.py").write_bytes(CONFIG)
    program = f"""
from configuration_tiny import TinyConfig
TinyConfig.register_for_auto_class()
TinyConfig().save_pretrained("saved"{options})
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return {path.name: path.read_bytes() for path in (folder / "saved").iterdir()}, done.stderr


def test_a_save_writes_portable_code(tmp_path):
    """Beside the code lies the file with the base classes, and nothing is said."""
    files, said = save(tmp_path)
    assert files["configuration_tiny.py"] == PORTABLE
    assert is_base_file(files[BASE_FILE])
    assert said == ""


def test_code_is_copied_as_it_is_on_request(tmp_path):
    """With `portable=False` nothing in the code changes, and no file is added."""
    files, _ = save(tmp_path, ", portable=False")
    assert files["configuration_tiny.py"] == CONFIG
    assert BASE_FILE not in files


def test_the_file_of_base_classes_is_small_and_known():
    """It is short enough to read, ASCII, and its bytes are in the list of those that were ever written."""
    base = portable_files({"a.py": CONFIG})[BASE_FILE]
    assert len(base.splitlines()) < 250
    assert base.isascii()
    assert is_base_file(base)
    assert not is_base_file(base + b"\n")


REWRITTEN = {
    "from config_core import PretrainedConfig as C": "from .pretrained_base import PretrainedConfig as C",
    "from config_core.config import PreTrainedConfig": "from .pretrained_base import PreTrainedConfig",
    "from model_core import (  # x\n    PreTrainedModel,\n)": (
        "from .pretrained_base import (  # x\n    PreTrainedModel,\n)"
    ),
    "from \\\n  model_core import PreTrainedModel": "from \\\n  .pretrained_base import PreTrainedModel",
    "x = 'é'; from model_core import PreTrainedModel; y = 1": (
        "x = 'é'; from .pretrained_base import PreTrainedModel; y = 1"
    ),
    "import model_core\nmodel_core.PreTrainedModel": (
        "from .pretrained_base import module as model_core\nmodel_core.PreTrainedModel"
    ),
    "import torch, model_core as m, os.path as p": (
        "import torch; from .pretrained_base import module as m; import os.path as p"
    ),
    "def f():\n    from model_core import PreTrainedModel\n    return 1": (
        "def f():\n    from .pretrained_base import PreTrainedModel\n    return 1"
    ),
    "try:\n    from model_core import PreTrainedModel\nexcept ImportError:\n    raise": (
        "try:\n    from .pretrained_base import PreTrainedModel\nexcept ImportError:\n    raise"
    ),
    "import torch  # for model_core": "import torch  # for model_core",
    "TEXT = 'from model_core import PreTrainedModel'": "TEXT = 'from model_core import PreTrainedModel'",
}


@pytest.mark.parametrize(("before", "after"), REWRITTEN.items())
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_only_import_lines_change(before, after, line_end, mark):
    """Whatever else is in the file stays byte for byte: comments, line ends, a byte order mark."""
    shell = "import os\n\n{}\n\n\n# The end\tis  odd \n"
    sources = [mark + shell.format(text).replace("\n", line_end).encode() for text in (before, after)]
    assert portable(sources[0]) == sources[1]


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ("from config_core import open_checkpoint", "line 1 imports open_checkpoint from config_core"),
        ("from config_core import PretrainedConfig, SaveError", "line 1 imports SaveError from config_core"),
        ("from model_core.loading import load_weights", "imports load_weights from model_core.loading"),
        ("from config_core import *", r"imports \* from config_core"),
        ("import config_core.config", "imports config_core.config"),
        ("import model_core\nmodel_core.LoadReport", "line 2 uses model_core.LoadReport"),
        ("import model_core as m\nf(m)", "line 2 uses model_core"),
        ("from auto_registry import AutoModel", "imports AutoModel from auto_registry"),
        ("from resnet import ResnetModel", "imports ResnetModel from resnet"),
        ("import hub_io", "imports hub_io"),
        ("if TYPE_CHECKING:\n    from config_core import Checkpoint", "line 2 imports Checkpoint"),
    ],
)
def test_code_that_needs_more_is_refused_with_its_line(code, problem):
    """The file of base classes stands in for the base classes, and for nothing else."""
    with pytest.raises(NotPortableError, match=problem):
        portable(code.encode())


def test_code_in_sub_folders_is_not_portable():
    """Code of transformers lies in one folder."""
    with pytest.raises(NotPortableError, match="sub-folder"):
        portable_files({"parts/block.py": b"", "modeling_tiny.py": CONFIG})


def test_flat_modules_that_import_each_other_absolutely_are_not_portable():
    """A relative import in the file would turn its absolute ones into those of installed packages."""
    model = b"from model_core import PreTrainedModel\nfrom configuration_tiny import TinyConfig\n"
    with pytest.raises(NotPortableError, match="line 2 imports configuration_tiny"):
        portable_files({"configuration_tiny.py": CONFIG, "modeling_tiny.py": model})


def test_another_file_of_that_name_is_not_replaced():
    """An author may have one."""
    with pytest.raises(NotPortableError, match="of its own"):
        portable_files({BASE_FILE: b"x = 1\n", "modeling_tiny.py": CONFIG})


def test_portable_code_stays_the_same():
    """Code that was taken from a checkpoint into a project is saved with the same bytes, and one such file."""
    files = portable_files({"modeling_tiny.py": CONFIG})
    assert portable_files(files) == files
    more = portable_files({**files, "modeling_more.py": CONFIG})
    assert more == {**files, "modeling_more.py": PORTABLE}


def test_a_save_says_that_code_is_not_portable(tmp_path):
    """It is saved as it is, with a warning that names the line and the way to silence it."""
    (tmp_path / "configuration_more.py").write_text(
        "from config_core import PretrainedConfig, SaveError\n\n\n"
        "class MoreConfig(PretrainedConfig):\n    model_type = 'more'\n",
        encoding="utf-8",
    )
    program = """
from configuration_more import MoreConfig
MoreConfig.register_for_auto_class()
MoreConfig().save_pretrained("saved")
MoreConfig().save_pretrained("silent", portable=False)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=True
    )
    assert done.stderr.count("is saved as it is") == 1
    assert "configuration_more.py line 1 imports SaveError from config_core" in done.stderr
    assert "portable=False" in done.stderr
    saved = (tmp_path / "saved" / "configuration_more.py").read_bytes()
    assert saved == (tmp_path / "configuration_more.py").read_bytes()


def test_classes_of_an_installed_base_library_are_not_portable(tmp_path):
    """Its base class stays one of these packages, so transformers would not accept the class: the save says so."""
    (tmp_path / "acme_config").mkdir()
    (tmp_path / "acme_config" / "__init__.py").write_bytes(CONFIG)
    (tmp_path / "acme_trend").mkdir()
    (tmp_path / "acme_trend" / "__init__.py").touch()
    (tmp_path / "acme_trend" / "configuration_trend.py").write_text(
        "from acme_config import TinyConfig\n\n\nclass TrendConfig(TinyConfig):\n    model_type = 'trend'\n",
        encoding="utf-8",
    )
    program = """
from acme_trend.configuration_trend import TrendConfig
TrendConfig.register_for_auto_class()
TrendConfig().save_pretrained("saved")
TrendConfig().save_pretrained("silent", portable=False)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=True
    )
    assert done.stderr.count("is saved as it is") == 1
    assert "TrendConfig derives from acme_config.TinyConfig, which is not saved with it" in done.stderr
    assert {path.name for path in (tmp_path / "saved").iterdir()} == {"config.json", "configuration_trend.py"}


def test_a_base_class_that_is_saved_too_is_portable(tmp_path):
    """A program in a package may derive its class from one in a module beside it, and nothing is said."""
    (tmp_path / "acme").mkdir()
    (tmp_path / "acme" / "__init__.py").touch()
    (tmp_path / "acme" / "configuration_tiny.py").write_bytes(CONFIG)
    (tmp_path / "acme" / "train.py").write_text(
        "from .configuration_tiny import TinyConfig\n\n\nclass OwnConfig(TinyConfig):\n    model_type = 'own'\n\n\n"
        "OwnConfig.register_for_auto_class()\nOwnConfig().save_pretrained('saved')\n",
        encoding="utf-8",
    )
    done = subprocess.run(
        [sys.executable, "-m", "acme.train"], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=True
    )
    assert done.stderr == ""
    assert BASE_FILE in {path.name for path in (tmp_path / "saved").iterdir()}


def test_the_classes_of_a_script_are_portable(tmp_path):
    """What is cut out of a program is treated like a module."""
    program = CONFIG.decode() + "\n\nTinyConfig.register_for_auto_class()\nTinyConfig().save_pretrained('saved')\n"
    (tmp_path / "train.py").write_text(program, encoding="utf-8")
    subprocess.run([sys.executable, "train.py"], cwd=tmp_path, timeout=120, check=True)
    assert (tmp_path / "saved" / "train.py").read_bytes().startswith(b"from .pretrained_base import PretrainedConfig")
    assert is_base_file((tmp_path / "saved" / BASE_FILE).read_bytes())


def test_older_transformers_is_told_which_version_the_code_needs(tmp_path):
    """Not by an attribute that is missing somewhere while a model is made."""
    code = tmp_path / "transformers_modules" / "saved" / "pretrained_base.py"
    code.parent.mkdir(parents=True)
    code.write_bytes(portable_files({"a.py": CONFIG})[BASE_FILE])
    (tmp_path / "transformers.py").write_text(
        "__version__ = '4.57.6'\nclass PretrainedConfig: pass\n", encoding="utf-8"
    )
    program = "import sys; sys.path.insert(0, sys.argv[1]); import transformers_modules.saved.pretrained_base"
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], check=False, capture_output=True, encoding="utf-8", timeout=60
    )
    assert "ImportError: This code needs transformers 5 or later, not 4.57.6" in done.stderr
