"""Private names of torch still do what this package needs. Each test says what breaks when torch changes one."""

from __future__ import annotations

import ast
import warnings
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.overrides import TorchFunctionMode

import model_core
from model_core import torch_internals as internals

SOURCES = sorted(Path(model_core.__file__).parent.rglob("*.py"))


class Recording(TorchFunctionMode):
    """A mode that records the functions it sees."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def __torch_function__(self, func, types, args=(), kwargs=None):
        self.seen.append(func)
        return func(*args, **(kwargs or {}))


class Pair(torch.Tensor):
    """A tensor subclass that wraps two tensors."""

    @staticmethod
    def __new__(cls, one, other):
        return torch.Tensor._make_wrapper_subclass(cls, one.shape, dtype=one.dtype)

    def __init__(self, one, other):
        self.one = one
        self.other = other

    def __tensor_flatten__(self):
        return ["one", "other"], None

    @classmethod
    def __tensor_unflatten__(cls, inner, _context, _size, _stride):
        return cls(inner["one"], inner["other"])

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        raise NotImplementedError


class Layer(nn.Module):
    """A module with parameters, buffers and a child."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(2))
        self.register_parameter("bias", None)
        self.register_buffer("mean", torch.zeros(3))
        self.register_buffer("table", torch.zeros(4), persistent=False)
        self.inner = nn.Linear(1, 1)


def test_storage_users_counts_tensors_that_python_does_not_see():
    """With a wrong count, loading would break views of a parameter that the constructor keeps."""
    tensor = torch.zeros(4)
    graph = torch.exp(nn.Parameter(tensor))  # saves an alias of its input for the backward pass
    key, users = internals.storage_users(tensor)
    assert key == internals.storage_users(tensor[1:])[0] != internals.storage_users(graph)[0]
    assert users > 1
    del graph
    assert internals.storage_users(tensor) == (key, 1)
    assert internals.storage_users(torch.ones(2, 2).to_sparse()) == (0, 0)


def test_active_function_modes_are_those_of_this_thread():
    """Without them, a load inside a constructor would hide from the outer load that compiled code ran."""
    with Recording() as outer, Recording() as inner:
        assert internals.active_function_modes() == [outer, inner]
    assert internals.active_function_modes() == []


def test_without_function_modes_a_call_is_not_seen():
    """Otherwise the outer load would mistake the work of a load inside its constructor for reads of parameters."""
    tensor = torch.zeros(2)
    with Recording() as mode:
        internals.without_function_modes(tensor.detach)
        assert mode.seen == []
        tensor.detach()
        assert mode.seen == [torch.Tensor.detach]


@pytest.mark.parametrize(
    ("fill", "options", "arguments"),
    [
        (nn.init.trunc_normal_, {"mean": 0.5, "std": 0.1, "b": 1.0}, (0.5, 0.1, -2.0, 1.0, None)),
        (nn.init.orthogonal_, {"gain": 2}, (2, None)),
        (nn.init.sparse_, {"sparsity": 0.5}, (0.5, 0.01, None)),
    ],
    ids=["trunc_normal_", "orthogonal_", "sparse_"],
)
def test_fill_under_way_is_the_call_that_is_being_carried_out(fill, options, arguments):
    """Without it, a load would draw such values for weights that its file replaces."""
    found = []

    class Asked(TorchFunctionMode):
        def __torch_function__(self, func, types, args=(), kwargs=None):
            found.append(internals.fill_under_way(weight))
            return func(*args, **(kwargs or {}))

    weight = torch.zeros(4, 4)
    with Asked():
        nn.init.normal_(weight)
    assert found.count(None) == len(found)
    with Asked():
        fill(weight, **options)
    function, found_arguments = next(call for call in found if call is not None)
    assert found_arguments == (weight, *arguments)
    expected = torch.zeros(4, 4)
    torch.manual_seed(0)
    fill(expected, **options)
    torch.manual_seed(0)
    function(weight, *arguments)
    assert torch.equal(weight, expected)


