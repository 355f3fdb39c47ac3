"""Lines of source code that deserve a look before it may run, found with `ast`.

This helps people to read the code and proves nothing: hostile code can avoid any list. Listed is what honest code
seldom needs; what is not listed can do harm as well.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hub_io.command._screen import split_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Remark", "remarks_on"]


@dataclass(frozen=True, slots=True, order=True)
class Remark:
    """A line that deserves a look.

    Attributes:
        file: The file.
        line: The line, counted from 1.
        kind: What it does, such as `starts programs`.
        what: The name, such as `subprocess.run`.
        at_import: Whether it is outside of functions, and so runs when the file is imported.
    """

    file: str
    line: int
    kind: str
    what: str
    at_import: bool


# Full names or prefixes of them, by purpose.
_NAMES: Final[dict[str, tuple[str, ...]]] = {
    "starts programs": (
        "subprocess", "os.system", "os.popen", "os.startfile", "os.fork", "os.forkpty", "os.posix_spawn",
        "os.posix_spawnp", "pty", "multiprocessing", "concurrent.futures.ProcessPoolExecutor",
        "asyncio.create_subprocess_exec", "asyncio.create_subprocess_shell", "webbrowser",
        *(f"os.exec{end}" for end in ("l", "le", "lp", "lpe", "v", "ve", "vp", "vpe")),
        *(f"os.spawn{end}" for end in ("l", "le", "lp", "lpe", "v", "ve", "vp", "vpe")),
    ),
    "talks to the network": (
        "socket", "socketserver", "ssl", "http", "urllib.request", "urllib3", "requests", "httpx", "httpx2", "aiohttp",
        "ftplib", "smtplib", "imaplib", "poplib", "telnetlib", "xmlrpc", "websocket", "websockets", "paramiko",
        "asyncio.open_connection", "asyncio.start_server", "huggingface_hub", "torch.hub",
        "torch.distributed.rpc", "boto3", "wget",
    ),
    "runs text as code": (
        "builtins.eval", "builtins.exec", "builtins.compile", "code", "codeop", "runpy", "types.FunctionType",
        "types.CodeType", "timeit",
    ),
    "imports what it computes": (
        "builtins.__import__", "importlib.import_module", "importlib.__import__", "importlib.reload", "importlib.util",
        "importlib.machinery", "pkgutil.resolve_name", "imp", "zipimport",
    ),
    "unpickles": (
        "pickle", "_pickle", "cPickle", "cloudpickle", "dill", "joblib.load", "shelve", "marshal", "pandas.read_pickle",
        "yaml.load", "yaml.unsafe_load", "yaml.full_load", "jsonpickle",
    ),
    "runs native code": (
        "ctypes", "_ctypes", "cffi", "mmap", "torch.utils.cpp_extension", "torch.ops.load_library",
        "torch.classes.load_library",
    ),
    "writes or removes files": (
        "shutil", "os.remove", "os.unlink", "os.rename", "os.renames", "os.replace", "os.rmdir", "os.removedirs",
        "os.mkdir", "os.makedirs", "os.chmod", "os.chown", "os.symlink", "os.link", "os.truncate", "os.open",
        "os.write", "os.mkfifo",
    ),
    "reads the environment": (
        "os.environ", "os.environb", "os.getenv", "os.getenvb", "os.putenv", "os.unsetenv", "getpass", "keyring",
        "netrc", "pwd",
    ),
    "reaches into the interpreter": (
        "sys.modules", "sys.path", "sys.meta_path", "sys.path_hooks", "sys.path_importer_cache", "sys.settrace",
        "sys.setprofile", "sys.addaudithook", "sys._getframe", "sys.excepthook", "sys.unraisablehook",
        "threading.settrace", "threading.setprofile",
        "inspect.currentframe", "inspect.stack", "gc", "atexit", "signal", "site", "ensurepip",
        "builtins.globals", "builtins.breakpoint",
    ),
    "touches what decides on code": ("hub_io",),
}  # fmt: skip
_KINDS: Final = {name: kind for kind, names in _NAMES.items() for name in names}

# These modules passed around as objects: what is then called on them is not visible.
_HANDED_AROUND: Final = frozenset({"os", "sys", "builtins", "importlib", "posix", "nt"})
_METHODS: Final = frozenset({"write_text", "write_bytes", "unlink", "rmdir", "symlink_to", "hardlink_to", "chmod"})
_INSIDES: Final = frozenset({
    "__subclasses__", "__globals__", "__builtins__", "__code__", "__closure__", "__bases__", "__mro__", "f_globals",
    "f_back", "f_locals", "gi_frame", "tb_frame",
})  # fmt: skip
_OURS: Final = re.compile(r"HUB_IO_|hub-code\.lock|trust_remote_code")
_BUILTINS: Final = frozenset({"eval", "exec", "compile", "__import__", "globals", "breakpoint", "open"})
_LONG_TEXT = 4096
_LONG_LINE = 1000
_LONGEST_TOKENIZED = 10_000  # some releases of Python copy the whole line for each token of it
# Categories of characters that are invisible or change the display: controls, direction, zero width, tags, private.
_UNSEEN: Final = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})
_BLANK_LETTERS: Final = frozenset("\u115f\u1160\u3164\uffa0")


def remarks_on(file: str, text: str, tree: ast.Module) -> list[Remark]:
    """Return the lines of a file that deserve a look, in order.

    Args:
        file: Name of the file.
        text: Its content.
        tree: The parsed content.
    """
    found = {Remark(file, line, kind, what, at_import) for line, kind, what, at_import in _in_tree(tree)}
    found |= {Remark(file, line, "hides from readers", what, at_import=True) for line, what in _in_text(text)}
    return sorted(found)


def _in_tree(tree: ast.Module) -> Iterator[tuple[int, str, str, bool]]:
    """Yield line, kind, name, and whether it runs at import. Not recursive: expressions may be deeply nested."""
    names = _imported_names(tree)
    waiting: list[tuple[ast.AST, bool]] = [(tree, True)]
    while waiting:
        node, at_import = waiting.pop()
        root, attributes = _chain(node)
        dotted = _dotted(root, attributes, names)
        for kind, what in _about(node, dotted, attributes, names):
            yield getattr(node, "lineno", 1), kind, what, at_import
        if dotted is not None:
            continue  # otherwise `os` in `os.environ` would count as passed around
        if attributes:
            waiting.append((root, at_import))
            continue
        inside = _bodies(node)
        waiting.extend((child, at_import and child not in inside) for child in ast.iter_child_nodes(node))


def _bodies(node: ast.AST) -> set[ast.AST]:
    """Return the parts of a function that run when it is called, not when it is defined."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return set(node.body)
    return {node.body} if isinstance(node, ast.Lambda) else set()


