import torch
from auto_registry import AutoConfig, AutoModelForTokenClassification

config = AutoConfig.for_model("acme-tagger", dataset="streets", id2label={0: "other", 1: "street"})
model = AutoModelForTokenClassification.from_config(config).eval()
model.save_pretrained("street-tagger")

loaded = AutoModelForTokenClassification.from_pretrained("street-tagger")
words = torch.tensor([[1, 2, 3]])
assert loaded.config.dataset == "streets"
assert torch.equal(loaded(words)["logits"], model(words)["logits"])
