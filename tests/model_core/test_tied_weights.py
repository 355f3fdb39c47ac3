"""Tensors that are one under several names: saved once, and one again after loading."""

from __future__ import annotations

import copy

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn

from model_core import ModelDefinitionError, PreTrainedModel, WeightsFileError
from tiny_models import TinyConfig, TinyModel, fill_randomly, same_state


class TiedInConstructor(PreTrainedModel):
    """The same parameter under two names, and nothing declared."""

    config_class = TinyConfig

    def __init__(self, config):
        super().__init__(config)
        self.embedding = nn.Embedding(6, config.width)
        self.head = nn.Linear(config.width, 6, bias=False)
        self.head.weight = self.embedding.weight


class Declared(PreTrainedModel):
    """Two parameters that the class declares to be one."""

    config_class = TinyConfig
    _tied_weights_keys = {"head.weight": "embedding.weight"}  # noqa: RUF012 - as authors write it

    def __init__(self, config):
        super().__init__(config)
        self.head = nn.Linear(config.width, 6, bias=False)
        self.embedding = nn.Embedding(6, config.width)
        self.post_init()


class Undeclared(PreTrainedModel):
    """Two parameters that only later become one."""

    config_class = TinyConfig

    def __init__(self, config):
        super().__init__(config)
        self.one = nn.Linear(config.width, config.width)
        self.two = nn.Linear(config.width, config.width)


class SharedModule(PreTrainedModel):
    """One layer used twice."""

    config_class = TinyConfig

    def __init__(self, config):
        super().__init__(config)
        layer = nn.Linear(config.width, config.width)
        self.layers = nn.ModuleList([layer, layer])


class SharedMemory(PreTrainedModel):
    """Two parameter objects over the same memory."""

    config_class = TinyConfig

    def __init__(self, config):
        super().__init__(config)
        self.one = nn.Parameter(torch.zeros(config.width))
        self.two = nn.Parameter(self.one.data)


def saved_names(folder):
    with safe_open(folder / "model.safetensors", framework="pt") as file:
        return set(file.keys())


@pytest.mark.parametrize(
    ("model_class", "kept", "left_out"),
    [
        (TiedInConstructor, "embedding.weight", "head.weight"),
        (Declared, "embedding.weight", "head.weight"),
        (SharedModule, "layers.0.weight", "layers.1.weight"),
        (SharedMemory, "one", "two"),
    ],
)
def test_tied_tensor_is_saved_once_and_tied_again(tmp_path, model_class, kept, left_out):
    """Whether the tie is declared, made by assignment, by a shared module or by shared memory."""
    model = fill_randomly(model_class(TinyConfig()))
    model.save_pretrained(tmp_path)
    assert kept in saved_names(tmp_path)
    assert left_out not in saved_names(tmp_path)
    loaded, report = model_class.from_pretrained(tmp_path, output_loading_info=True)
    assert same_state(model, loaded)
    assert not report.missing
    state = loaded.state_dict()
    assert state[kept].data_ptr() == state[left_out].data_ptr()


@pytest.mark.parametrize(
    ("model_class", "names"),
    [
        (TiedInConstructor, ("embedding.weight", "head.weight")),
        (Declared, ("embedding.weight", "head.weight")),
        (SharedModule, ("layers.0.weight", "layers.1.weight")),
        (SharedMemory, ("one", "two")),
    ],
)
def test_tied_tensor_of_another_size_keeps_its_tie(tmp_path, model_class, names):
    """Its other name is not missing: both are what the constructor made, and still one."""

    class WithMore(model_class):
        def __init__(self, config):
            super().__init__(config)
            self.scale = nn.Parameter(torch.ones(3))

    model = fill_randomly(WithMore(TinyConfig()))
    model.save_pretrained(tmp_path)
    loaded, report = WithMore.from_pretrained(tmp_path, width=7, ignore_mismatched_sizes=True, output_loading_info=True)
    assert not report.missing
    assert names[0] in {entry.name for entry in report.mismatched}
    assert names[0] not in report.loaded
    assert names[1] not in report.loaded
    state = loaded.state_dict()
    assert state[names[0]].data_ptr() == state[names[1]].data_ptr()
    assert torch.isfinite(state[names[1]]).all()


