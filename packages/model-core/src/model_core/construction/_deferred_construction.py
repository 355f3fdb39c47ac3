"""Constructing a module without drawing random values that a checkpoint then overwrites.

Inside `DeferredConstruction`, constructors run as they always do, on real memory. Only random in-place fills of
parameters or parts of them are recorded instead of run, with what is done to the values afterwards. The first operation
that reads such a parameter runs its record, so constructor code only ever sees correct values, and `finish` runs what
remains at the end. Memory that was never written costs next to nothing. Copies of values that have not been drawn are
deferred too. All other buffers, plain tensors and deterministic values are real throughout.

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
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from model_core.construction._function_kinds import FunctionKind, answer_without_values, kind_of
from model_core.construction._recorded_calls import (
    Call,
    SharedValues,
    is_whole,
    on_target,
    run_calls,
    same_elements,
    without_first,
)
from model_core.tensor_memory import num_storage_users, storage_key
from model_core.torch_internals import (
    active_function_modes,
    fill_under_way,
    last_jit_graph,
    outside_transforms,
    storage_users,
    without_function_modes,
    without_transforms,
    wrapped_tensors,
    wraps_tensors,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Self

__all__ = ["DeferredConstruction", "TooManyFillsError", "is_failed_allocation"]

# What gives a parameter its values: an alias of it, which also keeps its memory from being reused for another tensor,
# and the calls, each without the tensor argument, so that a parameter that the constructor discards is freed. A plain
# tuple, since there is one for each parameter.
_Record = tuple[torch.Tensor, tuple[Call, ...]]

# Looked up once: these are needed on every call of a torch function.
_METADATA = FunctionKind.METADATA
_RANDOM_FILL = FunctionKind.RANDOM_FILL
_KAIMING_UNIFORM = nn.init.kaiming_uniform_
_initial_seed = torch.default_generator.initial_seed
_CHANGES = frozenset(
    {
        *(FunctionKind.RANDOM_FILL, FunctionKind.CONSTANT_FILL, FunctionKind.INDEX_FILL, FunctionKind.COPY),
        FunctionKind.ELEMENTWISE,
    }
)
_NUMBERS = frozenset({int, float, bool})
_INDEX_TYPES = frozenset({int, slice, type(None), type(...)})
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
        self._last_fills: dict[Callable[..., Any], Call] = {}  # by function
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
        elif kind is _METADATA:
            if isinstance(out := kwargs.get("out"), torch.Tensor):
                if not (out.requires_grad and torch.is_grad_enabled()):  # otherwise it fails
                    self.forget(out)
                self._before_read((out,), {}, exports=False)
            return func(*args, **kwargs)
        first = args[0] if args else kwargs.get("tensor")
        if isinstance(first, torch.Tensor):
            defer = self._HANDLERS.get(kind)
            if args and first.requires_grad and kind in _CHANGES and torch.is_grad_enabled():
                defer = None  # it fails for a leaf, and functions of torch.nn.init have no positional arguments
            if defer is not None and (result := defer(self, first, (func, args, kwargs))) is not None:
                return result
        self._before_read(args, kwargs, exports=kind is FunctionKind.EXPORT)
        return func(*args, **kwargs)

    def _before_read(self, args: Iterable[Any], kwargs: dict[str, Any], *, exports: bool) -> None:
        for tensor in _tensors_in(args) + _tensors_in(kwargs.values()) if kwargs else _tensors_in(args):
            key = storage_key(tensor)
            if key in self._records:
                self._run_record(key)
            if exports:
                self._exported.add(key)

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
            if is_shared and not same_elements(record[0], tensor):
                self._run_record(key)
            else:
                del self._records[key]
        return is_shared

    def forget(self, tensor: torch.Tensor) -> None:
        """Drop the record of a tensor of which every element is being overwritten."""
        key = storage_key(tensor)
        record = self._records.get(key)
        if record is not None and same_elements(record[0], tensor):
            del self._records[key]

    def finish(self) -> None:
        """Run the remaining records of tensors that are still in use, once the checkpoint's values are assigned."""
        for key, (target, _) in list(self._records.items()):
            if num_storage_users(target) > 1:
                self._run_record(key)
        self._records.clear()

    # The following take note of a call on a tensor. They return its result, or None if it may read or change values.

    def _defer_random_fill(self, tensor: torch.Tensor, call: Call) -> torch.Tensor | None:
        self._count_fill(tensor)
        return tensor if self._record_fill(tensor, call) else None

    def _defer_constant_fill(self, tensor: torch.Tensor, call: Call) -> torch.Tensor | None:
        self._count_fill(tensor)
        _, args, kwargs = without_first(call)
        if _NUMBERS.issuperset(map(type, (*args, *kwargs.values()))):  # not an element of the tensor
            self.forget(tensor)
        return self._defer_change(tensor, call)

    def _defer_change(self, tensor: torch.Tensor, call: Call) -> torch.Tensor | None:
        key = storage_key(tensor)
        target, calls = self._records.get(key, (tensor, ()))
        call = _, args, kwargs = without_first(call)
        if not calls or _tensors_in(args) or _tensors_in(kwargs.values()):  # these may change before the record runs
            return None
        on_record = on_target(target, tensor, call)
        if on_record is None:
            return None
        self._records[key] = target, (*calls, on_record)
        return tensor

    def _defer_index_fill(self, tensor: torch.Tensor, call: Call) -> torch.Tensor | None:
        _, index, value = call[1]
        if not _is_basic_index(index) or type(value) not in _NUMBERS or storage_key(tensor) not in self._records:
            return None
        part = tensor[index]
        return self._defer_constant_fill(part, (torch.Tensor.fill_, (part, value), {}))

    def _alias(self, tensor: torch.Tensor, call: Call) -> Any:
        function, args, kwargs = call
        self._record(tensor)
        return function(*args, **kwargs)

    def _index(self, tensor: torch.Tensor, call: Call) -> Any:
        return self._alias(tensor, call) if _is_basic_index(call[1][1]) else None

    def _reshape(self, tensor: torch.Tensor, call: Call) -> Any:
        return self._alias(tensor, call) if tensor.is_contiguous() else None

    def _answer(self, tensor: torch.Tensor, call: Call) -> Any:
        function, args, kwargs = call
        fill = fill_under_way(tensor) if tensor.is_floating_point() else None
        if fill is None or self._defer_random_fill(tensor, (*fill, {})) is None:
            return function(*args, **kwargs)
        return answer_without_values(function)

    def _defer_conversion(self, tensor: torch.Tensor, call: Call) -> torch.Tensor | None:
        function, args, kwargs = call
        if _tensors_in(args[1:]) or "memory_format" in kwargs:
            return None
        nothing = tensor.new_empty(0)
        return tensor if function(nothing, *args[1:], **kwargs) is nothing else None

    def _defer_copy(self, tensor: torch.Tensor, call: Call) -> torch.Tensor | None:
        source = call[1][1] if len(call[1]) > 1 else None
        if not isinstance(source, torch.Tensor) or source.shape != tensor.shape:
            return None
        values = self._shared_values(source)
        if values is not None and self._record(tensor, values):
            return tensor
        if storage_key(tensor) not in map(storage_key, _tensors_in([source])):
            self.forget(tensor)
        return None

    def _defer_clone(self, tensor: torch.Tensor, call: Call) -> torch.Tensor | None:
        keeps_format = call[2].get("memory_format", torch.preserve_format) is torch.preserve_format
        values = self._shared_values(tensor) if keeps_format else None
        if values is None:
            return None
        copy = without_function_modes(lambda: torch.empty_like(tensor, requires_grad=False))
        if without_transforms(copy) is not copy:
            return None
        self._records[storage_key(copy)] = without_function_modes(copy.detach), (values,)
        return copy

    _HANDLERS: ClassVar[dict[FunctionKind, Callable[[Any, torch.Tensor, Call], Any]]] = {
        FunctionKind.ALIAS: _alias,
        FunctionKind.INDEX: _index,
        FunctionKind.RESHAPE: _reshape,
        FunctionKind.QUESTION: _answer,
        FunctionKind.RANDOM_FILL: _defer_random_fill,
        FunctionKind.CONSTANT_FILL: _defer_constant_fill,
        FunctionKind.ELEMENTWISE: _defer_change,
        FunctionKind.INDEX_FILL: _defer_index_fill,
        FunctionKind.CONVERSION: _defer_conversion,
        FunctionKind.COPY: _defer_copy,
        FunctionKind.CLONE: _defer_clone,
    }

    def _shared_values(self, tensor: torch.Tensor) -> Call | None:
        """Return the call that copies the values of a tensor, or None if they are not to be deferred."""
        key = storage_key(tensor)
        target, calls = self._records.get(key, (tensor, ()))
        if not calls or not is_whole(calls[0]) or not same_elements(target, tensor):
            return None
        if (tensor.requires_grad and torch.is_grad_enabled()) or not tensor.is_contiguous():
            return None
        if tensor.nbytes != without_function_modes(tensor.untyped_storage).nbytes():
            return None
        last = calls[-1][0]
        if not isinstance(last, SharedValues) or last.dtype is not target.dtype:
            calls = ((SharedValues(target, calls), (), {}),)
            self._records[key] = target, calls
        return calls[-1]

    def _count_fill(self, tensor: torch.Tensor) -> None:
        self._num_fills += type(tensor) is nn.Parameter
        if self._num_fills > self._max_fills:
            raise TooManyFillsError

    def _record(self, tensor: torch.Tensor, call: Call | None = None) -> bool:
        """Put a call that overwrites a tensor into its record, made if nothing else can read its memory.

        Anything that shares the memory later is made by a function that we see, and reads of it are noticed.

        Returns:
            Whether there is such a record.
        """
        key, users = storage_users(tensor)
        record = self._records.get(key)
        if record is not None:
            target, calls = record
            if call is not None:
                on_record = on_target(target, tensor, call)
                if on_record is None:
                    return False
                calls = (call,) if on_record is call else (*calls, on_record)
        elif users == 1 and _is_plain_parameter(tensor) and key not in self._exported:
            target = without_function_modes(lambda: tensor.data)
            calls = (call,) if call is not None else ()
        else:
            return False
        self._records[key] = target, calls
        return True

    def _record_fill(self, tensor: torch.Tensor, call: Call) -> bool:
        """Record a fill in place of everything recorded before. Return False if it has to run at once."""
        fill = function, args, kwargs = without_first(call)
        # A tensor argument may change before the record runs. A generator argument, or the global generator once it was
        # seeded, would give the constructor other numbers if this fill did not draw its own now.
        is_plain = _SCALAR_TYPES.issuperset(map(type, (*args, *kwargs.values())))
        if not is_plain or _initial_seed() != self._seed:
            return False
        if function is _KAIMING_UNIFORM and tensor.dim() <= 1:
            return False  # it raises, and the constructor may handle that
        if (last := self._last_fills.setdefault(function, fill)) != fill:
            last = self._last_fills[function] = fill
        is_recorded = self._record(tensor, last)  # one object for all layers that are filled alike
        self.num_recorded += is_recorded
        return is_recorded

    def _run_record(self, key: int) -> None:
        target, calls = self._records.pop(key)
        if calls:
            # A transform such as vmap would apply to the fill as well.
            in_its_mode = torch.inference_mode(target.is_inference())
            with in_its_mode, torch.no_grad(), outside_transforms(), self._numbers_from_before_seeding():
                run_calls(target, calls)

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


def _is_basic_index(index: object) -> bool:
    """Return whether indexing a tensor makes an alias."""
    return _INDEX_TYPES.issuperset(map(type, index)) if isinstance(index, tuple) else type(index) in _INDEX_TYPES


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
