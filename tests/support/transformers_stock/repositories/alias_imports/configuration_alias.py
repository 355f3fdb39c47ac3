import transformers as t
import transformers.utils.logging

log = transformers.utils.logging.get_logger(__name__)


class AliasConfig(t.PretrainedConfig):
    model_type = "stock_alias"

    def __init__(self, width=6, labels=("a", "b"), **kwargs):
        super().__init__(**kwargs)
        self.width = width
        self.labels = labels
        log.debug("made")
