"""What the extra `transformers` is for: trusted code enters its Auto classes, which then load without another word."""

from __future__ import annotations

import json
from pathlib import Path

import transformers

from hub_io import load_into_transformers

saved = Path("saved-for-transformers")
saved.mkdir()
(saved / "configuration_theirs.py").write_text(
    """
from transformers import PretrainedConfig


class TheirConfig(PretrainedConfig):
    model_type = "theirs-probe"

    def __init__(self, hidden_size=8, **kwargs):
        self.hidden_size = hidden_size
        super().__init__(**kwargs)
""",
    encoding="utf-8",
)
(saved / "config.json").write_text(
    json.dumps(
        {
            "model_type": "theirs-probe",
            "hidden_size": 16,
            "auto_map": {"AutoConfig": "configuration_theirs.TheirConfig"},
        }
    ),
    encoding="utf-8",
)

(saved / "tokenization_theirs.py").write_text(
    """
from transformers import PreTrainedTokenizer


class TheirTokenizer(PreTrainedTokenizer):
    vocab_size = 2

    def get_vocab(self):
        return {"a": 0, "b": 1}

    def _tokenize(self, text):
        return list(text)

    def _convert_token_to_id(self, token):
        return "ab".index(token)

    def build_inputs_with_special_tokens(self, token_ids_0, token_ids_1=None):
        return token_ids_0
""",
    encoding="utf-8",
)
(saved / "tokenizer_config.json").write_text(
    json.dumps(
        {
            "tokenizer_class": "TheirTokenizer",
            "auto_map": {"AutoTokenizer": ["tokenization_theirs.TheirTokenizer", None]},
        }
    ),
    encoding="utf-8",
)

load_into_transformers(saved, trust_remote_code=True)
config = transformers.AutoConfig.from_pretrained(saved)
assert type(config).__name__ == "TheirConfig"
assert config.hidden_size == 16
assert transformers.AutoTokenizer.from_pretrained(saved)("ba")["input_ids"] == [1, 0]
