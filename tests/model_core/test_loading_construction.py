"""Where the fast way to construct cannot be right, the plain way is taken; a failing constructor fails as its own."""

from __future__ import annotations

import logging
import warnings

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from model_core import ModelDefinitionError, ModelSizeError, PreTrainedModel, WeightsMismatchError
from model_core.construction import DeferredConstruction
from tiny_models import TinyConfig, fill_randomly, same_state
from valueless_tensors import HoldingTensor, released

with warnings.catch_warnings():
    warnings.simplefilter("ignore", FutureWarning)

    @torch.jit.script
    def largest(values: torch.Tensor) -> float:
        return float(values.abs().max())

    compiled_layer = torch.jit.script(nn.Linear(2, 2))


def in_model(build, **attributes):
    """Make a model class of a function that fills a model in its constructor."""

    def __init__(self, config):  # noqa: N807 - becomes the method
        PreTrainedModel.__init__(self, config)
        build(self, config)

    return type("Built", (PreTrainedModel,), {"config_class": TinyConfig, "__init__": __init__, **attributes})


def reloaded(model_class, folder):
    """Save a model of random values and load it."""
    model = fill_randomly(model_class(TinyConfig()))
    model.save_pretrained(folder)
    loaded = model_class.from_pretrained(folder)
    assert same_state(model, loaded)
    return loaded


def memory_of_hundreds(width):
    """Return a parameter whose memory shows whether it was filled: a fresh one could hold zeros by chance."""
    return nn.Parameter(torch.full((width,), 100.0))


def test_compiled_code_that_reads_a_parameter_sees_its_values(tmp_path, caplog):
    """What torch.jit compiled runs unseen, so the constructor is run again without leaving anything out."""

    def build(self, config):
        self.weight = memory_of_hundreds(config.width)
        nn.init.uniform_(self.weight)
        self.largest = largest(self.weight)

    model_class = in_model(build)
    caplog.set_level(logging.DEBUG, logger="model_core")
    assert reloaded(model_class, tmp_path).largest <= 1
    assert [record.levelname for record in caplog.records if "torch.jit" in record.message] == ["DEBUG"]
    # The second time, the thread has run the same compiled code before.
    assert model_class.from_pretrained(tmp_path).largest <= 1


def test_compiled_code_of_an_inner_load_is_noticed_by_the_outer_one(tmp_path):
    """Both load fast as far as they can, and both end with values."""

    def build_inner(self, config):
        self.weight = memory_of_hundreds(config.width)
        nn.init.uniform_(self.weight)
        self.largest = largest(self.weight)

    inner_class = in_model(build_inner)
    inner_class(TinyConfig()).save_pretrained(tmp_path / "inner")

    def build_outer(self, config):
        self.own = memory_of_hundreds(config.width)
        nn.init.uniform_(self.own)
        self.largest = largest(self.own)
        self.inner = inner_class.from_pretrained(tmp_path / "inner")

    loaded = reloaded(in_model(build_outer), tmp_path / "outer")
    assert max(loaded.largest, loaded.inner.largest) <= 1


def test_compiled_modules_come_back(tmp_path):
    """A part that torch.jit compiled is a module like others; while it does not run, nothing is constructed twice."""
    constructions = []

    def build(self, _config):
        constructions.append(self)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            self.layer = torch.jit.script(nn.Linear(3, 3))

    model_class = in_model(build)
    model = fill_randomly(model_class(TinyConfig()))
    model.save_pretrained(tmp_path)
    constructions.clear()
    loaded = model_class.from_pretrained(tmp_path)
    assert len(constructions) == 1
    inputs = torch.randn(2, 3)
    assert torch.equal(loaded.layer(inputs), model.layer(inputs))


def test_compiled_code_from_before_does_not_matter(tmp_path):
    """Only what runs in the constructor counts."""
    constructions = []

    def build(self, config):
        constructions.append(self)
        self.layer = nn.Linear(config.width, config.width)

    model_class = in_model(build)
    model_class(TinyConfig()).save_pretrained(tmp_path)
    compiled_layer(torch.zeros(1, 2))
    constructions.clear()
    model_class.from_pretrained(tmp_path)
    assert len(constructions) == 1


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:FutureWarning")  # torch's own use of it
@pytest.mark.parametrize(
    "read",
    [
        torch.vmap(lambda row: row.sum()),
        torch.vmap(torch.vmap(lambda value: value + 0)),
        torch.func.grad(lambda values: (values * values).sum()),
        lambda weight: torch.func.jvp(torch.sin, (weight,), (weight,))[0],
        torch.func.functionalize(lambda values: values + 0),
    ],
    ids=["vmap", "nested", "grad", "jvp", "functionalize"],
)
def test_transformations_of_functions_see_values(read):
    """Functorch wraps tensors; the memory below is filled before it is read."""
    with DeferredConstruction():
        weight = nn.Parameter(torch.full((4, 4), 1e6))
        nn.init.uniform_(weight, 1.0, 2.0)
        values = read(weight)
        assert values.abs().max() < 10
        assert 1 <= weight.min() < weight.max() <= 2


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of the compiler, about itself
@pytest.mark.parametrize("before", [False, True], ids=["compiled inside", "compiled before"])
def test_code_of_the_new_compiler_sees_values(before):
    """`torch.compile` traces with our mode in force."""
    total = torch.compile(lambda values: values.abs().max(), backend="eager")
    if before:
        total(memory_of_hundreds(4))
    with DeferredConstruction():
        weight = memory_of_hundreds(4)
        nn.init.uniform_(weight)
        assert total(weight) <= 1
    assert weight.max() <= 1