def _imported_names(tree: ast.Module) -> dict[str, str]:
    """Return each name in a file with its full name: builtins, and everything imported anywhere in it.

    If a name has two meanings, the one that deserves a look wins.
    """
    names = {name: f"builtins.{name}" for name in _BUILTINS}
    for node in ast.walk(tree):
        found: dict[str, str] = {}
        if isinstance(node, ast.Import):
            for alias in node.names:
                first = alias.name.partition(".")[0]
                found[alias.asname or first] = alias.name if alias.asname else first
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found = {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
        names |= {name: full for name, full in found.items() if name not in names or _deserves_a_look(full)}
    return names


def _chain(node: ast.AST) -> tuple[ast.AST, list[str]]:
    """Return the root of a chain of attributes, and the attributes; none if the node is not a chain."""
    attributes: list[str] = []
    while isinstance(node, ast.Attribute):
        attributes.append(node.attr)
        node = node.value
    return node, attributes[::-1]


def _dotted(root: ast.AST, attributes: list[str], names: dict[str, str]) -> str | None:
    """Return the full name of a name or chain of attributes, or None."""
    return ".".join([names[root.id], *attributes]) if isinstance(root, ast.Name) and root.id in names else None


def _about(
    node: ast.AST, dotted: str | None, attributes: list[str], names: dict[str, str]
) -> Iterator[tuple[str, str]]:
    """Yield kind and name of each remark on a node or chain of attributes."""
    if dotted is not None:
        if kind := _kind_of(dotted):
            yield kind, dotted.removeprefix("builtins.")
        elif dotted in _HANDED_AROUND:
            yield "hides what it calls", dotted
    for name in [node.id] if isinstance(node, ast.Name) else attributes:
        if name in _INSIDES:
            yield "reaches into the interpreter", name
    if isinstance(node, ast.Call):
        yield from _about_call(node, names)
    elif isinstance(node, ast.ImportFrom) and node.module and not node.level and node.names[0].name == "*":
        if node.module in _HANDED_AROUND or _kind_of(node.module):
            yield "hides what it calls", f"from {node.module} import *"
    elif isinstance(node, ast.Constant):
        yield from _about_constant(node.value)


def _deserves_a_look(full: str) -> bool:
    """Return whether a full name, or any name inside it, is listed."""
    return _kind_of(full) is not None or any(listed.startswith(f"{full}.") for listed in _KINDS)


def _kind_of(dotted: str) -> str | None:
    """Return the kind of a full name or of the nearest listed module that contains it."""
    while dotted:
        if dotted in _KINDS:
            return _KINDS[dotted]
        dotted = dotted.rpartition(".")[0]
    return None


def _about_call(call: ast.Call, names: dict[str, str]) -> Iterator[tuple[str, str]]:
    called = _dotted(*_chain(call.func), names)
    options = {option.arg: option.value for option in call.keywords}
    if called in {"builtins.open", "io.open"}:
        mode = call.args[1] if len(call.args) > 1 else options.get("mode", ast.Constant("r"))
        if not isinstance(mode, ast.Constant) or set(str(mode.value)) & set("wax+"):
            yield "writes or removes files", "open"
    elif called == "torch.load" and getattr(options.get("weights_only"), "value", None) is not True:
        yield "unpickles", "torch.load without weights_only=True"
    elif called == "numpy.load" and "allow_pickle" in options:
        yield "unpickles", "numpy.load with allow_pickle"
    elif called is None and isinstance(call.func, ast.Attribute) and call.func.attr in _METHODS:
        yield "writes or removes files", f".{call.func.attr}()"


def _about_constant(value: object) -> Iterator[tuple[str, str]]:
    if not isinstance(value, (str, bytes)):
        return
    if isinstance(value, str):
        if value in _INSIDES:
            yield "reaches into the interpreter", repr(value)
        if ours := _OURS.search(value):
            yield "touches what decides on code", ours[0]
    if len(value) > _LONG_TEXT and " " not in str(value[:_LONG_TEXT]):
        yield "hides from readers", f"a constant of {len(value):,} characters without a space"


def _in_text(text: str) -> Iterator[tuple[int, str]]:
    """Yield line and name of what is invisible to a reader, or looks like something else."""
    for number, line in enumerate(split_lines(text.removeprefix("\ufeff")), start=1):
        for character in sorted(set(line) - {"\t", "\f"}):
            if unicodedata.category(character) in _UNSEEN or character in _BLANK_LETTERS:
                yield number, f"the character U+{ord(character):04X}"
        if len(line) > _LONG_LINE:
            yield number, f"a line of {len(line):,} characters"
    if not text.isascii() and max(map(len, text.split("\n"))) <= _LONGEST_TOKENIZED:
        yield from _foreign_identifiers(text)


def _foreign_identifiers(text: str) -> Iterator[tuple[int, str]]:
    """Yield identifiers with letters that look like ASCII: readers, and sometimes Python, take them for ASCII."""
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.NAME and not token.string.isascii():
                yield token.start[0], f"the name {token.string!a}"
    except (tokenize.TokenError, SyntaxError):
        return
