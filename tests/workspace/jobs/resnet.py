"""A few lines of what resnet is for: a ResNet that is configured, trained for a step, saved and loaded."""

from __future__ import annotations

import torch

from resnet import ResnetConfig, ResnetModelForImageClassification

config = ResnetConfig(block_type="basic", layers=[1, 1, 1, 1], num_classes=3, stem_width=16, stem_type="deep")
model = ResnetModelForImageClassification(config)
images, labels = torch.rand(4, 3, 64, 64), torch.tensor([0, 1, 2, 0])
model(images, labels=labels)["loss"].backward()
assert all(parameter.grad is not None for parameter in model.parameters())

model.eval().save_pretrained("probe")
loaded = ResnetModelForImageClassification.from_pretrained("probe")
assert torch.equal(loaded(images)["logits"], model(images)["logits"])
