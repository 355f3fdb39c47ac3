"""What loading and saving weights costs, beside the least that it could and beside other libraries.

    uv run --group peers python tests/benchmarks/weight_costs.py

Prints Markdown tables of ratios. Every measurement is made in a fresh process that is forked from one with all imports
done, has loaded or saved a tiny model in the same way once, and finds the files in the page cache. The ways of
a row are measured in turn, in another order each round, and each is divided by the floor of its round: tables show the
median, and the quartiles in brackets. Memory is measured in rounds of its own. `--scale 0.01` is for a first look.

Floor B constructs without initialisation and puts mapped tensors straight into their places. Floor A constructs on the
meta device, then `load_file` and `load_state_dict(assign=True)`. Saving is measured up to the flush to the disk, which
stands apart and which only we make. Linux only.
"""

from __future__ import annotations

import argparse
import gc
import os
import platform
import random
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import safetensors
import torch
import weight_workloads as work
from forked_measurement import measure, measure_together, run_forked
from ratio_tables import Table, milliseconds, spread

MEGABYTE = 1_000_000
NUM_PROCESSES = 8
NUM_TENSORS = (1_000, 10_000, 100_000)
NUM_SHARDS = (1, 8, 64, 512)
# What a load may take at most, in multiples of floor B; a mapped load of the weights in anonymous memory; a save in
# multiples of save_file.
MOST_LOAD, MOST_LOAD_OF_SMALL, MOST_ANONYMOUS, MOST_SAVE = 1.2, 1.3, 0.01, 1.1


