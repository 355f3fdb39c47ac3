import numpy as np
from auto_registry import AutoConfig, AutoModelForTimeSeriesPrediction

config = AutoConfig.for_model("acme-trend", window=4, dataset="sales")
model = AutoModelForTimeSeriesPrediction.from_config(config)
model.save_pretrained("sales-trend")

loaded = AutoModelForTimeSeriesPrediction.from_pretrained("sales-trend")
assert loaded.config == config
print(loaded(np.arange(10.0)))  # 7.5