def test_tied_parameter_stays_one_object(tmp_path):
    """An optimizer sees it once, and training moves both names."""
    fill_randomly(TiedInConstructor(TinyConfig())).save_pretrained(tmp_path)
    loaded = TiedInConstructor.from_pretrained(tmp_path)
    assert loaded.head.weight is loaded.embedding.weight
    assert len(list(loaded.parameters())) == 1


def test_tie_that_the_class_does_not_make_is_copied_and_reported(tmp_path, caplog):
    """Two parameters of the model stay two, with the values that were one; the report and the log say so."""
    model = fill_randomly(Undeclared(TinyConfig()))
    model.two.weight = model.one.weight
    model.save_pretrained(tmp_path)
    loaded, report = Undeclared.from_pretrained(tmp_path, output_loading_info=True)
    assert same_state(model, loaded)
    assert loaded.two.weight is not loaded.one.weight
    assert report.copied == {"two.weight": "one.weight"}
    assert "copied      two.weight from one.weight" in str(report)
    assert "two.weight (copied from one.weight)" in caplog.text
    fill_randomly(loaded.two)
    assert torch.equal(loaded.one.weight, model.one.weight)


def test_tie_that_the_class_does_not_make_is_copied_in_the_dtype_of_the_load(tmp_path):
    """And so in shards."""
    model = fill_randomly(Undeclared(TinyConfig()))
    model.two.weight = model.one.weight
    model.save_pretrained(tmp_path, max_shard_size=1)
    loaded, report = Undeclared.from_pretrained(tmp_path, dtype=torch.bfloat16, output_loading_info=True)
    assert torch.equal(loaded.two.weight, model.one.weight.bfloat16())
    assert report.copied == {"two.weight": "one.weight"}
    assert not report.missing


def test_tie_of_tensors_that_do_not_match_copies_nothing(tmp_path):
    """Both hold what the constructor drew, neither is reported as missing."""
    model = fill_randomly(Undeclared(TinyConfig()))
    model.two.weight = model.one.weight
    model.save_pretrained(tmp_path)
    change = {"one.weight": torch.zeros(7, 7), "one.bias": torch.zeros(4), "two.bias": torch.zeros(4)}
    save_file(change, tmp_path / "model.safetensors", metadata={"tied_weights": '{"two.weight": "one.weight"}'})
    loaded, report = Undeclared.from_pretrained(tmp_path, ignore_mismatched_sizes=True, output_loading_info=True)
    assert not report.missing
    assert not report.copied
    assert 0 < loaded.two.weight.abs().max() <= 0.5
    assert not torch.equal(loaded.one.weight, loaded.two.weight)


@pytest.mark.parametrize(
    "declared",
    [
        {"two": "one"},
        {"two.": "one."},
        {"two.weight": "one.weight", "two.bias": "one.bias"},
        {r"tw[o]\.": "one"},
        {"two": "one", "list.1": "list.0"},
        {r"list\.(?!0)\d": "list.0", "two": "one"},
    ],
    ids=str,
)
def test_ties_may_name_modules_or_be_expressions(tmp_path, declared):
    """As in transformers 5: every tensor of the one is that of the other."""

    class Modules(PreTrainedModel):
        config_class = TinyConfig
        _tied_weights_keys = declared

        def __init__(self, config):
            super().__init__(config)
            self.one = nn.Linear(config.width, config.width)
            self.two = nn.Linear(config.width, config.width)
            self.list = nn.ModuleList(nn.Linear(config.width, 3) for _ in range(3))

    model = Modules(TinyConfig())
    model.tie_weights()
    fill_randomly(model).save_pretrained(tmp_path)
    loaded = Modules.from_pretrained(tmp_path)
    assert loaded.two.weight is loaded.one.weight
    assert loaded.two.bias is loaded.one.bias
    assert same_state(loaded, model)
    ties = [loaded.list[number].weight is loaded.list[0].weight for number in (1, 2)]
    assert ties == {"list.1": [True, False], r"list\.(?!0)\d": [True, True]}.get(
        next((name for name in declared if name.startswith("list")), ""), [False, False]
    )


class TiesItself(PreTrainedModel):
    """The author's own `tie_weights`, and nothing that calls it."""

    config_class = TinyConfig

    def __init__(self, config):
        super().__init__(config)
        self.embedding = nn.Embedding(6, config.width)
        self.head = nn.Linear(config.width, 6, bias=False)

    def tie_weights(self):
        self.head.weight = self.embedding.weight


