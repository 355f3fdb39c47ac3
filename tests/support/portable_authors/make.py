"""Save the author's models: `python -m portable_authors.make FOLDER`."""

from __future__ import annotations

import sys
from pathlib import Path

import torch

from portable_authors.wide import configuration_wide as configs
from portable_authors.wide import modeling_wide as models

IDS = torch.arange(6).reshape(1, 6)
CASES = {
    "parts of configs": (models.WideModel, {"width": 6, "part": {"width": 5}, "rates": (0.1, 0.2, 0.3)}),
    "declared ties": (models.WideForMaskedLM, {"small": {"size": 9}, "beside": 0.75}),
    "ties declared as a list": (models.WideListTied, {}),
    "ties of its own": (models.WideOwnTies, {}),
    "labels": (models.WideForSequenceClassification, {"id2label": {0: "a", 1: "b", 2: "c"}, "num_classes": 3}),
    "a new default": (models.WiderModel, {}),
    "fields in the body": (models.BodyModel, {"num_labels": 4}),
    "annotated fields": (
        models.TypedModel,
        {
            "part": {"scale": "two", "scales": {1: "two"}, "ranges": [(1, 2)]},
            "either": configs.PartConfig(width=7),
            "parts": [configs.PartConfig(width=3), configs.ScaledPartConfig(width=2)],
        },
    ),
}


def main(folder: Path) -> None:
    """Make, save and run a model of each case."""
    from portable_authors import AUTO_CLASSES

    for name, (cls, fields) in CASES.items():
        config_class = models.BodyConfig if cls is models.BodyModel else cls.config_class
        cls.register_for_auto_class(AUTO_CLASSES[name])
        torch.manual_seed(1)
        model = cls(config_class(**fields)).eval()
        model.tie_weights()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(torch.randn(parameter.shape) * 0.1)
        save(model, folder / name)
    torch.manual_seed(1)
    model = models.WideModel(configs.WideConfig()).eval()
    model.save_pretrained(folder / "a missing head")
    whole = models.WideForSequenceClassification(configs.WideConfig()).eval()
    whole.body.load_state_dict(model.state_dict())
    torch.save(whole(IDS), folder / "a missing head.outputs")


def save(model: torch.nn.Module, folder: Path) -> None:
    """Save a model and its outputs."""
    model.save_pretrained(folder)
    torch.save(model(IDS), folder.with_suffix(".outputs"))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
