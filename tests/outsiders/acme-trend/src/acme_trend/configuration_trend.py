from acme_config import AcmeConfig


class TrendConfig(AcmeConfig):
    model_type = "acme-trend"

    def __init__(self, window: int = 8, **kwargs):
        self.window = window
        super().__init__(**kwargs)