class TiesAsInFive(TiesItself):
    """`tie_weights` as transformers 5 has it, and a call of the one that it replaces."""

    def tie_weights(self, missing_keys=None, recompute_mapping=True):  # noqa: FBT002 - as in transformers
        PreTrainedModel.tie_weights(self, missing_keys=missing_keys, recompute_mapping=recompute_mapping)
        self.head.weight = self.embedding.weight


class TiesWithKeywords(TiesItself):
    """`tie_weights` that takes whatever comes."""

    def tie_weights(self, **kwargs):  # noqa: ARG002 - as in transformers
        super().tie_weights()


@pytest.mark.parametrize("model_class", [TiesItself, TiesAsInFive, TiesWithKeywords])
@pytest.mark.parametrize("stored", ["embedding.weight", "head.weight"])
def test_load_calls_the_authors_tie_weights(tmp_path, model_class, stored):
    """Whatever arguments it takes and without `post_init()`, from a file that has the tensor under either name."""
    TinyConfig().save_pretrained(tmp_path)
    save_file({stored: torch.full((6, 4), 2.0)}, tmp_path / "model.safetensors")
    loaded = model_class.from_pretrained(tmp_path)
    assert loaded.head.weight is loaded.embedding.weight
    assert (loaded.head.weight == 2).all()


def test_load_calls_the_tie_weights_of_an_inner_model(tmp_path):
    """The outer class does not have to know of it."""

    class Outer(PreTrainedModel):
        config_class = TinyConfig

        def __init__(self, config):
            super().__init__(config)
            self.inner = TiesItself(config)

    TinyConfig().save_pretrained(tmp_path)
    save_file({"inner.embedding.weight": torch.full((6, 4), 2.0)}, tmp_path / "model.safetensors")
    loaded = Outer.from_pretrained(tmp_path)
    assert loaded.inner.head.weight is loaded.inner.embedding.weight


def test_tie_weights_is_called_after_construction_and_after_the_values(tmp_path):
    """One that copies values, as for TorchScript, finds the loaded ones; it is told what the checkpoint lacks."""
    calls = []

    class Cloning(TiesItself):
        def tie_weights(self, missing_keys=None, recompute_mapping=True):  # noqa: ARG002, FBT002
            calls.append(missing_keys)
            self.head.weight = nn.Parameter(self.embedding.weight.detach().clone())

    TinyConfig().save_pretrained(tmp_path)
    save_file({"embedding.weight": torch.full((6, 4), 2.0)}, tmp_path / "model.safetensors")
    loaded = Cloning.from_pretrained(tmp_path, allow_missing=["head"])
    assert (loaded.head.weight == 2).all()
    assert loaded.head.weight is not loaded.embedding.weight
    assert calls == [None, {"head.weight"}]


def test_copy_has_the_values_of_the_checkpoint_and_not_those_that_the_other_tensor_was_rounded_to(tmp_path):
    """It may be one that stays in float32."""

    class Kept(Declared):
        _keep_in_fp32_modules = "head"

    model = fill_randomly(Kept(TinyConfig()))
    model.save_pretrained(tmp_path)
    loaded = Kept.from_pretrained(tmp_path, dtype="bfloat16", tie_word_embeddings=False)
    assert loaded.embedding.weight.dtype is torch.bfloat16
    assert torch.equal(loaded.head.weight, model.head.weight)


class MakesAnew(TiesItself):
    """A `tie_weights` that makes tensors of every kind, some of which no checkpoint has."""

    _keep_in_fp32_modules = "kept"

    def tie_weights(self):
        self.head = nn.Linear(self.config.width, 6)
        self.head.weight = self.embedding.weight
        self.kept = nn.LayerNorm(self.config.width)
        self.register_buffer("table", torch.linspace(0, 1, 7), persistent=False)
        self.register_buffer("positions", torch.arange(7), persistent=False)


class HoldsMaker(PreTrainedModel):
    """A model whose part makes tensors."""

    config_class = TinyConfig

    def __init__(self, config):
        super().__init__(config)
        self.inner = MakesAnew(config)


