from config_core import PretrainedConfig


class AcmeConfig(PretrainedConfig, extra="forbid"):
    """Base class of Acme's configs: unknown keywords are errors, and every config names its data set."""

    def __init__(self, dataset: str = "unknown", **kwargs):
        self.dataset = dataset
        super().__init__(**kwargs)

    def validate(self):
        super().validate()
        if not self.dataset.isidentifier():
            raise ValueError(f"{self.dataset!r} is not the name of a data set")
