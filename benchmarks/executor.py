"""Programs per second: a fresh Python process for each, the executor, and bare execution in one process.

    python benchmarks/executor.py                # some minutes, on an idle machine
    python benchmarks/executor.py --rounds 1 --fresh 3 --json

All but the executor with two workers are bound to one core, together with this process, so the figures are per core.
The ways take turns, round by round; each figure is the median round. "Fresh" is `python script.py` that saves a PNG,
as chart-to-code benchmarks do it. "In process" has everything imported and warmed, executes the program, draws its
figure and takes the pixels; it confines nothing, traces nothing and keeps what programs leave behind.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY))

IMPORTS = "import matplotlib.pyplot as plt\nimport numpy as np\n"
PROGRAMS = [
    "fig, ax = plt.subplots()\nax.bar(['a', 'b', 'c', 'd'], [3, 5, 2, 4], color='tab:red', label='sales')\n"
    "ax.set_title('Sales by region')\nax.set_ylabel('units')\nax.legend()",
    "x = np.linspace(0, 10, 200)\nplt.figure(figsize=(8, 5))\nplt.plot(x, np.sin(x), label='sin')\n"
    "plt.plot(x, np.cos(x), '--', label='cos')\nplt.xlabel('x')\nplt.ylabel('y')\nplt.grid(True)\nplt.legend()",
    "rng = np.random.default_rng(0)\nplt.scatter(rng.random(60), rng.random(60), c=rng.random(60), cmap='viridis')\n"
    "plt.colorbar(label='value')\nplt.title('Points')",
    "plt.pie([35, 30, 20, 15], labels=['A', 'B', 'C', 'D'], autopct='%1.1f%%', startangle=90)\nplt.title('Shares')",
    "rng = np.random.default_rng(1)\nplt.hist(rng.normal(size=500), bins=25, edgecolor='black', alpha=0.7)\n"
    "plt.xlabel('value')\nplt.ylabel('count')\nplt.title('Distribution')",
    "fig, axes = plt.subplots(1, 2, figsize=(10, 4))\naxes[0].barh(['x', 'y', 'z'], [1, 3, 2])\n"
    "axes[1].plot([1, 2, 3, 4], [10, 20, 15, 30], 'o-')\naxes[1].set_title('Trend')\nfig.suptitle('Two panels')\n"
    "plt.tight_layout()",
    "data = np.arange(48).reshape(6, 8)\nplt.imshow(data, cmap='coolwarm', aspect='auto')\nplt.colorbar()\n"
    "plt.xticks(range(8), list('abcdefgh'))\nplt.title('Heat map')",
    "rng = np.random.default_rng(2)\nplt.boxplot([rng.normal(i, 1, 50) for i in range(4)])\nplt.title('Groups')",
    "years = [2018, 2019, 2020, 2021, 2022]\nplt.stackplot(years, [1, 2, 3, 4, 5], [2] * 5, labels=['a', 'b'])\n"
    "plt.legend(loc='upper left')\nplt.xlabel('year')",
    "labels = ['Q1', 'Q2', 'Q3', 'Q4']\nx = np.arange(4)\nfig, ax = plt.subplots()\n"
    "ax.bar(x - 0.2, [4, 6, 5, 8], 0.4, label='2023')\nbars = ax.bar(x + 0.2, [5, 7, 6, 9], 0.4, label='2024')\n"
    "ax.set_xticks(x, labels)\nax.bar_label(bars)\nax.legend(title='year')",
]
PROGRAMS = [IMPORTS + program + "\n" for program in PROGRAMS]


def fresh(count: int) -> float:
    """Seconds per program."""
    environment = os.environ | {"MPLBACKEND": "Agg"}
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for index, program in enumerate(PROGRAMS[:count]):
            paths.append(Path(folder, f"{index}.py"))
            paths[-1].write_text(program + "plt.savefig('picture.png')\n")
        start = time.perf_counter()
        for path in paths:
            subprocess.run([sys.executable, str(path)], cwd=folder, env=environment, check=True, capture_output=True)
        return (time.perf_counter() - start) / len(paths)


def execute(executor, repeats: int) -> float:
    """Seconds per program."""
    programs = PROGRAMS * repeats
    start = time.perf_counter()
    for result in executor.run_many(programs):
        if not result.ok:
            raise SystemExit(f"a program of the benchmark failed: {result.error}")
    return (time.perf_counter() - start) / len(programs)


def serve_in_process() -> None:
    """For each line with a number of repeats on stdin: runs the programs, and prints the seconds per program."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    import numpy as np

    def run() -> None:
        for program in PROGRAMS:
            exec(compile(program, "chart.py", "exec"), {"__name__": "__main__"})
            figure = plt.gcf()
            figure.canvas.draw()
            np.ascontiguousarray(np.asarray(figure.canvas.buffer_rgba())[..., :3])
            plt.close("all")

    run()  # imports and caches
    for line in sys.stdin:
        start = time.perf_counter()
        for _ in range(int(line)):
            run()
        print((time.perf_counter() - start) / int(line) / len(PROGRAMS), flush=True)


def measure(rounds: int, repeats: int, fresh_count: int) -> dict[str, float | str]:
    from eval_metric.executor import Executor

    cores = os.sched_getaffinity(0)
    times: dict[str, list[float]] = {"fresh": [], "one": [], "two": [], "bare": []}
    os.sched_setaffinity(0, {min(cores)})  # children inherit it
    bare = subprocess.Popen(
        [sys.executable, __file__, "--serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with bare, Executor(1, timeout=60) as one, Executor(2, timeout=60) as two:
        execute(one, 1)
        os.sched_setaffinity(0, cores)
        execute(two, 1)
        for _ in range(rounds):
            os.sched_setaffinity(0, {min(cores)})
            times["fresh"].append(fresh(fresh_count))
            times["one"].append(execute(one, repeats))
            print(repeats, file=bare.stdin, flush=True)
            times["bare"].append(float(bare.stdout.readline()))
            os.sched_setaffinity(0, cores)
            times["two"].append(execute(two, repeats))
        bare.stdin.close()
        level = one.level
    rate = {name: 1 / statistics.median(values) for name, values in times.items()}
    return {
        "fresh_process_per_s": rate["fresh"],
        "executor_1_worker_per_s": rate["one"],
        "executor_2_workers_per_s": rate["two"],
        "in_process_per_s": rate["bare"],
        "speedup_per_core": rate["one"] / rate["fresh"],
        "overhead_vs_in_process": rate["bare"] / rate["one"],
        "level": level,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--repeats", type=int, default=5, help="passes over the ten programs in a round")
    parser.add_argument("--fresh", type=int, default=10, help="programs in a round with a fresh process each")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON in the last line")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve_in_process()
        return
    if min(options.rounds, options.repeats, options.fresh) < 1:
        parser.error("--rounds, --repeats and --fresh are at least 1")
    report = measure(options.rounds, options.repeats, options.fresh)
    print(f"{'way':34}  programs/s")
    for name in ("fresh_process", "executor_1_worker", "executor_2_workers", "in_process"):
        print(f"{name.replace('_', ' '):34}  {report[name + '_per_s']:10.2f}")
    print(f"executor against fresh process, per core: {report['speedup_per_core']:.1f} times as fast")
    print(f"executor against bare execution: {report['overhead_vs_in_process']:.2f} times the time")
    if options.json:
        print(json.dumps(report))


if __name__ == "__main__":
    main()
