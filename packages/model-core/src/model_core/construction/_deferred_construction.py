"""Constructing a module without paying for random values that a checkpoint then overwrites.

Inside `DeferredConstruction`, constructors run as they always do, on real memory. Only random in-place fills of
parameters are recorded instead of run, and the first operation that really reads such a parameter runs its record, so
that constructor code never sees anything but right values. `settle` runs what is left over at the end. Memory that was
never written costs next to nothing. Buffers, plain tensors and deterministic values stay real throughout.

A function mode acts on the thread that entered it and on nothing else; no global function is replaced. It cannot see
what `torch.jit` compiled, so it notices afterwards that such code ran. Nor can it see other threads, or extensions
written in C that are handed a tensor: a constructor that reads its parameters there switches this off with the class
attribute `defer_initialization = False`.

What is left out draws no random numbers, so those that are drawn later are others than in a construction by hand. A
constructor that seeds torch's generator, or brings one of its own, gets all of its numbers as usual; unless its seed is
the very one that the program had set before, which looks as if nothing had been seeded.
"""

from __future__ import annotations

import enum
import functools
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from model_core.tensor_memory import elements_in_storage, num_storage_users, storage_key
from model_core.torch_internals import (
    active_function_modes,
    last_jit_graph,
    outside_transforms,
    storage_users,
    without_function_modes,
    without_transforms,
    wrapped_tensors,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Self

__all__ = ["DeferredConstruction"]

# Fills that need nothing of what was there before and draw random numbers.
_RANDOM_FILLS = frozenset(
    {
        "uniform_",
        "normal_",
        "kaiming_uniform_",
        "exponential_",
        "cauchy_",
        "log_normal_",
        "geometric_",
        "bernoulli_",
        "random_",
    }
)
# Fills that need nothing of what was there before and cost little: they run, and what was recorded before is forgotten.
_PLAIN_FILLS = frozenset({"zero_", "fill_", "constant_"})
# Arithmetic in place on each element. On a recorded parameter it joins the record.
_ELEMENTWISE = frozenset(
    {
        "add_",
        "sub_",
        "mul_",
        "div_",
        "clamp_",
        "clamp_min_",
        "clamp_max_",
        "erfinv_",
        "abs_",
        "neg_",
        "exp_",
        "sqrt_",
        "pow_",
    }
)
# What tells about a tensor, or hands it on, without reading its values. Integers may be sizes, so only parameters that
# are none are ever recorded.
_LOOKS = frozenset(
    {
        "__hash__",
        "__len__",
        "__set__",
        "_set_grad_enabled",
        "_is_view",
        "detach",
        "dim",
        "element_size",
        "empty",
        "get_device",
        "is_complex",
        "is_contiguous",
        "is_floating_point",
        "is_signed",
        "nelement",
        "new_empty",
        "new_ones",
        "new_zeros",
        "numel",
        "requires_grad_",
        "size",
        "stride",
        "empty_like",
        "ones_like",
        "zeros_like",
        "rand_like",
        "randn_like",
    }
)
# What hands memory to others who are not tensors, whom nobody counts: from then on it is filled at once.
_EXPORTS = frozenset(
    {"__array__", "__dlpack__", "data_ptr", "numpy", "share_memory_", "storage", "to_dlpack", "untyped_storage"}
)


# A call: function, positional arguments, keyword arguments.
_Step = tuple["Callable[..., Any]", tuple[Any, ...], dict[str, Any]]


class _Record:
    """What has to be run to give a parameter its values.

    There is one for each parameter, and every object in it is one more for Python's garbage collector to look at.

    Attributes:
        target: An alias of the parameter. It also keeps the memory from being given to another tensor.
        steps: The calls, each without the tensor it was for: a parameter that the constructor threw away is gone.
    """

    __slots__ = ("steps", "target")

    def __init__(self, target: torch.Tensor) -> None:
        self.target = target
        self.steps: tuple[_Step, ...] = ()


class _Kind(enum.Enum):
    """What a function means for the tensors that it is called with."""

    LOOK = enum.auto()
    ALIAS = enum.auto()
    RANDOM_FILL = enum.auto()
    PLAIN_FILL = enum.auto()
    ELEMENTWISE = enum.auto()
    EXPORT = enum.auto()
    READ = enum.auto()


class DeferredConstruction(TorchFunctionMode):
    """A context in which random fills of parameters are recorded, to be run on the first read or at the end.

    Attributes:
        num_recorded: How many fills were recorded.
        ran_compiled: Whether code that `torch.jit` compiled ran meanwhile, which may have read what was not there yet.
    """

    def __init__(self) -> None:
        super().__init__()
        self.num_recorded = 0
        self.ran_compiled = False
        self._records: dict[int, _Record] = {}
        self._exported: set[int] = set()
        self._last_graph: object = None
        self._seed = 0

    def __enter__(self) -> Self:
        self._last_graph = _last_compiled_graph()
        self._seed = _initial_seed()
        super().__enter__()  # type: ignore[no-untyped-call]
        return self

    def __exit__(self, *error: object) -> None:
        super().__exit__(*error)  # type: ignore[no-untyped-call]
        self.ran_compiled = last_jit_graph() is not self._last_graph

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        # Every question about a shape comes through here: constructing takes as long as this function does.
        try:
            kind = _kind(func)
        except TypeError:  # not hashable
            kind = _Kind.READ
        if kwargs is None:
            if kind is _LOOK:
                return func(*args)
            kwargs = {}
        elif kind is _LOOK and "out" not in kwargs:
            return func(*args, **kwargs)
        first = args[0] if args else kwargs.get("tensor")
        if isinstance(first, torch.Tensor) and self._note(kind, first, (func, args, kwargs)):
            return first
        if kind is not _Kind.ALIAS:
            for tensor in _tensors(args) + _tensors(kwargs.values()) if kwargs else _tensors(args):
                key = storage_key(tensor)
                if key in self._records:
                    self._replay(key)
                if kind is _Kind.EXPORT:
                    self._exported.add(key)
        return func(*args, **kwargs)

    def release(self, tensor: torch.Tensor, *, num_aliases: int = 1) -> bool:
        """Forget what was recorded for a tensor, which is about to get other values.

        Args:
            tensor: The tensor.
            num_aliases: How many tensors get these values, itself included, that are the same elements of memory.

        Returns:
            Whether others look at its memory, so that its values have to be written there. What they see of it
            besides has its own values then.
        """
        key, users = storage_users(tensor)
        record = self._records.get(key)
        shared = users + (key in self._exported) - (record is not None) > num_aliases
        if record is not None:
            if shared and not _same_elements(record.target, tensor):
                self._replay(key)
            else:
                del self._records[key]
        return shared

    def forget(self, tensor: torch.Tensor) -> None:
        """Drop what was recorded for a tensor, which is being overwritten whole."""
        key = storage_key(tensor)
        record = self._records.get(key)
        if record is not None and _same_elements(record.target, tensor):
            del self._records[key]

    def settle(self) -> None:
        """Run what is still recorded and in use. Call it when the checkpoint's values are in their places."""
        for key, record in list(self._records.items()):
            if num_storage_users(record.target) > 1:
                self._replay(key)
        self._records.clear()

    def _note(self, kind: _Kind, tensor: torch.Tensor, step: _Step) -> bool:
        """Take notice of a call for a tensor. True if it need not run now."""
        if kind is _RANDOM_FILL:
            return self._record(tensor, step)
        if kind is _Kind.ELEMENTWISE:
            return self._extend(tensor, step)
        if kind is _Kind.PLAIN_FILL:
            self.forget(tensor)
        elif kind is _Kind.ALIAS:
            self._open(tensor)
        return False

    def _open(self, tensor: torch.Tensor) -> _Record | None:
        """Return the record of a tensor; a new one, without steps, for a parameter whose memory nothing else can read.

        Whatever shares the memory later is made under our eyes, and reading it is noticed.
        """
        key, users = storage_users(tensor)
        record = self._records.get(key)
        if record is not None:
            return record if _same_elements(record.target, tensor) else None
        if users == 1 and _is_plain_parameter(tensor) and key not in self._exported:
            record = self._records[key] = _Record(without_function_modes(tensor.detach))
        return record

    def _record(self, tensor: torch.Tensor, step: _Step) -> bool:
        """Record a fill in place of all that was recorded before. False if it has to run at once."""
        function, args, kwargs = step
        if not args:  # functions of torch.nn.init are dispatched with keywords only
            kwargs = {**kwargs, "tensor": None}
        # A tensor may change before the record runs. A generator, or the global one once it has been seeded, gives the
        # constructor other numbers afterwards if this fill has not drawn its own.
        plain = _SCALARS.issuperset(map(type, (*args[1:], *kwargs.values()) if args else kwargs.values()))
        if not plain or _initial_seed() != self._seed or (function is _KAIMING and tensor.dim() <= 1):
            return False  # the last fails, and the constructor may then do something else
        record = self._open(tensor)
        if record is None:
            return False
        record.steps = ((function, args[1:], kwargs),)
        self.num_recorded += 1
        return True

    def _extend(self, tensor: torch.Tensor, step: _Step) -> bool:
        record = self._records.get(storage_key(tensor))
        if record is None or not _same_elements(record.target, tensor):
            return False
        function, args, kwargs = step
        if _tensors(args[1:]) or _tensors(kwargs.values()):  # whose values may change before the record runs
            return False
        record.steps += ((function, args[1:], kwargs),)
        return True

    def _replay(self, key: int) -> None:
        record = self._records.pop(key, None)
        if record is not None and record.steps:
            # A transformation such as vmap would take the fill for a part of what it transforms.
            with torch.no_grad(), outside_transforms(), self._numbers():
                for step in record.steps:
                    _run(step, record.target)

    @contextmanager
    def _numbers(self) -> Iterator[None]:
        """Leave the constructor the numbers of the seed that it has set since: this fill came before it."""
        if _initial_seed() == self._seed:
            yield
            return
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.seed()
            yield


def _run(step: _Step, target: torch.Tensor) -> None:
    """Make a recorded call for a tensor."""
    function, args, kwargs = step
    if "tensor" in kwargs:  # functions of torch.nn.init are dispatched with keywords only
        function(**kwargs | {"tensor": target})
    else:
        function(target, *args, **kwargs)


def _last_compiled_graph() -> object:
    """Return what torch tells about the code of `torch.jit` that this thread ran last; None if it ran none.

    Running the same code again would tell the same, so some other code is run first; unless a load around this one has
    done so, which would take that for code of its constructor.
    """
    nested = any(isinstance(mode, DeferredConstruction) for mode in active_function_modes())
    if last_jit_graph() is not None and not nested:
        _marker()()
    return last_jit_graph()


@functools.cache
def _marker() -> Any:
    return torch.jit.CompilationUnit("def mark() -> int:\n  return 1\n").mark


def _is_plain_parameter(tensor: torch.Tensor) -> bool:
    """Tell whether a tensor is a parameter with values of its own, and no wrapper around other tensors."""
    if type(tensor) is not nn.Parameter:  # which most are, and asking for the class is faster than isinstance
        if not isinstance(tensor, nn.Parameter) or isinstance(tensor, nn.UninitializedParameter):
            return False
        if wrapped_tensors(tensor) is not None:
            return False
    return tensor.layout is torch.strided and (tensor.is_floating_point() or tensor.is_complex())


def _same_elements(one: torch.Tensor, other: torch.Tensor) -> bool:
    return elements_in_storage(one) == elements_in_storage(other)


_initial_seed = torch.default_generator.initial_seed
_KAIMING = nn.init.kaiming_uniform_
_LOOK = _Kind.LOOK
_RANDOM_FILL = _Kind.RANDOM_FILL
_KINDS_BY_NAME = {
    **dict.fromkeys(_LOOKS, _Kind.LOOK),
    **dict.fromkeys(_RANDOM_FILLS, _Kind.RANDOM_FILL),
    **dict.fromkeys(_ELEMENTWISE, _Kind.ELEMENTWISE),
    **dict.fromkeys(_PLAIN_FILLS, _Kind.PLAIN_FILL),
    **dict.fromkeys(_EXPORTS, _Kind.EXPORT),
    "detach": _Kind.ALIAS,
}


@functools.lru_cache(maxsize=1024)
def _kind(func: Callable[..., Any]) -> _Kind:
    """Return what a function means for its tensors; what is not known reads them."""
    name = getattr(func, "__name__", "")
    looked_at = getattr(getattr(func, "__self__", None), "__name__", "") if name == "__get__" else ""
    if looked_at and looked_at != "__cuda_array_interface__":
        # A property that gives a view is only a look too: reading the view is noticed.
        return _Kind.ALIAS if looked_at == "data" else _Kind.LOOK
    return _KINDS_BY_NAME.get(name, _Kind.READ)


_SCALARS = frozenset({int, float, bool, str, type(None), torch.dtype, torch.device, torch.Size})


def _tensors(values: Iterable[Any]) -> list[torch.Tensor]:
    """Return the tensors in nested arguments, for a wrapper those that it is made of."""
    found: list[torch.Tensor] = []
    for value in values:
        if type(value) in _SCALARS:
            continue
        if isinstance(value, torch.Tensor):
            if type(value) is nn.Parameter:
                found.append(value)
            elif (parts := wrapped_tensors(value)) is not None:
                found += _tensors(parts)
            else:
                found.append(without_transforms(value))
        elif isinstance(value, (list, tuple)):
            found += _tensors(value)
        elif isinstance(value, dict):
            found += _tensors(value.values())
    return found