class Bench:
    """The measurements of one run.

    Attributes:
        folder: Where checkpoints are written, each for as long as it is needed.
        rounds: How often each way is measured.
        seconds: A way is not measured again after that many seconds in one row.
        shortfalls: Sentences that say where a goal was missed.
    """

    def __init__(self, folder, *, rounds, seconds):
        self.folder = folder
        self.rounds = rounds
        self.seconds = seconds
        self.shortfalls = []
        self.warm_folder = self.checkpoint(work.WARM_UP)

    def checkpoint(self, case):
        """Write the checkpoint of a case, flush it, and read it into the page cache."""
        folder = self.folder / "checkpoints" / case.name.replace(" ", "-").replace(",", "")
        if not folder.exists():
            run_forked(lambda: work.write_checkpoint(case, folder))
            os.sync()
        for path in folder.iterdir():
            with path.open("rb", buffering=0) as file:
                while file.read(64 * MEGABYTE):
                    pass
        return folder

    def drop(self, folder):
        """Remove a checkpoint."""
        shutil.rmtree(folder)

    def interleave(self, ways, floor):
        """Measure ways in turn.

        Args:
            ways: Name to a function that makes one measurement, in seconds.
            floor: Name of the way that the others are divided by.

        Returns:
            The seconds of the floor, and by name the ratios to it, one a round.
        """
        floors, ratios, spent = [], {name: [] for name in ways if name != floor}, dict.fromkeys(ways, 0.0)
        for number in range(self.rounds):
            taken = {}
            for name in random.sample(list(ways), len(ways)):
                if number == 0 or spent[name] < self.seconds:
                    start = time.perf_counter()
                    taken[name] = ways[name]()
                    spent[name] += time.perf_counter() - start
            if floor not in taken:
                break
            floors.append(taken[floor])
            for name in ratios.keys() & taken.keys():
                ratios[name].append(taken[name] / taken[floor])
        return floors, ratios

    # Loading

    def loads(self, cases):
        """Print the tables of loading."""
        columns = [name for name in work.LOADS if name != "floor B"]
        times, memory = Table("model", "load", "floor B", *columns), Table("model", "weights", *work.LOADS)
        for case in cases:
            folder = self.checkpoint(case)
            for title, dtype, then in (
                ("as it is", None, None),
                ("and first forward", None, first_forward),
                ("to bfloat16", torch.bfloat16, None),
            ):
                ways = self.load_ways(case, folder, dtype, then=then)
                floors, ratios = self.interleave(ways, "floor B")
                times.add(case.name, title, milliseconds(floors), *(spread(ratios.get(name)) for name in columns))
                limit = MOST_LOAD_OF_SMALL if case.kind == "layers" else MOST_LOAD
                self.judge(f"load {case.name}, {title}", ratios, limit, "floor B")
            size = work.weight_bytes(folder)
            used = {name: self.load_memory(name, case, folder) for name in self.load_ways(case, folder, None)}
            memory.add(case.name, f"{size / MEGABYTE:,.0f} MB", *(shares(used.get(name), size) for name in work.LOADS))
            if (share := used["ours"].anonymous / size) > MOST_ANONYMOUS:
                least = used["floor B"].anonymous / size
                self.shortfalls.append(
                    f"load {case.name}: anonymous memory is {share:.1%} of the weights, not 1 % (floor B: {least:.1%})."
                )
            self.drop(folder)
        print("\n## Loading: time, in multiples of floor B\n", times, sep="\n")
        print("\n## Loading: peak memory, anonymous + file-backed, in % of the weights\n", memory, sep="\n")

    def load_ways(self, case, folder, dtype, *, then=None):
        """Return the ways that can load a case, each as a function that measures it once."""
        able = {
            name: load
            for name, load in work.LOADS.items()
            if not (case.num_shards > 1 and load in {work.load_mixin, work.load_torch})
            and not (load is work.read_bytes and (dtype or then))
        }
        return {
            name: lambda load=load: measure(self.prepared(load, case, folder, dtype, then=then)).seconds
            for name, load in able.items()
        }

    def prepared(self, load, case, folder, dtype=None, *, then=None):
        """Return what makes a load, and what is done with the model then, ready in its process."""

        def call(case, folder):
            model = load(case, folder, dtype)
            return (model, then(model, case)) if then else model

        def prepare():
            call(work.WARM_UP, self.warm_folder)
            return lambda: call(case, folder)

        return prepare

    def load_memory(self, name, case, folder):
        """Return the memory of a load and of reading every value once."""
        then = None if name == "plain read" else read_values
        return measure(self.prepared(work.LOADS[name], case, folder, then=then), watch_memory=True)

    def processes(self, case):
        """Print what several processes need that load the same checkpoint and read every value."""
        folder = self.checkpoint(case)
        names = [name for name in work.LOADS if name != "plain read"]
        table = Table("model", "weights", *names)
        sums = [
            measure_together(self.prepared(work.LOADS[name], case, folder, then=read_values), NUM_PROCESSES)
            for name in names
        ]
        size = work.weight_bytes(folder)
        table.add(case.name, f"{size / MEGABYTE:,.0f} MB", *(f"{used / MEGABYTE:,.0f} MB" for used in sums))
        self.drop(folder)
        print(
            f"\n## {NUM_PROCESSES} processes: sum of anonymous memory when all have loaded the same checkpoint\n",
            table,
            sep="\n",
        )

    # Saving

    def saves(self, cases):
        """Print the table of saving."""
        columns = [name for name in work.SAVES if name != "save_file"]
        times = Table("model", "save_file", *columns, "our flush")
        memory = Table("model", "weights", *work.SAVES)
        for case in map(work.to_be_saved, cases):
            source = self.checkpoint(case)
            size = work.weight_bytes(source)
            able = [
                name
                for name in work.SAVES
                if case.num_shards == 1 or name not in {"plain write", "HubMixin", "torch.save"}
            ]
            ways = self.save_ways(able, case, source)
            floors, ratios = self.interleave(ways, "save_file")
            used = {name: self.save(name, case, source, watch_memory=True) for name in able}
            flush = self.flush(case, source)
            times.add(
                case.name,
                milliseconds(floors),
                *(spread(ratios.get(name)) for name in columns),
                f"{flush / statistics.median(floors):.1f}",
            )
            memory.add(
                case.name,
                f"{size / MEGABYTE:,.0f} MB",
                *(f"{used[name].anonymous / MEGABYTE:,.0f} MB" if name in used else "-" for name in work.SAVES),
            )
            self.judge(f"save {case.name}", ratios, MOST_SAVE, "save_file")
            self.drop(source)
        print("\n## Saving: time before the flush, in multiples of safetensors' save_file\n", times, sep="\n")
        print("\n## Saving: extra anonymous memory\n", memory, sep="\n")

    def save_ways(self, names, case, source):
        """Return ways to save, each as a function that measures it once."""
        return {name: lambda name=name: self.save(name, case, source).seconds for name in names}

    def save(self, name, case, source, *, watch_memory=False):
        """Measure a save into a new folder, which is removed."""
        make, save = work.SAVES[name]
        target = self.folder / "saved"

        def prepare():
            os.fsync = lambda _descriptor: None  # the flush stands apart; this process ends with the measurement
            for warm in (True, False):
                used, folder = (work.WARM_UP, self.warm_folder) if warm else (case, source)
                model = work.in_memory(make, used, folder)
                place = self.folder / "warm" if warm else target
                place.mkdir()
                size = work.shard_size(used, model)
                if warm:
                    save(model, place, size)
                    shutil.rmtree(place)
            return lambda: save(model, target, size)

        try:
            return measure(prepare, watch_memory=watch_memory)
        finally:
            self.drop(target)

    def flush(self, case, source):
        """Return the seconds that flushing what we save takes."""
        target = self.folder / "saved"
        flush = os.fsync

        def prepare():
            os.fsync = lambda _descriptor: None
            model = work.in_memory(work.ours, case, source)
            model.save_pretrained(target, max_shard_size=work.shard_size(case, model))
            return lambda: [flush(os.open(path, os.O_RDONLY)) for path in (*target.iterdir(), target)]

        try:
            return measure(prepare).seconds
        finally:
            self.drop(target)

    # Many tensors, many files

    def growth(self, scale):
        """Print how the cost grows with the number of tensors and of shards."""
        names = [name for name in ("ours", "transformers") if name in work.LOADS]
        table = Table("tensors", "shards", "floor B", *(f"load, {name}" for name in names), "save_file", "save, ours")
        numbers = [(max(2, int(count * scale)), 1) for count in NUM_TENSORS]
        numbers += [
            (max(2, int(NUM_TENSORS[1] * scale)), shards) for shards in NUM_SHARDS[1:] if shards <= 5_000 * scale
        ]
        for num_tensors, num_shards in numbers:
            case = work.layers_of_tensors(num_tensors, num_shards)
            folder = self.checkpoint(case)
            ways = {
                name: way for name, way in self.load_ways(case, folder, None).items() if name in {"floor B", *names}
            }
            floors, ratios = self.interleave(ways, "floor B")
            saved, save_ratios = self.interleave(self.save_ways(("save_file", "ours"), case, folder), "save_file")
            per_tensor = 1e6 * statistics.median(floors) / num_tensors
            times = [per_tensor, *(per_tensor * statistics.median(ratios[name]) for name in names)]
            per_tensor = 1e6 * statistics.median(saved) / num_tensors
            times += [per_tensor, per_tensor * statistics.median(save_ratios["ours"])]
            table.add(f"{num_tensors:,}", f"{num_shards}", *(f"{value:.1f} µs" for value in times))
            self.drop(folder)
        print("\n## Growth: time for each tensor of a few bytes\n", table, sep="\n")

    def judge(self, what, ratios, limit, floor):
        """Note where we are over a limit, or slower than a peer."""
        own = statistics.median(ratios["ours"])
        if own > limit:
            self.shortfalls.append(f"{what}: {own:.2f} times {floor}, not {limit}.")
        peers = {name: statistics.median(values) for name, values in ratios.items() if name in PEERS}
        self.shortfalls += [
            f"{what}: slower than {name} ({own:.2f} to {value:.2f})." for name, value in peers.items() if own > value
        ]


