"""The main job in one command, as a user runs it, and its parts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from PIL import Image

from resnet import MissingExtraError
from resnet.__main__ import main
from resnet.quickstart import run_quickstart
from resnet.quickstart.digits import load_digits
from resnet.quickstart.picture import draw_sheet
from resnet.quickstart.printed_steps import code_lines


def run(*arguments, cwd, **environment):
    """Run a program in a fresh process elsewhere and return how it ended."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )


def accuracy(output):
    """Return the share of held-out digits that the quickstart says were read rightly."""
    (line,) = (line for line in output.splitlines() if line.endswith("% correct"))
    return float(line.split("%")[0]) / 100


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A whole quickstart with the defaults: how it ended, and the folder it ran in."""
    folder = tmp_path_factory.mktemp("quickstart")
    return run("-m", "resnet", "quickstart", cwd=folder), folder


def test_command_reads_held_out_digits(finished):
    """It ends well, and at least 97 % of digits that the training never saw are read rightly."""
    done, _ = finished
    assert done.returncode == 0, done.stderr
    assert accuracy(done.stdout) >= 0.97


def test_command_shows_its_progress(finished):
    """A bar runs to its end while the model trains."""
    done, _ = finished
    assert "training: 100%" in done.stderr


def test_command_leaves_a_checkpoint_with_its_code(finished):
    """Config, weights and the two source files, with every class of theirs in `auto_map`."""
    _, folder = finished
    checkpoint = folder / "quickstart-output" / "digits-resnet"
    saved = {path.name for path in checkpoint.iterdir()}
    code = {"configuration_resnet.py", "modeling_resnet.py", "pretrained_base.py"}
    assert saved == {"config.json", "model.safetensors", *code}
    assert json.loads((checkpoint / "config.json").read_text(encoding="utf-8"))["auto_map"] == {
        "AutoConfig": "configuration_resnet.ResnetConfig",
        "AutoModel": "modeling_resnet.ResnetModel",
        "AutoModelForImageClassification": "modeling_resnet.ResnetModelForImageClassification",
    }


def test_command_leaves_a_picture(finished):
    """A sheet of digits that an image viewer opens."""
    _, folder = finished
    with Image.open(folder / "quickstart-output" / "digits.png") as picture:
        picture.load()
        assert picture.format == "PNG"
        assert min(picture.size) > 300


def test_fresh_process_runs_the_checkpoints_own_code(finished):
    """The class that classifies comes out of the folder, and not out of the installed package."""
    done, _ = finished
    assert "of hub_io.remote." in done.stdout
    assert ".modeling_resnet\n" in done.stdout


def test_output_teaches_the_code(finished):
    """Each step shows the lines that a reader would write."""
    done, _ = finished
    for line in (
        "model = ResnetModelForImageClassification(config)",
        'loss = model(images, labels=labels)["loss"]',
        "loss.backward()",
        "ResnetConfig.register_for_auto_class()",
        "model.save_pretrained(folder)",
        "model = AutoModelForImageClassification.from_pretrained(source, trust_remote_code=True)",
        'predictions = model(images)["logits"].argmax(dim=1)',
    ):
        assert f"    {line}\n" in done.stdout
    assert "return" not in done.stdout


def test_folder_serves_a_process_without_this_package(finished):
    """Somebody who knows the folder alone loads it by name; `resnet` is not even imported."""
    _, folder = finished
    program = (
        "import sys; from auto_registry import AutoModel\n"
        "model = AutoModel.from_pretrained('quickstart-output/digits-resnet', trust_remote_code=True)\n"
        "print(type(model).__name__, 'resnet' in sys.modules)"
    )
    done = run("-c", program, cwd=folder)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["ResnetModel", "False"]


@pytest.mark.slow
def test_command_goes_through_the_hub(hub, tmp_path):
    """`--push-to` uploads the checkpoint in one commit, and the fresh process loads it from there."""
    done = run(
        *("-m", "resnet", "quickstart", "--push-to", "me/digits", "--output-dir", "out"),
        cwd=tmp_path,
        HF_TOKEN=hub.token("me"),
    )
    assert done.returncode == 0, done.stderr
    assert accuracy(done.stdout) >= 0.97
    assert "from_pretrained(source, revision=commit, trust_remote_code=True)" in done.stdout
    assert "Warning" not in done.stderr
    pushed = hub.files("me/digits")
    assert {"config.json", "model.safetensors", "configuration_resnet.py", "modeling_resnet.py"} <= pushed.keys()
    assert len([request for request in hub.requests if "/commit/" in request.path]) == 1
    assert any("/xet-write-token/" in request.path for request in hub.requests)
    assert any("/xet-read-token/" in request.path for request in hub.requests)
    assert "of hub_io.remote.me_digits" in done.stdout
    assert (tmp_path / "out" / "digits.png").is_file()


@pytest.mark.parametrize(
    "case",
    [
        ("me/digits", None, "token"),
        ("me/digits", "you", "belongs to 'you', who may push to you/"),
        ("m e/digits", "me", "m e/digits"),
    ],
)
def test_upload_that_would_be_refused_is_refused_before_the_training(hub, tmp_path, capsys, monkeypatch, case):
    """It is one line at once, and not the end of a long program."""
    target, account, problem = case
    monkeypatch.delenv("HF_TOKEN", raising=False)
    if account is not None:
        monkeypatch.setenv("HF_TOKEN", hub.token(account))
    assert main(["quickstart", "--push-to", target, "--output-dir", str(tmp_path / "out")]) == 2
    said = capsys.readouterr()
    assert said.err.startswith("resnet: ")
    assert problem in said.err
    assert said.out == ""
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_too_little_training_fails(tmp_path):
    """A model that reads fewer than 97 % rightly ends the command with an error that says so."""
    done = run("-m", "resnet", "quickstart", "--epochs", "1", cwd=tmp_path)
    assert done.returncode == 1
    assert accuracy(done.stdout) < 0.97
    assert "below 97%: train for more epochs" in done.stderr


def test_missing_extra_is_named(tmp_path, monkeypatch, capsys):
    """Without the extra's packages the command says what to install, before it does anything."""
    for name in ("sklearn", "tqdm"):
        monkeypatch.setitem(sys.modules, name, None)  # Python's own way to say that a module cannot be imported
    assert main(["quickstart", "--output-dir", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert "needs sklearn, tqdm" in error
    assert "pip install 'pretrained-resnet[quickstart]'" in error
    assert list(tmp_path.iterdir()) == []


def test_missing_extra_is_an_import_error(tmp_path, monkeypatch):
    """From Python it is ours and the builtin at once, and lists what is missing."""
    monkeypatch.setitem(sys.modules, "hub_io", None)
    with pytest.raises(MissingExtraError) as refused:
        run_quickstart(tmp_path)
    assert isinstance(refused.value, ImportError)
    assert refused.value.missing == ("hub_io",)


def test_unwritable_folder_is_named(tmp_path, capsys):
    """A place that cannot hold a folder is an error before any training."""
    taken = tmp_path / "taken"
    taken.write_text("", encoding="utf-8")
    assert main(["quickstart", "--output-dir", str(taken)]) == 2
    output = capsys.readouterr()
    assert str(taken) in output.err
    assert output.out == ""


@pytest.mark.parametrize(
    ("source", "picture", "problem"),
    [
        ("./absent", "digits.png", "The folder './absent' does not exist"),
        ("quickstart-output/digits-resnet", "absent/digits.png", "No such file or directory: "),
    ],
)
def test_failure_of_the_second_half_is_one_line(finished, source, picture, problem):
    """The process that loads and classifies ends as the command does."""
    done = run("-P", "-m", "resnet.quickstart.classification", source, "--picture", picture, cwd=finished[1])
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("resnet: ")
    assert problem in line


@pytest.mark.slow
def test_failure_of_the_second_half_is_the_commands(tmp_path):
    """The command says nothing more after that line, and ends with that exit status."""
    (tmp_path / "out" / "digits.png").mkdir(parents=True)
    done = run("-m", "resnet", "quickstart", "--output-dir", "out", "--epochs", "1", cwd=tmp_path)
    assert done.returncode == 2
    (line,) = (line for line in done.stderr.splitlines() if line and not line.startswith("training:"))
    assert line.startswith("resnet: ")
    assert "Is a directory: " in line
    assert line.endswith(f"{Path('out', 'digits.png')}'")


@pytest.mark.parametrize(
    "arguments", [[], ["classify"], ["quickstart", "--epochs", "0"], ["quickstart", "--epochs", "x"]]
)
def test_wrong_command_line_is_refused(arguments, capsys):
    """Argparse's own usage, exit status 2."""
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    assert "usage: resnet" in capsys.readouterr().err


def test_split_is_stratified_and_disjoint():
    """1,797 digits, a quarter held out, each digit's share the same to one picture."""
    digits = load_digits()
    assert digits.train_images.shape == (1347, 1, 32, 32)
    assert digits.test_images.shape == (450, 1, 32, 32)
    train, test = digits.train_labels.bincount(), digits.test_labels.bincount()
    assert ((train + test) / 4 - test).abs().max() <= 1


def test_split_is_the_same_every_time():
    """Two processes must agree on what was held out."""
    assert torch.equal(load_digits().test_images, load_digits().test_images)


def test_code_lines_are_the_body_of_a_function():
    """Neither the docstring nor `return` teaches anything."""
    assert code_lines(accuracy) == '(line,) = (line for line in output.splitlines() if line.endswith("% correct"))'


def test_sheet_shows_misread_digits_first():
    """The one wrong digit of fifty is in the first place, in red."""
    labels = torch.arange(50) % 10
    predictions = labels.clone()
    predictions[49] = 0
    sheet = draw_sheet(-torch.ones(50, 1, 32, 32), labels, predictions)
    first, second = sheet.crop((0, 72, 72, 96)), sheet.crop((72, 72, 144, 96))
    assert is_red(first)
    assert not is_red(second)


def is_red(image):
    """Return whether a picture has a pixel that is much more red than green."""
    levels = image.tobytes()
    return any(red > green + 100 for red, green in zip(levels[0::3], levels[1::3], strict=True))


@pytest.mark.slow
def test_folder_may_hold_a_program_of_the_packages_name(tmp_path):
    """The process that loads the checkpoint finds the package, and not what lies in the user's folder."""
    (tmp_path / "resnet.py").write_text("raise SystemExit('this is not the package')\n", encoding="utf-8")
    done = run("-P", Path(sys.executable).with_name("resnet"), "quickstart", "--epochs", "1", cwd=tmp_path)
    assert accuracy(done.stdout) < 0.97, done.stderr
