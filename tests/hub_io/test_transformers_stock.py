"""Repositories written for transformers load where it is not installed, and compute the same bits.

The oracle is the model in memory before it was saved, never transformers' own loading.
"""

from __future__ import annotations

import json

import pytest

from transformers_stock import STOCK, run

pytest.importorskip("transformers", reason="makes the checkpoints; needs the dependency group `peers`")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The checkpoints, made by transformers."""
    folder = tmp_path_factory.mktemp("stock")
    run("make", folder)
    return folder


@pytest.fixture(scope="module")
def results(folder):
    """How the loaded models compare, from a process in which transformers cannot be imported."""
    return json.loads(run("load", folder, HUB_IO_CACHE=str(folder / "cache")).splitlines()[-1])


@pytest.mark.parametrize("name", STOCK)
def test_loaded_model_computes_the_same_bits(results, name):
    """Read into memory or mapped, the outputs are those of the model that was saved."""
    result = results[name]
    assert "error" not in result, result["error"]
    assert (result["copy"], result["mmap"]) == (True, True), result


def test_transformers_stays_out_of_the_process(results):
    """Nothing is put under its name, so the rest of the program sees what is installed."""
    assert results["transformers in sys.modules"] is False
