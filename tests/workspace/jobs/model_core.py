"""A few lines of what model_core is for: weights that are saved, in one file and in shards, and loaded unchanged."""

from __future__ import annotations

import torch

from config_core import PretrainedConfig
from model_core import PreTrainedModel


class ProbeConfig(PretrainedConfig):
    model_type = "probe"

    def __init__(self, hidden_size: int = 8, **kwargs) -> None:
        self.hidden_size = hidden_size
        super().__init__(**kwargs)


class ProbeModel(PreTrainedModel):
    config_class = ProbeConfig

    def __init__(self, config: ProbeConfig) -> None:
        super().__init__(config)
        self.first = torch.nn.Linear(config.hidden_size, config.hidden_size)
        self.second = torch.nn.Linear(config.hidden_size, config.hidden_size)
        self.second.weight = self.first.weight  # tied
        self.norm = torch.nn.BatchNorm1d(config.hidden_size)

    def forward(self, tensor: torch.Tensor) -> torch.Tensor:
        return self.norm(self.second(self.first(tensor)))


model = ProbeModel(ProbeConfig(hidden_size=16)).eval()
batch = torch.rand(4, 16)
for folder, options in {"whole": {}, "shards": {"max_shard_size": "500B"}}.items():
    model.save_pretrained(folder, **options)
    loaded = ProbeModel.from_pretrained(folder)
    assert torch.equal(loaded(batch), model(batch))
    assert loaded.second.weight is loaded.first.weight

half = ProbeModel.from_pretrained("whole", dtype=torch.bfloat16)
assert half.first.weight.dtype == torch.bfloat16
half.save_pretrained("half")
assert ProbeModel.from_pretrained("half").first.weight.dtype == torch.bfloat16
