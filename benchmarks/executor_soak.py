"""Thousands of programs, a tenth of them hostile or broken, through one executor: does anything pile up or change?

    python benchmarks/executor_soak.py                       # 20,000 programs, about half an hour on two cores
    python benchmarks/executor_soak.py --programs 500 --json

Watches, from the first tenth (when all is loaded) to the end: memory, open descriptors and number of this process and
all its descendants; and compares the scores of a fixed set of pairs before and after. Exits with 1 if something leaks
or changes. Ctrl-C ends it early, with the report on what was executed until then.
"""

import argparse
import gc
import json
import os
import random
import sys
import time
from collections import Counter
from itertools import islice
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parent)]

from executor import PROGRAMS  # noqa: E402  the other benchmark's

from eval_metric.eval_metric import score  # noqa: E402
from eval_metric.executor import Executor  # noqa: E402

PARTS = 20
MEMORY_SLACK_MB = 64  # the allocator's, for all processes together
SHARE_OF_BAD = 0.1
SLOW = 0.02  # of the bad ones, those that only the deadline ends
BAD = {
    "broken": "import matplotlib.pyplot as plt\nplt.plot([1, 2",
    "error": "import matplotlib.pyplot as plt\nplt.plot(undefined)",
    "nothing": "x = 1",
    "memory": "x = bytearray(8 * 2**30)",
    "forks": "import os\nwhile True: os.fork()",
    "threads": "import threading\nwhile True: threading.Thread(target=input).start()",
    "crash": "import os\nos.abort()",
    "segmentation fault": "import ctypes\nctypes.string_at(0)",
    "exit": "import os\nos._exit(0)",
    "descriptors": "x = [open('/dev/null') for _ in range(1000)]",
    "forged": "import os\nos.write(3, b'C2C1' + bytes([255]) * 100_000)\nos._exit(0)",
    "kill": "import os\nos.kill(os.getppid(), 9)",
    "write": "open('/tmp/soak', 'w')",
    "network": "import socket\nsocket.create_connection(('127.0.0.1', 80))",
    "spoils": "import matplotlib.pyplot as plt, builtins\nplt.rcParams['font.size'] = 50\nbuiltins.len = None",
    "many figures": "import matplotlib.pyplot as plt\nfor _ in range(15): plt.figure()",
}
ENDLESS = ("while True: pass", "import signal, time\nsignal.alarm(0)\nwhile True: time.sleep(9)")


def programs(count: int, seed: int):
    rng = random.Random(seed)
    for _ in range(count):
        if rng.random() >= SHARE_OF_BAD:
            yield rng.choice(PROGRAMS)
        else:
            yield rng.choice(ENDLESS) if rng.random() < SLOW else rng.choice(list(BAD.values()))


def descendants(pid: int) -> list[int]:
    found = [pid]
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += descendants(int(child))
    return found


def usage() -> dict[str, float]:
    """Of this process and all its descendants. Memory is what is not shared with others, and its share of what is."""
    gc.collect()
    everybody = descendants(os.getpid())
    memory = 0
    for pid in everybody:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            memory += int(line.split()[1]) if line.startswith("Pss:") else 0
    descriptors = sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in everybody)
    return {"memory_mb": memory / 1024, "descriptors": descriptors, "processes": len(everybody)}


def scores(executor: Executor) -> list:
    """Of pairs of equal and of different charts."""
    references = PROGRAMS[1:] + PROGRAMS[:1]
    pairs = [(program, program) for program in PROGRAMS] + list(zip(PROGRAMS, references))
    report = score([one for one, _ in pairs], [other for _, other in pairs], executor=executor, return_samples=True)
    return report["samples"]


def soak(count: int, num_workers: int, seed: int) -> dict:
    statuses: Counter = Counter()
    with Executor(num_workers, timeout=5.0) as executor:
        before = scores(executor)
        started, stream = time.monotonic(), programs(count, seed)
        usages = []  # between the parts, when no program runs
        try:
            while part := list(islice(stream, -(-count // PARTS))):
                statuses.update(result.status for result in executor.run_many(part))
                usages.append(usage())
                rate = statuses.total() / (time.monotonic() - started)
                print(f"{statuses.total():6} programs, {rate:5.1f}/s, {dict(statuses)}, {usages[-1]}", flush=True)
        except KeyboardInterrupt:
            print("stopped", flush=True)
        seconds = time.monotonic() - started
        same = scores(executor) == before
        level = executor.level
    after = usage()
    leaks = []
    usages = usages or [after]  # stopped in the first part
    first, last = usages[min(1, len(usages) - 1)], usages[-1]
    if last["memory_mb"] > first["memory_mb"] + MEMORY_SLACK_MB:
        leaks.append("memory")
    if last["descriptors"] > first["descriptors"]:
        leaks.append("descriptors")
    if last["processes"] > first["processes"] or after["processes"] != 1:
        leaks.append("processes")
    return {
        "programs": statuses.total(),
        "per_s": statuses.total() / seconds,
        "statuses": dict(statuses),
        "start": first,
        "end": last,
        "processes_after_close": after["processes"],
        "same_scores": same,
        "leaks": leaks,
        "level": level,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--programs", type=int, default=20_000)
    parser.add_argument("--num_workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="print the figures as JSON in the last line")
    options = parser.parse_args()
    if min(options.programs, options.num_workers) < 1:
        parser.error("--programs and --num_workers are at least 1")
    report = soak(options.programs, options.num_workers, options.seed)
    for name, value in report.items():
        print(f"{name}: {value}")
    if options.json:
        print(json.dumps(report))
    sys.exit(1 if report["leaks"] or not report["same_scores"] else 0)


if __name__ == "__main__":
    main()
