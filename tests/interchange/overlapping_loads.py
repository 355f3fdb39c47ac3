"""A program: two loads overlap in two threads, the first ends first. Prints what the process is left with.

python overlapping_loads.py model_core|transformers FOLDER
"""

from __future__ import annotations

import json
import sys
import threading

import torch

from twin_models import OURS, THEIRS

PATIENCE = 100


def main():
    """Load twice at the same time, and look at what is global."""
    models, folder = (OURS if sys.argv[1] == "model_core" else THEIRS), sys.argv[2]
    inside = {"first": threading.Event(), "second": threading.Event()}
    first_is_out, ties = threading.Event(), models.Twin.tie_weights

    class Slow(models.Tied):
        def __init__(self, config):
            super().__init__(config)
            name = threading.current_thread().name
            inside[name].set()
            assert (inside["second"] if name == "first" else first_is_out).wait(PATIENCE)

    def load():
        Slow.from_pretrained(folder, dtype=torch.bfloat16)

    threads = {name: threading.Thread(target=load, name=name) for name in inside}
    threads["first"].start()
    assert inside["first"].wait(PATIENCE)
    threads["second"].start()
    threads["first"].join(PATIENCE)
    first_is_out.set()
    threads["second"].join(PATIENCE)
    after = {"dtype": str(torch.get_default_dtype()), "ties": models.Twin.tie_weights is ties}
    made = models.Tied(models.Config())
    print(json.dumps({**after, "tied": made.head.weight is made.embedding.weight}))  # noqa: T201 - the answer


if __name__ == "__main__":
    main()
