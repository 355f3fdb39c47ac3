"""Full names of functions and modules that deserve a look: honest model code seldom needs them."""

from __future__ import annotations

from typing import Final

__all__ = ["HANDED_AROUND", "deserves_a_look", "kind_of"]

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
_KIND_OF: Final = {name: kind for kind, names in _NAMES.items() for name in names}

# These modules passed around as objects: what is then called on them is not visible.
HANDED_AROUND: Final = frozenset({"os", "sys", "builtins", "importlib", "posix", "nt"})


def deserves_a_look(full: str) -> bool:
    """Return whether a full name, or any name inside it, is listed."""
    return kind_of(full) is not None or any(listed.startswith(f"{full}.") for listed in _KIND_OF)


def kind_of(dotted: str) -> str | None:
    """Return the kind of a full name or of the nearest listed module that contains it."""
    while dotted:
        if dotted in _KIND_OF:
            return _KIND_OF[dotted]
        dotted = dotted.rpartition(".")[0]
    return None