@pytest.mark.parametrize("read", [torch.full_like, lambda table, value: table.new_full((2,), value)])
def test_value_of_a_parameter_that_fills_another_tensor_is_real(read):
    """Even a function that only looks at its first argument reads the second."""
    with DeferredConstruction():
        value = nn.Parameter(torch.tensor(100.0), requires_grad=False)
        nn.init.uniform_(value)
        assert read(torch.zeros(2), value).max() <= 1


@pytest.mark.filterwarnings("ignore:To copy construct")
def test_new_tensor_of_a_parameter_has_its_values():
    """`new_tensor` copies what it is given."""
    with DeferredConstruction():
        weight = memory_of_hundreds(4)
        nn.init.uniform_(weight)
        assert torch.zeros(1).new_tensor(weight.detach()).max() <= 1


def test_numbers_that_may_be_sizes_are_drawn_at_once():
    """An integer parameter can become the shape of another tensor without any function being called for it."""
    with DeferredConstruction():
        size = nn.Parameter(torch.tensor(1000), requires_grad=False)
        size.random_(2, 5)
        assert torch.empty(size).shape[0] < 5


def failing_until_filled(self, config):
    """Build a model whose constructor cannot go on unless it sees values, and looks where nobody can see it."""
    self.weight = memory_of_hundreds(config.width)
    address = self.weight.data_ptr
    nn.init.uniform_(self.weight)
    # The plain function of C, as an extension calls it.
    with torch._C.DisableTorchFunction():
        if self.weight.max() > 1:
            raise ValueError(f"no values at {address()}")


def test_constructor_that_fails_only_in_the_fast_way_is_run_plainly(tmp_path, caplog):
    """It is said at debug level, for whoever wonders about the time."""
    caplog.set_level(logging.DEBUG, logger="model_core")
    reloaded(in_model(failing_until_filled), tmp_path)
    assert [record.levelname for record in caplog.records if "no values" in record.message] == ["DEBUG"]


def test_error_of_a_constructor_is_raised_once_with_its_own_message(tmp_path):
    """Whatever was tried, the user sees the one error, and no other behind it."""

    def build(self, config):
        self.layer = nn.Linear(config.width, config.width)
        if config.depth == 3:
            raise ValueError("three layers are too many")

    model_class = in_model(build)
    model_class(TinyConfig()).save_pretrained(tmp_path)
    with pytest.raises(ValueError, match=r"^three layers are too many$") as caught:
        model_class.from_pretrained(tmp_path, depth=3)
    assert caught.value.__context__ is None
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("error", [OSError("no file"), ImportError("no module"), MemoryError("no memory")])
def test_constructor_is_not_run_again_for_what_values_cannot_change(tmp_path, error):
    """A file that is absent stays absent; a second run would only repeat the constructor's side effects."""
    constructions = []

    def build(self, config):
        constructions.append(self)
        self.layer = nn.Linear(config.width, config.width)
        if config.depth == 3:
            raise error

    model_class = in_model(build)
    model_class(TinyConfig()).save_pretrained(tmp_path)
    constructions.clear()
    with pytest.raises(type(error), match=str(error)):
        model_class.from_pretrained(tmp_path, depth=3)
    assert len(constructions) == 1


def test_constructor_that_fails_before_anything_was_left_out_is_not_run_again(tmp_path):
    """Such as one that refuses an argument."""
    constructions = []

    def build(self, config):
        constructions.append(self)
        if config.depth == 3:
            raise TypeError("depth")
        self.layer = nn.Linear(config.width, config.width)

    model_class = in_model(build)
    model_class(TinyConfig()).save_pretrained(tmp_path)
    constructions.clear()
    with pytest.raises(TypeError, match="depth"):
        model_class.from_pretrained(tmp_path, depth=3)
    assert len(constructions) == 1


