"""What comes along when a package is installed, as uv.lock has it."""

from __future__ import annotations

import pytest

from release_tools.environments import uv
from workspace_packages import ROOT

# Tensors, models and the libraries of the GPU, by the start of their distributions' names.
MODEL_SOFTWARE = (
    *("torch", "numpy", "timm", "safetensors", "transformers", "nvidia", "cuda", "triton", "pillow"),
    *("./packages/model-core", "./packages/resnet"),
)


def brought_by(distribution):
    """Return the lines of uv.lock that installing a distribution needs; siblings are paths of the workspace."""
    options = ("--frozen", "--package", distribution, "--no-editable", "--no-hashes", "--no-annotate", "--no-header")
    return uv("export", "--quiet", *options, cwd=ROOT).splitlines()


@pytest.mark.parametrize("distribution", ["config-core", "auto-registry", "hub-io"])
def test_packages_without_models_need_no_model_software(distribution):
    """A config, a registry or the Hub costs no torch, no numpy and no model's code."""
    lines = brought_by(f"pretrained-{distribution}")
    assert f"./packages/{distribution}" in lines
    assert [line for line in lines if line.startswith(MODEL_SOFTWARE)] == []


def test_model_software_is_seen_where_it_is_needed():
    """The test above could fail: for the models' own package the same search finds it."""
    lines = brought_by("pretrained-resnet")
    assert {"torch", "numpy", "timm"} <= {line.partition("==")[0] for line in lines}
    assert "./packages/model-core" in lines
