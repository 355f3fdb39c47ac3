"""Constructing a module without drawing random values that a checkpoint then overwrites.

Inside `DeferredConstruction`, constructors run as they always do, on real memory. Only random in-place fills of
parameters are recorded instead of run. The first operation that reads such a parameter runs its record, so constructor
code only ever sees correct values, and `finish` runs what remains at the end. Memory that was never written costs next
to nothing. Buffers, plain tensors and deterministic values are real throughout.

A function mode acts on the thread that entered it and on nothing else; no global function is replaced. It cannot see
code that `torch.jit` compiled, so it detects afterwards that such code ran. Nor can it see other threads, or C
extensions that are given a tensor: a class whose constructor reads its parameters there sets the class attribute
`defer_initialization = False`.

A fill that is deferred draws no random numbers, so later draws differ from those of a construction by hand. A
constructor that seeds torch's generator, or uses a generator of its own, gets all of its numbers as usual; unless its
seed is the very one that the program had set before, which looks as if nothing had been seeded.
"""

from __future__ import annotations

import functools
import math
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from model_core.construction._function_kinds import FunctionKind, kind_of
from model_core.tensor_memory import elements_in_storage, num_storage_users, storage_key
from model_core.torch_internals import (
    active_function_modes,
    last_jit_graph,
    outside_transforms,
    storage_users,
    truncated_fill,
    without_function_modes,
    without_transforms,
    wrapped_tensors,
    wraps_tensors,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Self

__all__ = ["DeferredConstruction", "TooManyFillsError", "is_failed_allocation"]

# A call: function, positional arguments, keyword arguments.
_Call = tuple["Callable[..., Any]", tuple[Any, ...], dict[str, Any]]
# What gives a parameter its values: an alias of it, which also keeps its memory from being reused for another tensor,
# and the calls, each without the tensor argument, so that a parameter that the constructor discards is freed. A plain
# tuple, since there is one for each parameter.
_Record = tuple[torch.Tensor, tuple[_Call, ...]]

# Looked up once: these are needed on every call of a torch function.
_METADATA = FunctionKind.METADATA
_RANDOM_FILL = FunctionKind.RANDOM_FILL
_KAIMING_UNIFORM = nn.init.kaiming_uniform_
_initial_seed = torch.default_generator.initial_seed
_SCALAR_TYPES = frozenset({int, float, bool, str, type(None), torch.dtype, torch.device, torch.Size})


# What makes new tensors of sizes that constructors compute from a config.
_FACTORIES = frozenset(
    {torch.empty, torch.zeros, torch.ones, torch.full, torch.rand, torch.randn, torch.arange, torch.linspace, torch.eye}
)


class TooManyFillsError(Exception):
    """A constructor fills more parameters than it may."""


def is_failed_allocation(error: Exception) -> bool:
    """Return whether an error is that of a torch function which could not make a tensor of the size asked for."""
    if not isinstance(error, (RuntimeError, OverflowError, MemoryError)) and "verflow" not in str(error):
        return False
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None or trace.tb_frame.f_code is not DeferredConstruction.__torch_function__.__code__:
        return False
    return trace.tb_frame.f_locals["func"] in _FACTORIES


class DeferredConstruction(TorchFunctionMode):
    """A context in which random fills of parameters are recorded, to run on the first read or at the end.

    Attributes:
        num_recorded: How many fills were recorded.
        ran_compiled: Whether code that `torch.jit` compiled ran in the context. It may have read parameters too early.
    """

    def __init__(self, *, max_fills: float = math.inf) -> None:
        """Defer fills.

        Args:
            max_fills: How often parameters may be filled before `TooManyFillsError` is raised.
        """
        super().__init__()
        self.num_recorded = 0
        self._max_fills = max_fills
        self._num_fills = 0
        self.ran_compiled = False
        self._records: dict[int, _Record] = {}  # by storage
        self._last_fills: dict[Callable[..., Any], _Call] = {}  # by function
        self._exported: set[int] = set()  # storages
        self._last_graph: object = None
        self._seed = 0

    def __enter__(self) -> Self:
        self._last_graph = _distinct_jit_graph()
        self._seed = _initial_seed()
        super().__enter__()  # type: ignore[no-untyped-call]
        return self

    def __exit__(self, *error: object) -> None:
        super().__exit__(*error)  # type: ignore[no-untyped-call]
        self.ran_compiled = last_jit_graph() is not self._last_graph

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        # Every access to a shape comes through here: construction takes as long as this function does.
        try:
            kind = kind_of(func)
        except TypeError:  # not hashable
            kind = FunctionKind.READ
        if kwargs is None:
            if kind is _METADATA:
                return func(*args)
            kwargs = {}
        elif kind is _METADATA and "out" not in kwargs:
            return func(*args, **kwargs)
        first = args[0] if args else kwargs.get("tensor")
        if isinstance(first, torch.Tensor) and self._defer(kind, first, (func, args, kwargs)):
            return first if kind is not FunctionKind.META_QUESTION else True
        if kind is not FunctionKind.ALIAS:
            for tensor in _tensors_in(args) + _tensors_in(kwargs.values()) if kwargs else _tensors_in(args):
                key = storage_key(tensor)
                if key in self._records:
                    self._run_record(key)
                if kind is FunctionKind.EXPORT:
                    self._exported.add(key)
        return func(*args, **kwargs)

    def release(self, tensor: torch.Tensor, *, num_aliases: int = 1) -> bool:
        """Drop the record of a tensor that is about to get other values.

        Args:
            tensor: The tensor.
            num_aliases: How many tensors, itself included, are the same elements of memory and get the same values.

        Returns:
            Whether something else uses its memory, so that the values have to be copied into it. Whatever else that
            memory holds has its own values then.
        """
        key, users = storage_users(tensor)
        record = self._records.get(key)
        is_shared = users + (key in self._exported) - (record is not None) > num_aliases
        if record is not None:
            if is_shared and not _same_elements(record[0], tensor):
                self._run_record(key)
            else:
                del self._records[key]
        return is_shared

    def forget(self, tensor: torch.Tensor) -> None:
        """Drop the record of a tensor of which every element is being overwritten."""
        key = storage_key(tensor)
        record = self._records.get(key)
        if record is not None and _same_elements(record[0], tensor):
            del self._records[key]

    def finish(self) -> None:
        """Run the remaining records of tensors that are still in use, once the checkpoint's values are assigned."""
        for key, (target, _) in list(self._records.items()):
            if num_storage_users(target) > 1:
                self._run_record(key)
        self._records.clear()

    def _defer(self, kind: FunctionKind, tensor: torch.Tensor, call: _Call) -> bool:
        """Take note of a call on a tensor. Return whether it was deferred."""
        if kind is _RANDOM_FILL:
            self._count_fill(tensor)
            return self._record_fill(tensor, call)
        if kind is FunctionKind.ELEMENTWISE:
            return self._extend_record(tensor, call)
        if kind is FunctionKind.CONSTANT_FILL:
            self._count_fill(tensor)
            self.forget(tensor)
        elif kind is FunctionKind.ALIAS:
            self._record(tensor)
        elif kind is FunctionKind.META_QUESTION and tensor.is_floating_point() and (fill := truncated_fill(tensor)):
            return self._defer(_RANDOM_FILL, tensor, (*fill, {}))
        return False

    def _count_fill(self, tensor: torch.Tensor) -> None:
        self._num_fills += type(tensor) is nn.Parameter
        if self._num_fills > self._max_fills:
            raise TooManyFillsError

    def _record(self, tensor: torch.Tensor, *calls: _Call) -> bool:
        """Put calls that overwrite a tensor into its record, made if nothing else can read its memory.

        Anything that shares the memory later is made by a function that we see, and reads of it are noticed.

        Returns:
            Whether there is such a record.
        """
        key, users = storage_users(tensor)
        record = self._records.get(key)
        if record is not None:
            target = record[0]
            if not _same_elements(target, tensor):
                return False
        elif users == 1 and _is_plain_parameter(tensor) and key not in self._exported:
            target = without_function_modes(lambda: tensor.data)
        else:
            return False
        self._records[key] = target, calls or (record[1] if record else ())
        return True

    def _record_fill(self, tensor: torch.Tensor, call: _Call) -> bool:
        """Record a fill in place of everything recorded before. Return False if it has to run at once."""
        function, args, kwargs = call
        if args:
            args = args[1:]
        else:  # functions of torch.nn.init are dispatched with keywords only
            kwargs = kwargs.copy()
            del kwargs["tensor"]
        # A tensor argument may change before the record runs. A generator argument, or the global generator once it was
        # seeded, would give the constructor other numbers if this fill did not draw its own now.
        is_plain = _SCALAR_TYPES.issuperset(map(type, (*args, *kwargs.values())))
        if not is_plain or _initial_seed() != self._seed:
            return False
        if function is _KAIMING_UNIFORM and tensor.dim() <= 1:
            return False  # it raises, and the constructor may handle that
        fill = function, args, kwargs
        if (last := self._last_fills.setdefault(function, fill)) != fill:
            last = self._last_fills[function] = fill
        is_recorded = self._record(tensor, last)  # one object for all layers that are filled alike
        self.num_recorded += is_recorded
        return is_recorded

    def _extend_record(self, tensor: torch.Tensor, call: _Call) -> bool:
        """Add an elementwise call to the record of a tensor. Return False if it has to run at once."""
        key = storage_key(tensor)
        record = self._records.get(key)
        if record is None or not _same_elements(record[0], tensor):
            return False
        function, args, kwargs = call
        if _tensors_in(args[1:]) or _tensors_in(kwargs.values()):  # these may change before the record runs
            return False
        target, calls = record
        self._records[key] = target, (*calls, (function, args[1:], kwargs))
        return True

    def _run_record(self, key: int) -> None:
        target, calls = self._records.pop(key)
        if calls:
            # A transform such as vmap would apply to the fill as well.
            with torch.no_grad(), outside_transforms(), self._numbers_from_before_seeding():
                for function, args, kwargs in calls:
                    function(target, *args, **kwargs)

    @contextmanager
    def _numbers_from_before_seeding(self) -> Iterator[None]:
        """If the constructor has seeded since, keep the numbers of its seed for its own draws."""
        if _initial_seed() == self._seed:
            yield
            return
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.seed()
            yield


def _distinct_jit_graph() -> object:
    """Return the graph of the `torch.jit` code that this thread ran last, so that running any other changes it.

    Running the same code again would not change it, so code of our own is run first. A load inside the constructor of
    another load leaves that out: the outer load would take it for code of its constructor.
    """
    is_nested = any(isinstance(mode, DeferredConstruction) for mode in active_function_modes())
    if last_jit_graph() is not None and not is_nested:
        _jit_marker()()
    return last_jit_graph()


@functools.cache
def _jit_marker() -> Any:
    return torch.jit.CompilationUnit("def mark() -> int:\n  return 1\n").mark


def _is_plain_parameter(tensor: torch.Tensor) -> bool:
    """Return whether a tensor is a floating-point or complex parameter with values of its own.

    An integer parameter may become the shape of another tensor without any function being called.
    """
    if type(tensor) is not nn.Parameter:  # most are, and this is faster than isinstance
        if not isinstance(tensor, nn.Parameter) or isinstance(tensor, nn.UninitializedParameter):
            return False
        if wraps_tensors(tensor):
            return False
    is_differentiable = tensor.requires_grad or tensor.is_floating_point() or tensor.is_complex()
    return is_differentiable and tensor.layout is torch.strided


def _same_elements(one: torch.Tensor, other: torch.Tensor) -> bool:
    """Return whether two tensors that share their storage are the same elements of it."""
    return elements_in_storage(one) == elements_in_storage(other)


def _tensors_in(values: Iterable[Any]) -> list[torch.Tensor]:
    """Return the tensors in nested arguments; for a wrapper the tensors that it wraps."""
    found: list[torch.Tensor] = []
    for value in values:
        if type(value) in _SCALAR_TYPES:
            continue
        if isinstance(value, torch.Tensor):
            if type(value) is nn.Parameter:
                found.append(value)
            elif wraps_tensors(value):
                found += _tensors_in(wrapped_tensors(value))
            else:
                found.append(without_transforms(value))
        elif isinstance(value, (list, tuple)):
            found += _tensors_in(value)
        elif isinstance(value, dict):
            found += _tensors_in(value.values())
    return found