@pytest.mark.parametrize("lenient", [{"strict": False}, {"allow_missing": True}, {"state_dict": ...}])
@pytest.mark.parametrize("model_class", [MakesAnew, HoldsMaker])
def test_tensors_that_tie_weights_makes_get_the_dtype_of_the_load(tmp_path, model_class, lenient):
    """Those that the checkpoint lacks as well as buffers, but for modules that stay in float32 and integers."""
    prefix = "" if model_class is MakesAnew else "inner."
    state = {f"{prefix}embedding.weight": torch.full((6, 4), 2.0)}
    TinyConfig().save_pretrained(tmp_path)
    save_file(state, tmp_path / "model.safetensors")
    if "state_dict" in lenient:
        lenient = {"state_dict": state, "config": TinyConfig(), "strict": False}
    source = None if "state_dict" in lenient else tmp_path
    loaded = model_class.from_pretrained(source, dtype="bfloat16", **lenient)
    made = loaded.get_submodule(prefix.removesuffix("."))
    assert made.head.weight is made.embedding.weight
    tensors = (made.head.weight, made.head.bias, made.table, made.kept.weight, made.positions)
    in_float32, integers = torch.float32, torch.int64
    assert [tensor.dtype for tensor in tensors] == [*[torch.bfloat16] * 3, in_float32, integers]


def test_tie_that_tie_weights_makes_is_not_reported_as_copied(tmp_path, caplog):
    """What the file records and the author makes is one tensor."""
    model = fill_randomly(TiesItself(TinyConfig()))
    model.tie_weights()
    model.save_pretrained(tmp_path)
    _, report = TiesItself.from_pretrained(tmp_path, output_loading_info=True)
    assert not report.copied
    assert not caplog.text


def test_declared_tie_of_different_values_is_an_error_without_post_init(tmp_path):
    """As with it: a declared tie is made by every load."""

    class Silent(Declared):
        def post_init(self):
            """Do nothing, as if it had not been called."""

    TinyConfig().save_pretrained(tmp_path)
    save_file({"head.weight": torch.zeros(6, 4), "embedding.weight": torch.ones(6, 4)}, tmp_path / "model.safetensors")
    with pytest.raises(WeightsFileError, match="tie_word_embeddings=False"):
        Silent.from_pretrained(tmp_path)


def test_ties_survive_another_dtype(tmp_path):
    """Conversion makes one new tensor and not two."""
    fill_randomly(SharedMemory(TinyConfig())).save_pretrained(tmp_path)
    loaded = SharedMemory.from_pretrained(tmp_path, dtype=torch.bfloat16)
    assert loaded.one.data_ptr() == loaded.two.data_ptr()
    assert loaded.two.dtype is torch.bfloat16


def test_declared_tie_is_made_by_loading_without_post_init(tmp_path):
    """`post_init()` is never needed."""

    class Silent(Declared):
        def post_init(self):
            """Do nothing, as if it had not been called."""

    fill_randomly(Declared(TinyConfig())).save_pretrained(tmp_path)
    loaded = Silent.from_pretrained(tmp_path)
    assert loaded.head.weight is loaded.embedding.weight


def test_declared_tie_works_from_either_name(tmp_path):
    """Other libraries keep the other name."""
    model = fill_randomly(Declared(TinyConfig()))
    model.save_pretrained(tmp_path)
    tensors = load_file(tmp_path / "model.safetensors")
    save_file({"head.weight": tensors["embedding.weight"]}, tmp_path / "model.safetensors")
    assert same_state(model, Declared.from_pretrained(tmp_path))


def test_declared_tie_can_be_switched_off_by_the_config(tmp_path):
    """`tie_word_embeddings=False` leaves two tensors two."""
    with pytest.warns(UserWarning, match="tie_word_embeddings"):
        config = TinyConfig(tie_word_embeddings=False)
    model = fill_randomly(Declared(config))
    assert model.head.weight is not model.embedding.weight
    model.save_pretrained(tmp_path)
    assert same_state(model, Declared.from_pretrained(tmp_path))


def test_file_with_both_names_and_equal_values_is_fine(tmp_path):
    """Checkpoints of other writers hold a tied tensor twice."""
    model = fill_randomly(TiedInConstructor(TinyConfig()))
    model.config.save_pretrained(tmp_path)
    weight = torch.full((6, 4), torch.nan)
    save_file({"head.weight": weight, "embedding.weight": weight.clone()}, tmp_path / "model.safetensors")
    assert TiedInConstructor.from_pretrained(tmp_path).head.weight.isnan().all()


