"""What mutants are made of: configs, indexes, headers, trust files and the answers of a Hub."""

from __future__ import annotations

import copy
import json
import os
import pickle
import shutil
import struct
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tiny_checkpoints
from auto_registry import AutoConfig, AutoModel
from config_core import PretrainedConfig, open_checkpoint
from config_core.code import CodeBundle
from fuzzing.json_trees import NAMES
from fuzzing.mutations import edit_bytes, edit_json
from fuzzing.rich_config import RichConfig
from fuzzing.running import Target
from hub_io import HUB_SERVICE, TrustEntry, TrustFile, TrustStore, load_into_registry
from resnet import ResnetConfig

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Mapping

    from loopback_hub.hub import LoopbackHub

__all__ = ["TARGETS"]

_Calls = dict[str, "Callable[[], object]"]


class _Configs(Target):
    """`config.json`, read by the config classes and the auto classes, and what was read saved and read again."""

    def __init__(self, place: Path, _hub: LoopbackHub) -> None:
        self.place, self.folder, self._saved = place, place / "checkpoint", place / "saved"
        tiny_checkpoints.write(self.folder, tiny_checkpoints.files())
        self._seeds = [
            RichConfig(anything={"a": [1, {"b": None}]}, id2label={0: "cat", 1: "dog"}).to_json_string(),
            RichConfig(dtype="bfloat16", architectures=["RichModel"], rate=float("inf")).to_json_string(),
            ResnetConfig(num_labels=3).to_json_string(),
            tiny_checkpoints.config_json(transformers_version="4.40.0", _name_or_path="owner/name"),
            tiny_checkpoints.config_json({"AutoConfig": "owner/other--conf.A", "AutoModel": ["a.B", None]}),
            '{"architecture": "resnet50d", "num_classes": 3, "pretrained_cfg": {"tag": "a", "mean": [0.5]}}',
        ]
        self._keys = sorted({*json.loads(self._seeds[0]), *json.loads(self._seeds[2]), "quantization_config"})

    def mutate(self, rng: random.Random) -> _Calls:
        (self.folder / "config.json").write_bytes(edit_json(rng.choice(self._seeds), rng, keys=self._keys))
        classes = {cls.__name__: cls for cls in (PretrainedConfig, RichConfig, ResnetConfig)}
        return {
            **{name: lambda cls=cls: self._read_and_save(cls) for name, cls in classes.items()},  # type: ignore[misc]
            "AutoConfig": lambda: AutoConfig.from_pretrained(self.folder),
            "AutoConfig, code_revision": lambda: AutoConfig.from_pretrained(self.folder, trust_remote_code=False),
            "AutoModel": lambda: AutoModel.from_pretrained(self.folder),
            "load_into_registry": lambda: load_into_registry(self.folder),
            "from_dict": lambda: RichConfig.from_dict(RichConfig.get_config_dict(self.folder)[0]),
            "inspect": lambda: _command("inspect", os.fspath(self.folder), "--json"),
            "check": lambda: _command("check", os.fspath(self.folder)),
        }

    def writable(self) -> tuple[Path, ...]:
        return (self._saved,)

    def _read_and_save(self, cls: type[PretrainedConfig]) -> None:
        shutil.rmtree(self._saved, ignore_errors=True)
        config = cls.from_pretrained(self.folder)
        repr(config)
        for other in (copy.deepcopy(config), pickle.loads(pickle.dumps(config))):
            assert other.to_json_string() == config.to_json_string(), "a copy differs"
        config.to_diff_dict()
        config.save_pretrained(self._saved)
        again = cls.from_pretrained(self._saved)
        assert again.to_json_string() == config.to_json_string(), "what was saved is read differently"
        assert os.listdir(self._saved) == ["config.json"], os.listdir(self._saved)  # noqa: PTH208 - the names


class _Weights(Target):
    """A checkpoint with weights of a model of torch."""

    def __init__(self, place: Path, _hub: LoopbackHub) -> None:
        from tiny_models import TinyConfig, TinyModel

        self.place, self.folder, self._model = place, place / "checkpoint", TinyModel
        self._shards = place / "shards"
        TinyModel(TinyConfig()).save_pretrained(self.folder)
        TinyModel(TinyConfig()).save_pretrained(self._shards, max_shard_size=80)

    def _loads(self) -> _Calls:
        load = self._model.from_pretrained
        return {
            "strict": lambda: load(self.folder),
            "lenient, read": lambda: load(self.folder, strict=False, read="copy", ignore_mismatched_sizes=True),
        }


class _Indexes(_Weights):
    """`model.safetensors.index.json`."""

    def __init__(self, place: Path, hub: LoopbackHub) -> None:
        super().__init__(place, hub)
        shutil.rmtree(self.folder)
        shutil.copytree(self._shards, self.folder)
        (place / "outside").mkdir()
        shutil.copy(next(self._shards.glob("*.safetensors")), place / "outside" / "model.safetensors")
        self._text = (self.folder / "model.safetensors.index.json").read_text(encoding="utf-8")
        self._keys = [*json.loads(self._text)["weight_map"], "weight_map", "metadata", "total_size"]

    def mutate(self, rng: random.Random) -> _Calls:
        (self.folder / "model.safetensors.index.json").write_bytes(edit_json(self._text, rng, keys=self._keys))
        return self._loads()


