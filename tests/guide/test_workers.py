"""A model of remote code in the workers that train it: they find its code by digest, and nobody else runs it."""

from __future__ import annotations

# Each worker holds a dataset with the model in it, which it gets by pickle since it is spawned.
PROGRAM = """
import sys
import torch
from torch.utils.data import DataLoader, Dataset


class Classified(Dataset):
    def __init__(self, model):
        self.model = model

    def __len__(self):
        return 4

    def __getitem__(self, index):
        image = torch.full((1, 3, 32, 32), float(index))
        with torch.inference_mode():
            return self.model(image)["logits"][0], type(self.model).__module__, "resnet_model" in sys.modules


if __name__ == "__main__":
    from auto_registry import AutoModelForImageClassification
    from resnet_model.configuration_resnet import ResnetConfig
    from resnet_model.modeling_resnet import ResnetModelForImageClassification

    ResnetConfig.register_for_auto_class()
    ResnetModelForImageClassification.register_for_auto_class("AutoModelForImageClassification")
    config = ResnetConfig(block_type="basic", layers=[1, 1, 1, 1], num_classes=2, base_width=64)
    ResnetModelForImageClassification(config).save_pretrained("saved")

    model = AutoModelForImageClassification.from_pretrained("saved", trust_remote_code=True)
    data = Classified(model)
    batches = list(DataLoader(data, batch_size=2, num_workers=2, multiprocessing_context="spawn"))
    expected = torch.stack([data[index][0] for index in range(4)])
    assert torch.allclose(torch.cat([logits for logits, _, _ in batches]), expected, atol=1e-5)
    assert {name for _, names, _ in batches for name in names} == {type(model).__module__}
    assert not any(any(original) for _, _, original in batches)
    print(type(model).__module__)
"""


def test_spawned_workers_of_a_data_loader_use_a_remote_model(author):
    """The grant of the process that trusted the code is inherited by the workers that it starts."""
    assert author.run(PROGRAM).startswith("hub_io.remote.")
