import copy

from transformers.configuration_utils import PretrainedConfig
from transformers.utils import logging

logger = logging.get_logger(__name__)


class PictureConfig(PretrainedConfig):
    model_type = "stock_picture"

    def __init__(self, hidden_size=8, patch_size=4, num_hidden_layers=1, **kwargs):
        super().__init__(**kwargs)
        self.hidden_size = hidden_size
        self.patch_size = patch_size
        self.num_hidden_layers = num_hidden_layers


class WordsConfig(PretrainedConfig):
    model_type = "stock_words"

    def __init__(self, vocab_size=20, hidden_size=12, **kwargs):
        super().__init__(**kwargs)
        self.vocab_size = vocab_size
        self.hidden_size = hidden_size


class CompositeConfig(PretrainedConfig):
    model_type = "stock_composite"
    is_composition = True

    def __init__(self, vision_config=None, llm_config=None, select_layer=-1, downsample_ratio=0.5, **kwargs):
        super().__init__(**kwargs)
        if vision_config is None:
            vision_config = {"architectures": ["PictureModel"]}
            logger.info("vision_config is None. Initializing the PictureConfig with default values.")
        if llm_config is None:
            llm_config = {"architectures": ["WordsModel"]}
        self.vision_config = PictureConfig(**vision_config)
        self.llm_config = WordsConfig(**llm_config)
        self.select_layer = select_layer
        self.downsample_ratio = downsample_ratio

    def to_dict(self):
        output = copy.deepcopy(self.__dict__)
        output["vision_config"] = self.vision_config.to_dict()
        output["llm_config"] = self.llm_config.to_dict()
        output["model_type"] = self.__class__.model_type
        output["select_layer"] = self.select_layer
        return output
