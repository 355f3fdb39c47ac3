"""Options that users know from transformers, and mistyped ones, in loads by an Auto class."""

from __future__ import annotations

import pytest

from auto_registry import AutoConfig, AutoModel
from config_core import UnknownOptionError


@pytest.mark.parametrize("auto_class", [AutoConfig, AutoModel])
@pytest.mark.parametrize(
    ("name", "value", "advice"),
    [
        ("use_auth_token", "hf_secret", "Pass token="),
        ("proxies", {"https": "x"}, "HTTPS_PROXY"),
        ("mirror", "tuna", "HF_ENDPOINT"),
        ("_commit_hash", "abc", "revision="),
    ],
)
def test_option_for_the_hub_is_explained_before_the_hub_is_asked(auto_class, name, value, advice):
    """A private repository would be reported as missing."""
    with pytest.raises(UnknownOptionError, match=f"^{name}=.* is not supported.*{advice}") as caught:
        auto_class.from_pretrained("owner/name", **{name: value})
    assert "hf_secret" not in str(caught.value)


def test_option_that_asks_for_nothing_is_accepted(aviary, write_checkpoint):
    """Neither the config nor the model class gets to see it."""
    folder = write_checkpoint(model_type="parrot", size=5)
    nothing = {"use_auth_token": None, "proxies": None, "resume_download": True, "mirror": None, "_from_auto": True}
    assert AutoConfig.from_pretrained(folder, registry=aviary, **nothing).size == 5
    assert AutoModel.from_pretrained(folder, registry=aviary, **nothing).config.size == 5


@pytest.mark.parametrize("auto_class", [AutoConfig, AutoModel])
@pytest.mark.parametrize(("typo", "option"), [("trust_remote_cod", "trust_remote_code"), ("revison", "revision")])
def test_mistyped_option_is_named_beside_the_error_of_the_load(registry, write_checkpoint, auto_class, typo, option):
    """What it was to change did not happen."""
    folder = write_checkpoint(model_type="nobody")
    with pytest.raises(ValueError, match="nobody") as caught:
        auto_class.from_pretrained(folder, registry=registry, **{typo: True})
    assert caught.value.__notes__ == [f"{typo!r} is no option of from_pretrained. Did you mean '{option}'?"]


@pytest.mark.filterwarnings("ignore:parrot_v_package")
def test_mistyped_option_does_not_bring_advice_to_trust_code(registry, write_checkpoint, install_parrot):
    """An installed class was used, and the option is the whole problem."""
    install_parrot("parrot-v")
    folder = write_checkpoint(model_type="parrot-v", auto_map={"AutoConfig": "parrot.Shipped"})
    (folder / "parrot.py").write_text("class Shipped: ...", encoding="utf-8")
    with pytest.raises(UnknownOptionError, match="Did you mean 'revision'") as caught:
        AutoConfig.from_pretrained(folder, registry=registry, trust_remote_code=False, revison="x")
    assert not hasattr(caught.value, "__notes__")
