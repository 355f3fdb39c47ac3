from acme_config import AcmeConfig


class TaggerConfig(AcmeConfig):
    model_type = "acme-tagger"

    def __init__(self, num_words: int = 100, width: int = 16, **kwargs):
        self.num_words = num_words
        self.width = width
        super().__init__(**kwargs)
