"""Small repositories in the style of what is published for transformers, and what is done with them.

The code lies in `repositories`, written by us after a study of which names such code imports and how. `make.py` runs
where transformers is installed: it makes a model of each, saves it, and keeps the outputs of the model in memory, which
are the oracle. `load.py` runs where transformers cannot be imported, loads the folders with our Auto classes, and
compares bit by bit.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    import torch

__all__ = ["STOCK", "Stock", "environment", "make_inputs", "run", "tensors_in"]

_HERE = Path(__file__).parent


class Stock(NamedTuple):
    """A checkpoint of the stock.

    Attributes:
        config: The config class, as `repository.module.Class`.
        model: The model class likewise.
        inputs: Name of an input to its shape; integers below the last number if it is given as `("int", shape, end)`.
        auto_class: The Auto class that loads it.
        fields: Fields of the config.
        dtype: What the model is converted to.
        layout: `transformers` if its `save_pretrained` writes the weights, with `shards`; `bin` or `safetensors` if
            they are written without it, because it refuses such classes.
        left_over: Further tensors in the checkpoint: name to shape.
    """

    config: str
    model: str
    inputs: dict[str, Any]
    auto_class: str = "AutoModel"
    fields: dict[str, Any] = {}  # noqa: RUF012 - never changed
    dtype: str = "float32"
    layout: str = "transformers"
    left_over: dict[str, tuple[int, ...]] = {}  # noqa: RUF012 - never changed


_IDS = ("int", (2, 10), 12)
_VIT = ("vit.configuration_vit_stock.StockVisionConfig", "vit.modeling_vit_stock.StockVisionModel")
_PICTURES = {"pixel_values": (2, 3, 16, 16)}
_PROTEIN = "protein.configuration_protein.ProteinConfig"
_LEFT_OVER = {f"layers.{number}.rotary_embeddings.inv_freq": (4,) for number in range(2)}
_TIED = ("tied_masked_lm.configuration_tied.TiedConfig", "tied_masked_lm.modeling_tied.TiedForMaskedLM")

_MODERN = "modern_encoder.configuration_modern.ModernEncoderConfig"
_MODERN_MODELS = "modern_encoder.modeling_modern.ModernEncoder"
_GUIDE = "guide.configuration_resnet.ResnetConfig"
_GUIDE_FIELDS = {"layers": [1, 1, 1, 1], "num_classes": 5, "stem_type": "deep", "avg_down": True, "stem_width": 16}

STOCK = {
    "the guide's ResNet": Stock(
        _GUIDE, "guide.modeling_resnet.ResnetModel", {"tensor": (1, 3, 64, 64)}, fields=_GUIDE_FIELDS
    ),
    "the guide's ResNet for image classification": Stock(
        _GUIDE, "guide.modeling_resnet.ResnetModelForImageClassification",
        {"tensor": (2, 3, 64, 64), "labels": ("int", (2,), 5)},
        auto_class="AutoModelForImageClassification", fields=_GUIDE_FIELDS,
    ),
    "timm vision": Stock(
        "timm_vision.configuration_timm_vision.TimmVisionConfig",
        "timm_vision.modeling_timm_vision.TimmVisionForImageClassification",
        {"pixel_values": (2, 3, 64, 64)},
        auto_class="AutoModelForImageClassification",
    ),
    "segmentation": Stock(
        "segmentation.MyConfig.SegmentationConfig", "segmentation.modeling_segmentation.SegmentationNet",
        {"x": (2, 3, 16, 16)},
    ),
    "vision transformer": Stock(*_VIT, _PICTURES, fields={"output_hidden_states": True}),
    "vision transformer in bfloat16": Stock(*_VIT, _PICTURES, dtype="bfloat16", fields={"norm_type": "layer_norm"}),
    "vision transformer in shards": Stock(*_VIT, _PICTURES, layout="shards"),
    "masked language model, tied by a list": Stock(
        *_TIED, {"input_ids": _IDS}, auto_class="AutoModelForMaskedLM", layout="safetensors"
    ),
    "masked language model, tied, both names in a pickle": Stock(
        *_TIED, {"input_ids": _IDS}, auto_class="AutoModelForMaskedLM", layout="bin"
    ),
    "sequence classifier": Stock(
        "classifier.configuration_classifier.ClassifierConfig",
        "classifier.modeling_classifier.ClassifierForSequenceClassification",
        {"input_ids": _IDS, "labels": ("int", (2,), 3)},
        auto_class="AutoModelForSequenceClassification",
        fields={"id2label": {0: "a", 1: "b", 2: "c"}, "problem_type": "single_label_classification", "unheard_of": 7},
    ),
    "protein": Stock(
        _PROTEIN, "protein.modeling_protein.ProteinModel", {"input_ids": _IDS},
        left_over={"embeddings.position_ids": (1, 64), **_LEFT_OVER}, layout="safetensors",
    ),
    "protein with a head": Stock(
        _PROTEIN, "protein.modeling_protein.ProteinForMaskedLM", {"input_ids": _IDS}, auto_class="AutoModelForMaskedLM",
        fields={"fold_config": {"width": 3}},
        left_over={f"protein.{name}": shape for name, shape in _LEFT_OVER.items()}, layout="safetensors",
    ),
    "DNA, long convolution": Stock(
        "dna_convolution.configuration_dna.DnaConfig", "dna_convolution.modeling_dna.DnaModel", {"input_ids": _IDS}
    ),
    "audio": Stock(
        "audio.configuration_audio.AudioConfig", "audio.modeling_audio.AudioForAudioClassification",
        {"input_values": (2, 1000)}, auto_class="AutoModelForAudioClassification", fields={"num_labels": 9},
    ),
    "time series": Stock(
        "time_series.configuration_series.SeriesConfig", "time_series.modeling_series.SeriesForPrediction",
        {"past_values": (2, 32, 3), "future_values": (2, 4, 3)}, layout="safetensors",
    ),
    "composite": Stock(
        "composite.configuration_composite.CompositeConfig", "composite.modeling_composite.CompositeModel",
        {"pixel_values": (2, 3, 16, 16), "input_ids": _IDS},
        fields={"llm_config": {"hidden_size": 20, "architectures": ["WordsModel"]}},
    ),
    "legacy": Stock(
        "legacy.configuration_legacy.LegacyConfig", "legacy.modeling_legacy.LegacyForMaskedLM",
        {"input_ids": _IDS, "attention_mask": ("int", (2, 10), 2)}, auto_class="AutoModelForMaskedLM", layout="bin",
        fields={"output_attentions": True},
    ),
    "subpackages": Stock(
        "subpackages.configuration_sub.SubConfig", "subpackages.modeling_sub.SubModel", {"features": (2, 5, 4)},
        layout="safetensors",
    ),
    "imports under other names": Stock(
        "alias_imports.configuration_alias.AliasConfig", "alias_imports.modeling_alias.AliasModel",
        {"features": (2, 5, 3)}, layout="safetensors",
    ),
    "half precision with layers kept": Stock(
        "own_output_half.configuration_half.HalfConfig", "own_output_half.modeling_half.HalfModel",
        {"features": (3, 5)}, dtype="float16",
    ),
    "layers with gradient checkpointing": Stock(
        "gradient_layers.configuration_layers.LayersConfig", "gradient_layers.modeling_layers_stock.LayersModel",
        {"inputs": (2, 7, 10)}, fields={"mode": "fancy"},
    ),
    "attention by name": Stock(
        "attention_interface.configuration_interface.InterfaceConfig",
        "attention_interface.modeling_interface.InterfaceModel", {"input_ids": _IDS},
    ),
    "modern encoder": Stock(
        _MODERN, f"{_MODERN_MODELS}Model", {"input_ids": _IDS, "attention_mask": ("int", (2, 10), 2)},
        fields={"output_hidden_states": True},
    ),
    "modern encoder, eager, with scaled positions": Stock(
        _MODERN, f"{_MODERN_MODELS}Model", {"input_ids": _IDS, "attention_mask": ("int", (2, 10), 2)},
        fields={
            "eager": True, "output_attentions": True, "output_hidden_states": True,
            "rope_parameters": {
                "full_attention": {"rope_type": "yarn", "factor": 4.0, "rope_theta": 100.0},
                "sliding_attention": {"rope_type": "linear", "factor": 2.0, "rope_theta": 10.0},
            },
        },
    ),
    "modern encoder, masked language model": Stock(
        _MODERN, f"{_MODERN_MODELS}ForMaskedLM", {"input_ids": _IDS, "labels": _IDS},
        auto_class="AutoModelForMaskedLM", fields={"output_hidden_states": True},
    ),
    "modern encoder, classifier": Stock(
        _MODERN, f"{_MODERN_MODELS}ForSequenceClassification", {"input_ids": _IDS, "labels": ("int", (2,), 4)},
        auto_class="AutoModelForSequenceClassification", fields={"num_labels": 4},
    ),
    "modern pair": Stock(
        "modern_pair.configuration_pair.PairConfig", "modern_pair.modeling_pair.PairModel",
        {"input_ids": _IDS, **_PICTURES},
        fields={
            "output_hidden_states": True, "vision_config": {"hidden_size": 8},
            "text_config": {"rope_scaling": {"type": "dynamic", "factor": 2.0}, "max_position_embeddings": 8},
        },
    ),
    "parts by specification": Stock(
        "parts_by_spec.configuration_captioner.CaptionerConfig", "parts_by_spec.modeling_captioner.CaptionerModel",
        {"input_ids": _IDS, **_PICTURES}, fields={"text_config": {"hidden_size": 10}, "audio_config": {"num_heads": 1}},
    ),
    "modern backbone": Stock(
        "modern_backbone.configuration_stages.StagesConfig", "modern_backbone.modeling_stages.StagesBackbone",
        _PICTURES, fields={"out_indices": [0, -1]},
    ),
    "a backbone that the code registers": Stock(
        "registered_backbone.configuration_backbone.WithBackboneConfig",
        "registered_backbone.modeling_backbone.WithBackboneModel", _PICTURES,
        fields={"vision_config": {"hidden_size": 6}},
    ),
    "from_pretrained of its own": Stock(
        "custom_loading.configuration_custom.CustomConfig", "custom_loading.modeling_custom.CustomModel",
        {"features": (2, 4)}, layout="safetensors", fields={"extra_losses": {"kind": "none"}},
    ),
}  # fmt: skip


def make_inputs(stock: Stock) -> dict[str, torch.Tensor]:
    """Return the inputs of a model."""
    import torch

    torch.manual_seed(7)
    inputs = {}
    for name, shape in stock.inputs.items():
        is_int = shape[0] == "int"
        inputs[name] = (
            torch.randint(0, shape[2], shape[1]) if is_int else torch.randn(shape).to(getattr(torch, stock.dtype))
        )
    return inputs


def tensors_in(output: Any) -> Iterator[torch.Tensor]:
    """Yield the tensors in the output of a model, in order."""
    import torch

    if isinstance(output, torch.Tensor):
        yield output
    elif isinstance(output, dict):
        for value in output.values():
            yield from tensors_in(value)
    elif isinstance(output, (list, tuple)):
        for value in output:
            yield from tensors_in(value)


def environment(**variables: str) -> dict[str, str]:
    """Return the environment of a process that finds this package."""
    paths = [str(_HERE.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "HF_HUB_OFFLINE": "1", **variables}


def run(program: str, *arguments: str | os.PathLike[str], **variables: str) -> str:
    """Run one of the programs of this package, and return what it prints.

    Args:
        program: `make` or `load`.
        *arguments: Its arguments.
        **variables: Environment variables to set.
    """
    done = subprocess.run(
        [sys.executable, "-m", f"transformers_stock.{program}", *map(str, arguments)],
        check=False, capture_output=True, encoding="utf-8", env=environment(**variables), timeout=600,
    )  # fmt: skip
    if done.returncode:
        raise AssertionError(done.stdout[-3000:] + done.stderr[-6000:])
    return done.stdout