class _Headers(_Weights):
    """The header of `model.safetensors`: its JSON, its length, and the bytes of the file."""

    def __init__(self, place: Path, hub: LoopbackHub) -> None:
        super().__init__(place, hub)
        content = (self.folder / "model.safetensors").read_bytes()
        (length,) = struct.unpack("<Q", content[:8])
        self._header, self._values = content[8 : 8 + length].decode(), content[8 + length :]
        self._keys = ["dtype", "shape", "data_offsets", "__metadata__", *json.loads(self._header)]

    def mutate(self, rng: random.Random) -> _Calls:
        valid = rng.random() < 0.4
        header = self._valid_header(rng) if valid else edit_json(self._header, rng, keys=self._keys)
        length = rng.choice((len(header),) * 8 + (0, 1, len(header) - 1, len(header) + 8, 2**31, 2**63, 2**64 - 1))
        content = struct.pack("<Q", max(length, 0)) + header + self._values
        if rng.random() < 0.2:
            content = edit_bytes(content, rng)
        (self.folder / "model.safetensors").write_bytes(content)
        return self._loads()

    def _valid_header(self, rng: random.Random) -> bytes:
        """Return a header that describes the same bytes as other tensors."""
        header = json.loads(self._header)
        for _ in range(rng.choice((1, 1, 2, 4))):
            name = rng.choice(list(header))
            entry = header[name]
            if name == "__metadata__":
                entry[rng.choice([*entry, *NAMES])] = rng.choice([*entry.values(), *NAMES])
            elif rng.random() < 0.3:
                header[rng.choice([*header, *NAMES])] = header.pop(name)
            else:
                size = entry["data_offsets"][1] - entry["data_offsets"][0]
                entry["dtype"], width = rng.choice(_DTYPES)
                count = size * 8 // width
                entry["shape"] = rng.choice(([count], [1] * 70 + [count], [count // 2, 2], [1, count, 1], [0], []))
        return json.dumps(header).encode("utf-8", "surrogatepass")


class _TrustFiles(Target):
    """A trust file, and checkpoints whose code it may trust."""

    def __init__(self, place: Path, _hub: LoopbackHub) -> None:
        self.place, self.folder = place, place / "checkpoint"
        self._file = place / "store" / "trusted.json"
        code = {**tiny_checkpoints.files(), "modeling_tiny.py": "raise SystemExit('this ran')\n"}
        tiny_checkpoints.write(self.folder, code)
        other = CodeBundle({"other.py": b"pass\n", "data/a.json": b"{}"})
        self._file.parent.mkdir()
        TrustFile(self._file).add(TrustEntry.of(other, source="owner/name", commit="0" * 40, note="read by me"))
        TrustFile(self._file).add(TrustEntry.of(other, source=os.fspath(self.folder), commit=None))
        values = json.loads(self._file.read_text(encoding="utf-8"))
        self._text = json.dumps({"version": 1, "publishers": ["my-org"], "cooling_days": 7, **values}, indent=2)
        self._entry = TrustEntry.of(CodeBundle({"new.py": b"\n"}), source="owner/new", commit="1" * 40)
        self._keys = [*json.loads(self._text), *values["trusted"][0], "other.py"]
        self._models = f"# models\n{self.folder}\n\n./nothing  # comment\n{self.folder}@v1\n".encode()

    def mutate(self, rng: random.Random) -> _Calls:
        self._file.write_bytes(edit_json(self._text, rng, keys=self._keys))
        models = self._file.with_name("models.txt")
        models.write_bytes(edit_bytes(self._models, rng))

        def store() -> TrustStore:
            return TrustStore((TrustFile(self._file),))

        def change() -> None:
            TrustFile(self._file).add(self._entry)
            TrustFile(self._file).remove(source="owner/new")
            TrustFile(self._file).entries()

        os.environ["HUB_IO_TRUST_STORE"] = os.fspath(self._file)
        return {
            "entries": lambda: TrustFile(self._file).entries(),
            "find": lambda: (store().find("0" * 64), store().for_source("owner/name"), store().pin("owner/name")),
            "load": lambda: AutoModel.from_pretrained(self.folder),
            "list": lambda: _command("list"),
            "list --json": lambda: _command("list", "--json"),
            "diff": lambda: _command("diff", os.fspath(self.folder)),
            "check": lambda: _command("check", os.fspath(self.folder)),
            "check --requirements": lambda: _command(
                "check", "--requirements", os.fspath(models), "--json", "--offline"
            ),
            "change": change,
        }

    def writable(self) -> tuple[Path, ...]:
        return (self._file.parent,)


class _Answers(Target):
    """What a Hub answers: JSON, headers and the bytes of files, while a repository is opened, read and pushed to."""

    def __init__(self, place: Path, hub: LoopbackHub) -> None:
        from huggingface_hub.constants import HF_HUB_CACHE

        self.place, self._hub, self._cache = place, hub, place / "cache"
        self._default_cache = Path(HF_HUB_CACHE)
        self._token = hub.token("me")
        hub.offer_xet(offer=False)  # its part in Rust talks to other hosts as it likes
        content = tiny_checkpoints.files({"model.safetensors": "0" * 100, "sub/notes.txt": "x"})
        hub.create_repo("me/tiny", content)
        self._local = tiny_checkpoints.write(place / "local", {"config.json": '{"model_type": "tiny"}'})
        self._config = PretrainedConfig(model_type="tiny")
        self._publishers = place / "publishers.json"
        self._publishers.write_text(
            '{"version": 1, "publishers": ["me"], "cooling_days": 1, "trusted": []}', encoding="utf-8"
        )

    def mutate(self, rng: random.Random) -> _Calls:
        self._hub.end_test()
        for cache in (self._cache, self._default_cache):
            shutil.rmtree(cache, ignore_errors=True)
        self._hub.rewrite_next(rng.choice(_ROUTES), lambda headers, body: _edit_answer(headers, body, rng), times=99)
        if rng.random() < 0.3:
            return {"push": lambda: self._config.push_to_hub("me/pushed", token=self._token)}
        return {
            "open": lambda: HUB_SERVICE.open("me/tiny", cache_dir=self._cache, revision=rng.choice((None, "main"))),
            "files": self._read_files,
            "AutoConfig": lambda: AutoConfig.from_pretrained("me/tiny", cache_dir=self._cache),
            "offline": lambda: AutoConfig.from_pretrained("me/tiny", cache_dir=self._cache, local_files_only=True),
            "check": lambda: _command("check", "me/tiny"),
            "check, publishers": lambda: _command("check", "me/tiny@main", store=self._publishers),
        }

    def writable(self) -> tuple[Path, ...]:
        import tempfile

        return (self._cache, Path(tempfile.gettempdir()))

    def _read_files(self) -> None:
        checkpoint = open_checkpoint("me/tiny", cache_dir=self._cache)
        checkpoint.local_paths(sorted(checkpoint.filenames()))


# With their bits.
_DTYPES = [("F64", 64), ("F32", 32), ("F16", 16), ("BF16", 16), ("F8_E4M3", 8), ("F8_E5M2", 8), ("F8_E8M0", 8),
           ("F4", 4), ("F6_E2M3", 6), ("I64", 64), ("I8", 8), ("U8", 8), ("U16", 16), ("U64", 64), ("BOOL", 8),
           ("C64", 64), ("F8_E4M3FNUZ", 8)]  # fmt: skip
_ROUTES = [
    "/api/",
    "/api/models/me/tiny",
    "/resolve/",
    "/resolve/",
    "/tree/",
    "/objects/",
    "/preupload/",
    "/commit/",
    "",
]
_HEADER_NAMES = ["etag", "x-repo-commit", "x-linked-etag", "x-linked-size", "location", "link", "content-type",
                 "x-error-code", "x-error-message", "content-encoding", "retry-after", "content-disposition",
                 "accept-ranges", "content-range", "x-xet-hash", "cache-control", "x-request-id"]  # fmt: skip
_HEADER_VALUES = ["", "0", "-1", "1e9", "gzip", "br", "text/html", "/api/models/me/tiny", "../../x", '"', 'W/"x"',
                  "RepoNotFound", "GatedRepo", "EntryNotFound", "bytes 0-1/2", "9" * 400, "http://127.0.0.1:9/x",
                  "http://[::1", "//127.0.0.1", "http://user:pass@127.0.0.1:9/", '</x>; rel="next"', "\xe9",
                  "0" * 40]  # fmt: skip


def _edit_answer(headers: dict[str, str], body: bytes, rng: random.Random) -> tuple[dict[str, str], bytes]:
    if rng.random() < 0.35:
        name = rng.choice([*(name for name in headers if name != "transfer-encoding"), *_HEADER_NAMES])
        names = [name for name in NAMES if name.isprintable() and name.isascii() and len(name) < 1_000]
        headers = {**headers, name: rng.choice([*_HEADER_VALUES, *names])}
        if rng.random() < 0.2:
            headers.pop(name)
        return headers, body
    with suppress(ValueError):
        return headers, edit_json(
            body.decode(), rng, keys=["siblings", "rfilename", "sha", "path", "oid", "lfs", "size"]
        )
    return headers, edit_bytes(body, rng)


def _command(*arguments: str, store: Path | None = None) -> None:
    """Run the command `hub-io`, whose errors for users are as good as ours, perhaps with a trust store."""
    from click.testing import CliRunner

    from hub_io.command import main

    environment = None if store is None else {"HUB_IO_TRUST_STORE": os.fspath(store)}
    result = CliRunner().invoke(main, arguments, env=environment)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    unprintable = {char for char in result.output if not char.isprintable()} - {"\n", "\t"}
    if "Traceback" in result.output or unprintable or result.exit_code == 70:  # what stands for a bug
        raise AssertionError(result.output)


TARGETS: Mapping[str, type[Any]] = {
    "config": _Configs,
    "index": _Indexes,
    "header": _Headers,
    "trust": _TrustFiles,
    "hub": _Answers,
}
