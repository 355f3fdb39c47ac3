"""What each package costs, beside transformers: a Markdown table of sizes and import costs, as README shows it.

    uv run python tests/benchmarks/package_costs.py [--write]

Each wheel is installed alone into a fresh environment, in the versions of uv.lock. What is downloaded are the wheels
that this Python takes, in the sizes of uv.lock. Sizes on the disk are those of the files that the installer recorded.
Both are in MB of a million bytes. The time of an import is the CPU time of a fresh interpreter that runs the line, in
multiples of one that runs none: medians of interleaved runs, with compiled bytecode and a warm page cache.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import subprocess
import sys
import tempfile
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from packaging.tags import sys_tags
from packaging.utils import canonicalize_name, parse_wheel_filename

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from fresh_environment import build_wheels
from release_tools.environments import FreshEnvironment, locked_versions
from release_tools.workspace import Workspace
from workspace_packages import ROOT, WORKSPACE_PACKAGES

MEGABYTE = 1_000_000
# Of a Linux build of torch from the index: what a build for the CPU does without.
CUDA_DISTRIBUTIONS = ("nvidia-", "cuda-", "triton")
CUDA_LIBRARIES = ("libtorch_cuda", "libc10_cuda", "libtorch_nvshmem", "libcaffe2_nvrtc", "libcudnn")

# What users write first; several lines where one part of a package costs less than the whole.
LINES = {
    "config_core": ["from config_core import PretrainedConfig"],
    "auto_registry": ["from auto_registry import AutoConfig, AutoModel"],
    "hub_io": ["from hub_io import load_into_registry"],
    "model_core": ["from model_core import PreTrainedModel"],
    "resnet": ["from resnet import ResnetConfig", "from resnet import ResnetModel"],
}
# What they are set beside: distributions, and a line that users write first.
PEERS = {
    ("transformers",): ["from transformers import AutoConfig, PretrainedConfig"],
    ("transformers", "torch"): ["from transformers import PreTrainedModel"],
}
TITLES = (
    "install",
    "brings",
    "download",
    "on disk",
    "without CUDA",
    "import",
    "loads",
    "CPU time (bare Python = 1)",
)

SIZES = f"""
import importlib.metadata, json
sizes = {{}}
for found in importlib.metadata.distributions():
    files = [path for path in found.files or () if path.suffix != ".pyc"]
    size = {{path: path.locate().stat().st_size for path in files if path.locate().is_file()}}
    name = found.metadata["Name"]
    cuda = sum(size.values()) if name.startswith({CUDA_DISTRIBUTIONS!r}) else sum(
        bytes_ for path, bytes_ in size.items() if path.name.startswith({CUDA_LIBRARIES!r})
    )
    sizes[name] = sum(size.values()), cuda