def test_file_with_different_values_for_one_tensor_is_an_error(tmp_path):
    """Taking either of them would be wrong without a word."""
    TiedInConstructor(TinyConfig()).config.save_pretrained(tmp_path)
    save_file({"head.weight": torch.zeros(6, 4), "embedding.weight": torch.ones(6, 4)}, tmp_path / "model.safetensors")
    with pytest.raises(WeightsFileError, match=r"different values for .*head\.weight"):
        TiedInConstructor.from_pretrained(tmp_path)


def test_declared_tie_can_be_switched_off_by_the_load(tmp_path):
    """A checkpoint of a writer that did not make the tie: the error says how to load it, and that loads it for good."""
    Declared(TinyConfig()).config.save_pretrained(tmp_path)
    stored = {"head.weight": torch.zeros(6, 4), "embedding.weight": torch.ones(6, 4)}
    save_file(stored, tmp_path / "model.safetensors")
    with pytest.raises(WeightsFileError, match="tie_word_embeddings=False"):
        Declared.from_pretrained(tmp_path)
    loaded = Declared.from_pretrained(tmp_path, tie_word_embeddings=False)
    loaded.save_pretrained(tmp_path / "again")
    again = Declared.from_pretrained(tmp_path / "again")
    for model in (loaded, again):
        assert all(torch.equal(model.get_parameter(name), value) for name, value in stored.items())


def test_tie_that_was_saved_is_unmade_by_a_load_that_is_told_so(tmp_path):
    """Both have the values that were one, and each its own memory."""
    model = fill_randomly(Declared(TinyConfig()))
    model.save_pretrained(tmp_path)
    loaded, report = Declared.from_pretrained(tmp_path, tie_word_embeddings=False, output_loading_info=True)
    assert not report.missing
    with torch.no_grad():
        loaded.head.weight.zero_()
    assert torch.equal(loaded.embedding.weight, model.embedding.weight)


def test_config_that_is_given_can_be_told_to_switch_a_declared_tie_off(tmp_path):
    """The caller's own config is left as it is."""
    config = TinyConfig()
    config.save_pretrained(tmp_path)
    stored = {"head.weight": torch.zeros(6, 4), "embedding.weight": torch.ones(6, 4)}
    save_file(stored, tmp_path / "model.safetensors")
    loaded = Declared.from_pretrained(tmp_path, config=config, tie_word_embeddings=False)
    assert loaded.head.weight is not loaded.embedding.weight
    assert not hasattr(config, "tie_word_embeddings")


def test_pickled_tensors_that_shared_memory_do_not_tie_a_model_that_does_not(tmp_path):
    """A .bin brings shared memory back; two parameters of the model stay two."""
    model = fill_randomly(Undeclared(TinyConfig()))
    model.config.save_pretrained(tmp_path)
    state_dict = dict(model.state_dict())
    state_dict["two.weight"] = state_dict["one.weight"]
    torch.save(state_dict, tmp_path / "pytorch_model.bin")
    loaded = Undeclared.from_pretrained(tmp_path)
    assert torch.equal(loaded.one.weight, loaded.two.weight)
    assert loaded.one.weight.data_ptr() != loaded.two.weight.data_ptr()


def test_parts_of_one_tensor_are_saved_each(tmp_path):
    """Slices of the same memory are different values, not ties."""

    class Parts(PreTrainedModel):
        config_class = TinyConfig

        def __init__(self, config):
            super().__init__(config)
            whole = torch.zeros(2 * config.width)
            self.register_buffer("left", whole[: config.width])
            self.register_buffer("right", whole[config.width :])

    model = fill_randomly(Parts(TinyConfig()))
    model.save_pretrained(tmp_path)
    assert saved_names(tmp_path) == {"left", "right"}
    assert same_state(model, Parts.from_pretrained(tmp_path))


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ({"head.weight": "nowhere"}, "no such tensor"),
        ({"nowhere": "head.weight"}, "no such tensor"),
        ({"head.wieght": "head.weight"}, "names 'head.wieght', but the model has no such tensor"),
        ({"head.weight": "head.bias"}, "of shape"),
    ],
)
def test_declared_tie_that_cannot_be_made_is_an_error(keys, problem):
    """The author learns of it at construction."""

    class Wrong(PreTrainedModel):
        config_class = TinyConfig
        _tied_weights_keys = keys

        def __init__(self, config):
            super().__init__(config)
            self.head = nn.Linear(config.width, 6)
            self.post_init()

    with pytest.raises(ModelDefinitionError, match=problem):
        Wrong(TinyConfig())


