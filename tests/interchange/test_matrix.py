"""MATRIX.md says who loads what; it is what a run in fresh environments finds."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
import torch

import portable_authors
import transformers_stock
from fresh_environment import FreshEnvironment, build_wheels
from interchange_matrix import ABSENT, ENVIRONMENTS, PROGRAM, WAYS, page
from release_tools.environments import locked_versions
from workspace_packages import ROOT

pytest.importorskip("transformers", reason="makes the checkpoints; needs the dependency group `peers`")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

MATRIX = Path(__file__).with_name("MATRIX.md")
THEIRS, OURS = "sequence classifier", "labels"
AUTO_CLASSES = {
    "transformers": transformers_stock.STOCK[THEIRS].auto_class,
    "these packages": portable_authors.AUTO_CLASSES[OURS],
}


@pytest.fixture
def checkpoints(tmp_path):
    """A checkpoint of each library, by what its code was written for, with inputs and outputs beside it."""
    places = {"transformers": tmp_path / "theirs" / THEIRS, "these packages": tmp_path / "ours" / OURS}
    for place in places.values():
        place.parent.mkdir()
    transformers_stock.run("make", places["transformers"].parent, THEIRS)
    portable_authors.run("make", places["these packages"].parent)
    inputs = {
        "transformers": transformers_stock.make_inputs(transformers_stock.STOCK[THEIRS]),
        "these packages": [torch.arange(6).reshape(1, 6)],
    }
    for library, place in places.items():
        torch.save(inputs[library], place.with_suffix(".inputs"))
    return places


def test_matrix_is_what_was_found(checkpoints, hub, tmp_path):
    """Each way of loading, in each environment, from a folder and from the Hub; what is there gives the same bits."""
    build_wheels(tmp_path / "wheels")
    commits = {
        library: hub.create_repo(
            f"me/{folder.parent.name}", {path.name: path.read_bytes() for path in folder.iterdir()}
        )
        for library, folder in checkpoints.items()
    }
    found = {}
    for name, installed in ENVIRONMENTS.items():
        environment = FreshEnvironment.create(tmp_path / name, sys.executable)
        environment.install(installed, wheels=tmp_path / "wheels", constraints=locked_versions(ROOT))
        environ = {
            "HF_ENDPOINT": hub.url,
            "HF_HOME": str(tmp_path / f"home of {name}"),
            "HUB_IO_CACHE": str(tmp_path / f"cache of {name}"),
        }
        for way in WAYS:
            folder = checkpoints[way.written_for]
            given = (AUTO_CLASSES[way.written_for], folder.with_suffix(".inputs"), folder.with_suffix(".outputs"))
            sources = {"folder": (folder,), "Hub": (f"me/{folder.parent.name}", commits[way.written_for])}
            for place, source in sources.items():
                told = environment.run(PROGRAM, way.program, *given, *source, environ=environ)
                found[way, name, place] = told.splitlines()[-1]
    assert set(found.values()) == {"same bits", ABSENT, "needs transformers"}
    if os.environ.get("WRITE_MATRIX"):
        MATRIX.write_text(page(found), encoding="utf-8")
    assert MATRIX.read_text(encoding="utf-8") == page(found)