print(json.dumps(sizes))
"""
IMPORT = """
import resource, sys
before = len(sys.modules)
{line}
used = resource.getrusage(resource.RUSAGE_SELF)
print(len(sys.modules) - before, used.ru_utime + used.ru_stime)
"""


@dataclass(frozen=True)
class Cost:
    """What one package costs.

    Attributes:
        name: What was asked for, with extras.
        line: The import that was measured.
        num_distributions: Number of distributions installed, itself included.
        download: Bytes of their wheels.
        size: Bytes on the disk.
        cuda_size: Bytes of these that belong to torch's CUDA.
        num_modules: Number of modules that its import loads.
        import_ratio: CPU time of an interpreter that runs the line, in multiples of one that runs none.
        import_seconds: The same in seconds on this machine.
    """

    name: str
    line: str
    num_distributions: int
    download: int
    size: int
    cuda_size: int
    num_modules: int
    import_ratio: float
    import_seconds: float


def installed(folder, requirements):
    """Return an environment with requirements, in the versions of uv.lock; wheels of ours are beside its folder."""
    environment = FreshEnvironment.create(folder, sys.executable)
    environment.install(requirements, wheels=folder.parent / "wheels", constraints=locked_versions(ROOT))
    return environment


def measure(name, lines, environment, wheels, *, runs):
    """Return the costs of what was installed alone into an environment, one for each line of import."""
    sizes = json.loads(environment.run("-c", SIZES))
    versions = environment.distributions().items()
    download = sum(
        wheels[name].stat().st_size if name in wheels else download_size(name, version) for name, version in versions
    )
    return [
        Cost(
            name,
            line,
            len(sizes),
            download,
            sum(size for size, _ in sizes.values()),
            sum(cuda for _, cuda in sizes.values()),
            *import_cost(environment.python, line, runs=runs),
        )
        for line in lines
    ]


@cache
def locked_wheels():
    """Return the wheels of uv.lock by name and version of their distribution."""
    lock = tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))
    return {(each["name"], each["version"]): each.get("wheels", []) for each in lock["package"] if "version" in each}


def download_size(name, version):
    """Return the size of the wheel that this Python takes for a distribution."""
    sizes = {
        tag: wheel["size"]
        for wheel in locked_wheels()[canonicalize_name(name), version]
        for tag in parse_wheel_filename(wheel["url"].rpartition("/")[2])[3]
    }
    return next(sizes[tag] for tag in sys_tags() if tag in sizes)


def import_cost(python, line, *, runs):
    """Return the number of modules that a line loads, and its CPU time in multiples of nothing and in seconds."""
    run_import(python, line)  # compiles the bytecode
    measured = [(run_import(python, "pass"), run_import(python, line)) for _ in range(runs)]
    bare = statistics.median(seconds for (_, seconds), _ in measured)
    loaded = statistics.median(seconds for _, (_, seconds) in measured)
    return measured[0][1][0], loaded / bare, loaded


def run_import(python, line):
    """Return the number of modules that a line loads and the CPU seconds of the whole interpreter."""
    command = [python, "-I", "-c", IMPORT.format(line=line)]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=True, timeout=300)
    modules, seconds = done.stdout.split()
    return int(modules), float(seconds)


def table(costs):
    """Return the costs as a Markdown table, in their order."""
    rows = [
        (
            f"`{cost.name}`",
            f"{cost.num_distributions} distributions" if cost.num_distributions > 1 else "itself",
            megabytes(cost.download),
            megabytes(cost.size),
            megabytes(cost.size - cost.cuda_size),
            f"`{cost.line}`",
            f"{cost.num_modules:,} modules",
            f"{cost.import_ratio:.1f} ({cost.import_seconds:.2f} s)",
        )
        for cost in costs
    ]
    lines = [TITLES, ("---", "--:", "--:", "--:", "--:", "---", "--:", "--:"), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def megabytes(size):
    """Return a size with a digit more for what is small."""
    return f"{size / MEGABYTE:,.0f} MB" if size >= 10 * MEGABYTE else f"{size / MEGABYTE:.2f} MB"


def write_into_readme(text):
    """Put a table in place of the one that README has."""
    readme = ROOT / "README.md"
    before = readme.read_text(encoding="utf-8")
    old = re.compile(r"^\| install \| brings \|.*?(?=\n\n)", re.MULTILINE | re.DOTALL)
    after, count = old.subn(lambda _: text, before)
    if count != 1:
        raise SystemExit(f"{readme} has {count} tables of costs, not one.")
    readme.write_text(after, encoding="utf-8")


def main():
    """Measure every package and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=15, help="interpreters started for each median (default: 15)")
    parser.add_argument("--write", action="store_true", help="put the table into README.md, too")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="pretrained-costs-") as temporary:
        folder = Path(temporary)
        wheels = build_wheels(folder / "wheels")
        ours, peers = [], []
        for package in WORKSPACE_PACKAGES.values():
            for extras in ((), *((extra,) for extra in package.extras)):
                name = package.distribution + "".join(f"[{extra}]" for extra in extras)
                siblings = [each.distribution for each in Workspace(ROOT).installed_with(package, *extras)]
                environment = installed(folder / name, [name, *siblings])
                ours += measure(name, LINES[package.import_name], environment, wheels, runs=options.runs)
        for names, lines in PEERS.items():
            environment = installed(folder / "-".join(names), names)
            peers += measure(" ".join(names), lines, environment, wheels, runs=options.runs)
    text = table([*sorted(ours, key=lambda cost: cost.size), *peers])
    print(text)
    if options.write:
        write_into_readme(text)


if __name__ == "__main__":
    main()
