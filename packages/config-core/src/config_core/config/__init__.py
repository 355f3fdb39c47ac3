"""`PretrainedConfig`: checked fields, as `config.json` and back."""

from config_core.config._config_json import ConfigFile, decode_config, read_config
from config_core.config._pretrained_config import PreTrainedConfig, PretrainedConfig, drop_trust_options
from config_core.config._problems import validate_config
from config_core.config._value_types import register_value_type

__all__ = [
    "ConfigFile",
    "PreTrainedConfig",
    "PretrainedConfig",
    "decode_config",
    "drop_trust_options",
    "read_config",
    "register_value_type",
    "validate_config",
]
