from transformers import PretrainedConfig


class ClassifierConfig(PretrainedConfig):
    model_type = "stock_classifier"
    keys_to_ignore_at_inference = ["past_key_values"]

    def __init__(self, vocab_size=50, hidden_size=12, classifier_dropout=None, layer_norm_eps: float = 1e-5, **kwargs):
        super().__init__(**kwargs)
        self.vocab_size = vocab_size
        self.hidden_size = hidden_size
        self.classifier_dropout = classifier_dropout
        self.layer_norm_eps = layer_norm_eps