def test_expression_that_stands_for_no_tensor_ties_nothing():
    """As in transformers 5: a model with a single layer has none to tie to its first."""

    class OneLayer(TinyModel):
        _tied_weights_keys = {r"layers\.(?!0)\d+": "layers.0"}  # noqa: RUF012 - as authors write it

    assert OneLayer._from_config(TinyConfig(depth=1)).layers[0].weight is not None


def test_declared_tie_that_was_never_made_is_refused_by_the_save(tmp_path):
    """No load accepts two values for one tensor, and only at the save can the author still choose."""

    class Forgetful(Declared):
        def post_init(self):
            """Do nothing, as if it had not been called."""

    model = fill_randomly(Forgetful(TinyConfig()))
    with pytest.raises(ModelDefinitionError, match=r"ties 'head\.weight' to 'embedding\.weight'.* different values"):
        model.save_pretrained(tmp_path / "new")
    assert not (tmp_path / "new").exists()
    model.config.tie_word_embeddings = False
    model.save_pretrained(tmp_path / "apart")
    assert same_state(Forgetful.from_pretrained(tmp_path / "apart"), model)
    model.config.tie_word_embeddings = True
    model.tie_weights()
    model.save_pretrained(tmp_path / "tied")
    assert same_state(Forgetful.from_pretrained(tmp_path / "tied"), model)


class TiesMemory(TiesItself):
    """A `tie_weights` that keeps both parameters and gives them one memory."""

    def tie_weights(self):
        self.head.weight.data = self.embedding.weight.data


class TiesInside(PreTrainedModel):
    """The model inside ties, and so does a layer that is used twice."""

    config_class = TinyConfig

    def __init__(self, config):
        super().__init__(config)
        self.inner = TiesItself(config)
        self.layers = nn.ModuleList([self.inner.head, nn.Linear(config.width, 6, bias=False)])


@pytest.mark.parametrize("model_class", [TiesItself, TiesAsInFive, TiesWithKeywords, TiesMemory, TiesInside])
def test_tie_of_a_method_that_was_never_called_is_refused_by_the_save(tmp_path, model_class):
    """As for declared ties: every load calls the method, so two values cannot be loaded. The model is not changed."""
    model = fill_randomly(model_class(TinyConfig()))
    state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with pytest.raises(ModelDefinitionError, match=r"tie_weights\(\) ties .*embedding.weight'"):
        model.save_pretrained(tmp_path / "new")
    assert not (tmp_path / "new").exists()
    assert all(torch.equal(tensor, state[name]) for name, tensor in model.state_dict().items())
    inner = getattr(model, "inner", model)
    assert inner.head.weight is not inner.embedding.weight
    inner.tie_weights()
    model.save_pretrained(tmp_path / "tied")
    assert same_state(model_class.from_pretrained(tmp_path / "tied"), model)


def test_method_that_needs_values_does_not_stop_a_save(tmp_path):
    """What it would tie is not known then."""

    class Reading(TiesItself):
        def tie_weights(self):
            if self.embedding.weight.sum().item() < float("inf"):
                super().tie_weights()

    model = fill_randomly(Reading(TinyConfig()))
    model.tie_weights()
    model.save_pretrained(tmp_path)
    assert same_state(Reading.from_pretrained(tmp_path), model)


class MakesHead(PreTrainedModel):
    """A `tie_weights` that makes the module which it ties."""

    config_class = TinyConfig

    def __init__(self, config):
        super().__init__(config)
        self.embedding = nn.Embedding(6, config.width)

    def tie_weights(self):
        self.head = nn.Linear(self.config.width, 6)
        self.head.weight = self.embedding.weight


def test_module_that_tie_weights_makes_is_none_that_was_added(tmp_path, caplog):
    """A load makes it as well, so there is nothing to warn of, and keeps its values when it is made a second time."""
    model = fill_randomly(MakesHead(TinyConfig()))
    model.tie_weights()
    model.save_pretrained(tmp_path / "tied")
    loaded = MakesHead.from_pretrained(tmp_path / "tied")
    loaded.save_pretrained(tmp_path / "again")
    assert not caplog.text
    assert same_state(MakesHead.from_pretrained(tmp_path / "again"), model)


def test_save_speaks_of_a_module_that_tie_weights_has_not_made_yet(tmp_path, caplog):
    """A load would miss it."""
    MakesHead(TinyConfig()).save_pretrained(tmp_path)
    assert "because its tie_weights() makes head.weight, head.bias. Call model.tie_weights()" in caplog.text