# transformers constructs on the meta device, where what only the constructor knows is lost.
def test_everything_that_only_the_constructor_knows_is_kept(tmp_path):
    """Buffers that are not saved, plain tensors, flags, and weights that the checkpoint lacks hold their values."""

    def build(self, _config):
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406]), persistent=False)
        self.plain = torch.arange(3.0)
        self.layer = nn.Linear(3, 3)
        self.scale = nn.Parameter(torch.tensor([2.0, 3.0]), requires_grad=False)
        self.layer.weight.requires_grad_(requires_grad=False)

    model_class = in_model(build)
    model = model_class(TinyConfig())
    state = {name: tensor for name, tensor in model.state_dict().items() if name != "scale"}
    model.config.save_pretrained(tmp_path)
    save_file(state, tmp_path / "model.safetensors")
    loaded = model_class.from_pretrained(tmp_path, allow_missing=["scale"])
    assert loaded.mean.tolist() == model.mean.tolist()
    assert loaded.plain.tolist() == [0.0, 1.0, 2.0]
    assert loaded.scale.tolist() == [2.0, 3.0]
    assert {name: parameter.requires_grad for name, parameter in loaded.named_parameters()} == {
        "layer.weight": False,
        "layer.bias": True,
        "scale": False,
    }


# In transformers, an empty prefix took away the first letter of names.
def test_empty_prefix_takes_no_letter_away(tmp_path):
    """`fc` never gets the weights of `afc`."""

    def build(self, _config):
        self.afc = nn.Linear(2, 2)
        self.fc = nn.Linear(2, 2)

    reloaded(in_model(build), tmp_path)


class SizedModel(PreTrainedModel):
    """As many layers as its config says, of a width that it says too."""

    config_class = TinyConfig

    def __init__(self, config):
        super().__init__(config)
        self.layers = nn.ModuleList(nn.Linear(config.width, config.width) for _ in range(config.depth))


def saved(folder, **fields):
    """Save a small model, and let its config say something else."""
    SizedModel(TinyConfig()).save_pretrained(folder)
    TinyConfig(**{"width": 4, "depth": 2, **fields}).save_pretrained(folder)
    return folder


def test_config_of_endlessly_many_layers_is_refused(tmp_path):
    """The checkpoint holds four tensors, so nothing that the constructor goes on to build could be loaded."""
    with pytest.raises(ModelSizeError, match="far more tensors than the 4 that the checkpoint holds") as caught:
        SizedModel.from_pretrained(saved(tmp_path, depth=1_000_000_000))
    assert caught.value.checkpoint == str(tmp_path)
    assert isinstance(caught.value, ValueError)


def test_model_that_is_somewhat_larger_than_its_checkpoint_gets_the_full_report(tmp_path):
    """A mistake of a few hundred layers is one that a list of names explains."""
    with pytest.raises(WeightsMismatchError, match="4 tensors match, 796 missing"):
        SizedModel.from_pretrained(saved(tmp_path, depth=400))


def test_caller_who_allows_missing_tensors_may_have_any_number_of_them(tmp_path):
    """A large model may start from a small checkpoint if that is what was asked for."""
    model = SizedModel.from_pretrained(saved(tmp_path, depth=6_000), allow_missing=True)
    assert len(model.layers) == 6_000


@pytest.mark.parametrize("width", [10**7, 10**12, 10**18, 10**30])
@pytest.mark.parametrize("options", [{}, {"strict": False}])
def test_config_of_a_tensor_that_torch_cannot_make_is_refused(tmp_path, width, options):
    """Too large for memory, for torch's sizes, or for its integers."""
    with pytest.raises(
        ModelSizeError, match=r"The config of .* describes a model with a tensor that torch cannot make"
    ):
        SizedModel.from_pretrained(saved(tmp_path, width=width), **options)


def test_errors_of_a_constructor_stay_its_own(tmp_path):
    """Only what torch says of a tensor's size is about the config's numbers."""

    def build(_model, _config):
        raise RuntimeError("no such device")

    failing = in_model(build)
    SizedModel(TinyConfig()).save_pretrained(tmp_path)
    with pytest.raises(RuntimeError, match=r"^no such device$"):
        failing.from_pretrained(tmp_path)


WITHOUT_ROOM = {
    "wrapper": (lambda: HoldingTensor(torch.zeros(2, 3)), "a strided HoldingTensor"),
    "released": (lambda: released(torch.zeros(2, 3)), "a strided Parameter"),
    "nested": (lambda: torch.nested.nested_tensor([torch.zeros(2), torch.zeros(3)]), "a nested Parameter"),
    "sparse": (lambda: torch.zeros(2, 3).to_sparse(), "a sparse_coo Parameter"),
}


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
@pytest.mark.parametrize("kind", WITHOUT_ROOM)
def test_tensor_that_cannot_take_values_is_an_error(tmp_path, kind):
    """Assigning to some of them would change nothing, or end the process."""
    make, described = WITHOUT_ROOM[kind]
    save_file({"weight": torch.ones(2, 3)}, tmp_path / "model.safetensors")
    model_class = in_model(lambda model, _: setattr(model, "weight", nn.Parameter(make())))
    with pytest.raises(ModelDefinitionError, match=f"makes weight {described}, which cannot take the values"):
        model_class.from_pretrained(tmp_path, config=TinyConfig())
