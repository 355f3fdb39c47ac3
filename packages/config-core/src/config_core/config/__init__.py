"""`PretrainedConfig`: checked fields, as `config.json` and back."""

from config_core.config._config_json import ConfigFile, decode_config, read_config
from config_core.config._pretrained_config import (
    PreTrainedConfig,
    PretrainedConfig,
    config_class_named,
    drop_trust_options,
    has_written_init,
)
from config_core.config._problems import validate_config
from config_core.config._value_types import register_value_type

__all__ = [
    "ConfigFile",
    "PreTrainedConfig",
    "PretrainedConfig",
    "config_class_named",
    "decode_config",
    "drop_trust_options",
    "has_written_init",
    "read_config",
    "register_value_type",
    "validate_config",
]