class TiedByField(PreTrainedModel):
    """A constructor that ties if the config says so."""

    config_class = TinyConfig

    def __init__(self, config):
        super().__init__(config)
        self.embedding = nn.Embedding(6, config.width)
        self.head = nn.Linear(config.width, 6, bias=False)
        if getattr(config, "tie_word_embeddings", True):
            self.head.weight = self.embedding.weight


class TiedMemory(TiedInConstructor):
    """A constructor that gives two parameters one memory."""

    def __init__(self, config):
        super().__init__(config)
        self.head.weight = nn.Parameter(torch.empty(0))
        self.head.weight.data = self.embedding.weight.data


class TiedLayers(PreTrainedModel):
    """A layer that is used twice."""

    config_class = TinyConfig

    def __init__(self, config):
        super().__init__(config)
        self.embedding = nn.Linear(config.width, config.width)
        self.head = self.embedding


def separated(model):
    """Give the head of a model a weight of its own."""
    model.head = copy.deepcopy(model.head)
    with torch.no_grad():
        model.head.weight += 1
    return model


@pytest.mark.parametrize("model_class", [TiedInConstructor, TiedMemory, TiedLayers, TiedByField])
@pytest.mark.parametrize("made", ["constructed", "loaded", "copied"])
def test_tie_of_the_constructor_that_somebody_broke_is_refused_by_the_save(tmp_path, model_class, made):
    """Every load makes it again, so two values cannot be loaded. Equal values can."""
    model = fill_randomly(model_class(TinyConfig()))
    model.save_pretrained(tmp_path / "tied")
    if made != "constructed":
        model = model_class.from_pretrained(tmp_path / "tied") if made == "loaded" else copy.deepcopy(model)
    tied = model.head.weight
    model.head = copy.deepcopy(model.head)
    model.save_pretrained(tmp_path / "equal")
    assert same_state(model_class.from_pretrained(tmp_path / "equal"), model)
    separated(model)
    with pytest.raises(
        ModelDefinitionError, match=r"the constructor ties 'head\.weight' to 'embedding\.weight'.*, assign one"
    ):
        model.save_pretrained(tmp_path / "apart")
    assert not (tmp_path / "apart").exists()
    model.head.weight = tied
    model.save_pretrained(tmp_path / "again")
    assert same_state(model_class.from_pretrained(tmp_path / "again"), model)


def test_tie_that_a_field_of_the_config_switched_off_since_is_not_missed(tmp_path):
    """A load goes by the config, and makes two tensors."""
    model = separated(fill_randomly(TiedByField(TinyConfig())))
    model.config.tie_word_embeddings = False
    model.save_pretrained(tmp_path)
    assert same_state(TiedByField.from_pretrained(tmp_path), model)


def test_list_of_tied_names_of_older_models_is_accepted(tmp_path):
    """It says nothing that identity does not; saving and loading go by identity."""

    class Older(TiedInConstructor):
        _tied_weights_keys = ["head.weight"]  # noqa: RUF012 - as authors write it

    model = fill_randomly(Older(TinyConfig()))
    model.save_pretrained(tmp_path)
    assert same_state(model, Older.from_pretrained(tmp_path))


def test_untied_models_carry_no_record(tmp_path):
    """The metadata of an ordinary file says what format it has and how it is laid out."""
    TinyModel(TinyConfig()).save_pretrained(tmp_path)
    with safe_open(tmp_path / "model.safetensors", framework="pt") as file:
        assert file.metadata().keys() == {"format", "alignment"}


def test_conjugate_of_a_tensor_is_another_tensor(tmp_path):
    """Its elements are in the same memory, and mean something else."""

    class Complex(PreTrainedModel):
        config_class = TinyConfig

        def __init__(self, config):
            super().__init__(config)
            self.one = nn.Parameter(torch.zeros(3, dtype=torch.complex64))
            self.two = nn.Parameter(torch.zeros(3, dtype=torch.complex64))

    model = Complex(TinyConfig())
    model.one = nn.Parameter(torch.randn(3, dtype=torch.complex64))
    model.two = nn.Parameter(model.one.detach().conj())
    model.save_pretrained(tmp_path)
    assert torch.equal(Complex.from_pretrained(tmp_path).two, model.one.conj().resolve_conj())