def test_outside_transforms_a_fill_is_of_the_tensor_itself():
    """Otherwise a deferred initialisation that vmap triggers would run under vmap, and fail."""
    memory = torch.zeros(3)

    def read(row):
        with internals.outside_transforms():
            memory.uniform_(1, 2)
        return row + 0

    torch.vmap(read)(torch.zeros(2, 3))
    assert memory.min() >= 1


def test_last_jit_graph_changes_when_other_code_runs():
    """Without it, torch.jit code in a constructor could read parameters that are not initialised yet."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # that torch.jit is deprecated
        one, other = (torch.jit.CompilationUnit(f"def run() -> int:\n  return {number}\n").run for number in (1, 2))
    one()
    graph = internals.last_jit_graph()
    assert graph is internals.last_jit_graph()
    other()
    assert internals.last_jit_graph() is not graph


def test_wrapped_tensors_are_those_that_a_subclass_names():
    """Without them, reading a wrapper would see parameters that are not initialised yet."""
    one, other = torch.zeros(2), torch.ones(2)
    pair = Pair(one, other)
    assert internals.wraps_tensors(pair)
    assert [id(tensor) for tensor in internals.wrapped_tensors(pair)] == [id(one), id(other)]
    assert not internals.wraps_tensors(one)
    assert not internals.wraps_tensors(nn.Parameter(one))


def test_without_transforms_a_tensor_is_the_one_that_was_passed():
    """Without it, code under vmap or grad would read parameters that are not initialised yet."""
    tensor, found = torch.zeros(2, 3), []

    def note(row):
        found.append(internals.without_transforms(row))
        return row

    torch.vmap(torch.vmap(note))(tensor)
    assert found[0].data_ptr() == tensor.data_ptr()
    assert internals.without_transforms(tensor) is tensor


def test_tensors_and_children_of_a_module_are_found():
    """Without them, no model could be loaded or saved; the public iterators are several times slower."""
    layer = Layer()
    assert internals.module_parameters(layer) == {"weight": layer.weight, "bias": None}
    assert dict(internals.module_buffers(layer)) == {"mean": layer.mean, "table": layer.table}
    assert internals.non_persistent_buffer_names(layer) == {"table"}
    assert internals.child_modules(layer) == {"inner": layer.inner}


def test_apply_to_tensors_is_what_to_and_half_do():
    """Without it, `dtype` and `device` would miss modules that extend `_apply`, such as `nn.LSTM`."""
    calls = []

    class Extended(Layer):
        def _apply(self, function, *args, **kwargs):
            calls.append(function)
            return super()._apply(function, *args, **kwargs)

    layer = Extended()
    layer.to(torch.float64)
    internals.apply_to_tensors(layer, torch.Tensor.half)
    assert len(calls) == 2
    assert {tensor.dtype for tensor in (*layer.parameters(), *layer.buffers())} == {torch.float16}


def test_load_hooks_are_those_that_were_registered():
    """Without them, modules could not translate older checkpoints, nor act after a load."""
    layer, calls = Layer(), []
    assert internals.load_pre_hooks(layer) == internals.load_post_hooks(layer) == []
    layer.register_load_state_dict_pre_hook(lambda module, _state, prefix, *_: calls.append((module, prefix)))
    layer.register_load_state_dict_post_hook(lambda module, keys: calls.append((module, keys.missing_keys)))
    (before,), (after,) = internals.load_pre_hooks(layer), internals.load_post_hooks(layer)
    before({}, "prefix.", {}, True, [], [], [])
    after(layer, internals.incompatible_keys(["weight"], []))
    assert calls == [(layer, "prefix."), (layer, ["weight"])]


def test_incompatible_keys_are_what_load_state_dict_gives_to_hooks():
    """Otherwise a hook that was written for `load_state_dict` would fail in `from_pretrained`."""
    layer, given = nn.Linear(1, 1), []
    layer.register_load_state_dict_post_hook(lambda _module, keys: given.append(keys))
    layer.load_state_dict({"weight": torch.zeros(1, 1)}, strict=False)
    assert given == [internals.incompatible_keys(["bias"], [])]


def test_tensors_in_objects_of_a_registered_class_are_seen():
    """`torch.export` and FSDP would take outputs of models for opaque objects."""

    class Holder:
        def __init__(self, value):
            self.value = value

    internals.register_output_class(Holder, lambda holder: ([holder.value], None), lambda values, _: Holder(*values))
    doubled = torch.utils._pytree.tree_map(lambda value: value * 2, Holder(torch.ones(1)))
    assert doubled.value.item() == 2


def test_softmax_gradient_is_that_of_autograd():
    """Attention layers with a backward pass of their own would be wrong."""
    x = torch.randn(2, 3, requires_grad=True)
    output, gradient = x.softmax(-1), torch.randn(2, 3)
    output.backward(gradient)
    assert torch.equal(internals.softmax_gradient(output.detach(), gradient, -1), x.grad)


def test_versions_of_modules_are_those_that_state_dict_records():
    """Without them, a load hook could not know which version of its module wrote a checkpoint."""
    model = nn.Sequential(nn.BatchNorm1d(2))
    versions = internals.recorded_versions(model.state_dict())
    assert versions["0"] == internals.module_version(model[0]) == 2


@pytest.mark.parametrize("recorded", [None, 3, {"layer": 2, "other": {"version": "2"}}])
def test_recorded_versions_of_a_damaged_state_dict_are_left_out(recorded):
    """The record comes with the file, so it may be anything."""
    state_dict = nn.Linear(1, 1).state_dict()
    state_dict._metadata = recorded
    assert internals.recorded_versions(state_dict) == {}


def private_names_of_torch(path):
    """Return the private names of torch that a file imports or reaches by attribute access."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    named = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    named += [
        f"{node.module}.{alias.name}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
    ]
    named += [ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    return {name for name in named if name.partition(".")[0] in {"torch", "nn"} and "._" in name.replace(".__", "")}


@pytest.mark.parametrize("path", [path for path in SOURCES if path.name != "torch_internals.py"], ids=lambda p: p.stem)
def test_no_other_module_uses_private_names(path):
    """All of them are in one file. Ruff finds private attributes of objects, unless a comment switches that off."""
    assert private_names_of_torch(path) == set()
    assert "SLF001" not in path.read_text(encoding="utf-8")


def test_search_for_private_names_finds_some():
    """The search above can find something."""
    assert "torch._C._storage_Use_Count" in private_names_of_torch(Path(internals.__file__))


@pytest.mark.parametrize(
    "assign",
    [
        lambda module: setattr(module, "name", nn.Linear(1, 1)),
        lambda module: setattr(module, "name", nn.Parameter(torch.zeros(1))),
        lambda module: module.register_buffer("name", torch.zeros(1)),
    ],
    ids=["module", "parameter", "buffer"],
)
def test_early_assignments_are_refused_until_the_constructor_has_run(assign):
    """If torch keeps modules elsewhere, a constructor that forgets the base class gets torch's own error again."""
    module = nn.Module.__new__(nn.Module)
    internals.refuse_early_assignments(module, KeyError)
    with pytest.raises(KeyError, match="name"):
        assign(module)
    nn.Module.__init__(module)
    assign(module)


def test_twin_has_the_names_and_ties_of_a_module_and_none_of_its_memory():
    """If torch keeps modules elsewhere, a save no longer sees which ties a class makes, or changes the model."""
    module = Layer()
    module.again = module.get_submodule(next(name for name, _ in module.named_children()))
    twin = internals.twin_on_meta(module)
    assert type(twin) is Layer
    assert list(twin.state_dict()) == list(module.state_dict())
    assert all(tensor.is_meta for tensor in (*twin.parameters(), *twin.buffers()))
    assert len(list(twin.parameters())) == len(list(module.parameters()))
    names = set(module.state_dict())
    twin.added = nn.Linear(1, 1)
    twin.register_parameter("own", None)
    assert set(module.state_dict()) == names
    assert not any(tensor.is_meta for tensor in module.parameters())