PEERS = ("transformers", "torch.load mmap", "HubMixin", "torch.save")


def first_forward(model, case):
    """Return what a model gives for a first input."""
    if model.training:
        model.eval()
    with torch.inference_mode():
        return model(case.inputs())


def read_values(model, case):  # noqa: ARG001 - as `first_forward` is called
    """Read every value of a model, so that mapped memory is really there."""
    return [tensor.sum() for tensor in (*model.parameters(), *model.buffers())]


def shares(measured, size):
    """Return the memory of a load in percent of the weights."""
    if measured is None:
        return "-"
    return f"{100 * measured.anonymous / size:.1f} + {100 * measured.file_backed / size:.0f}"


def machine(folder):
    """Return in a sentence what this ran on."""
    meminfo = Path("/proc/meminfo").read_text(encoding="utf-8")
    gigabytes = int(meminfo.split()[1]) * 1024 / 1e9
    filesystem = subprocess.run(
        ["findmnt", "-no", "FSTYPE", "-T", folder], capture_output=True, encoding="utf-8", check=False
    ).stdout.strip()
    versions = f"torch {torch.__version__.partition('+')[0]}, safetensors {safetensors.__version__}"
    if work.transformers is not None:
        versions += f", transformers {work.transformers.__version__}"
    return (
        f"{os.cpu_count()} cores, {gigabytes:.0f} GB of memory, {filesystem or 'an unknown file system'}, "
        f"Python {platform.python_version()}, {versions}; load average at the start {os.getloadavg()[0]:.1f}."
    )


def main():
    """Measure everything and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=float, default=1.0, help="size of the models (default: 1; 4.3 GB of disk)")
    parser.add_argument("--rounds", type=int, default=9, help="measurements for each median (default: 9)")
    parser.add_argument("--seconds", type=float, default=40, help="limit for one cell (default: 40)")
    parser.add_argument("--only", default="", help="only models whose name contains this")
    parser.add_argument("--parts", nargs="*", default=["loads", "processes", "saves", "growth"])
    parser.add_argument("--folder", default=None, help="where checkpoints are written (default: a temporary folder)")
    options = parser.parse_args()
    cases = [case.scaled(options.scale) for case in work.CASES if options.only in case.name]
    with tempfile.TemporaryDirectory(prefix="pretrained-costs-", dir=options.folder) as folder:
        print(machine(folder))
        bench = Bench(Path(folder), rounds=options.rounds, seconds=options.seconds)
        if "loads" in options.parts:
            bench.loads(cases)
        if "processes" in options.parts:
            bench.processes(work.CASES[0].scaled(options.scale))
        if "saves" in options.parts:
            bench.saves(cases)
        if "growth" in options.parts:
            bench.rounds = min(bench.rounds, 3)  # with 100,000 tensors one takes minutes
            bench.growth(options.scale)
    print("\n## Where goals are missed\n")
    print("\n".join(f"- {sentence}" for sentence in bench.shortfalls) or "Nowhere.")
    gc.unfreeze()


if __name__ == "__main__":
    main()
