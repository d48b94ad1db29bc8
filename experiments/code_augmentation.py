"""
Proof that `chart2code.augmentation.augment_code` leaves the picture as it is, to the pixel.

    python experiments/code_augmentation.py [--programs 1000] [--first 0] [--json]

Programs: synthetic ones (validation seeds), all examples of this repository, and the programs below, which have what
synthetic ones lack: loops, comprehensions, functions, pandas, several axes. Each is altered (again and again until its
text differs), executed, and compared with its original. Exit code 1 if any picture differs.
"""

import argparse
import ast
import json
import sys
from collections import Counter
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from chart2code import augmentation  # noqa: E402
from chart2code.chart2code160k import clean_code  # noqa: E402
from chart2code.synthetic import FIRST_SEED, generate_program  # noqa: E402
from eval_metric.executor import Executor  # noqa: E402

WILD = [
    """import matplotlib.pyplot as plt
import numpy as np
x = np.linspace(0, 10, 50)
values = [np.sin(x + shift) for shift in range(3) if shift != 1]
fig, axes = plt.subplots(1, 2, figsize=(8, 4), sharey=True)
for ax, y in zip(axes, values):
    ax.plot(x, y, color="teal", linestyle="--", linewidth=2)
    ax.set_title(f"max {max(y):.2f}")
fig.suptitle("Waves")
""",
    """import matplotlib.pyplot as plt
squares = []
for i in range(8):
    squares.append(i ** 2)
names = [f"n{i}" for i in range(8)]
plt.bar(names, squares, color=["r" if s > 20 else "b" for s in squares], edgecolor="black", label="squares")
for i, s in enumerate(squares):
    plt.text(i, s, str(s), ha="center", va="bottom", fontsize=8)
plt.title("Squares")
plt.xlabel("n")
plt.ylabel("n squared")
plt.legend(loc="upper left", frameon=False)
""",
    """import matplotlib.pyplot as plt
import pandas as pd
df = pd.DataFrame({"year": [2001, 2002, 2003], "a": [3, 4, 2], "b": [1, 5, 6]})
def draw(ax, column, color="navy"):
    ax.plot(df["year"], df[column], color=color, marker="o", label=column)
fig, ax = plt.subplots(figsize=(6, 4), dpi=80)
draw(ax, "a")
draw(ax, column="b", color="orange")
big = df.query("a > 2")
ax.scatter(big["year"], big["a"], s=90, color="red", zorder=3, alpha=0.5)
ax.set_xlabel("year", fontsize=12)
ax.set_ylabel("value")
ax.set_title("Two series")
ax.legend()
""",
    """import matplotlib.pyplot as plt
x = [1, 2, 3]
fig = plt.figure(figsize=(5, 5))
ax = fig.add_subplot(111)
for y, c in [([1, 2, 3], "green"), ([3, 1, 2], "purple")]:
    ax.plot(x, y, color=c)
    ax.fill_between(x, y, alpha=0.2, color=c)
ax.axhline(2, color="k", linestyle=":", linewidth=1)
ax.axhline(1, color="r", linestyle=":", linewidth=1)
total = sum(x)
ax.set_title("Sum %d" % total)
ax.set_ylabel("it's \\"so\\"")
ax.set_xlabel('x')
""",
    """import matplotlib.pyplot as plt
rates = [0.1, 0.2, 0.4]
growth = []
for rate in rates:
    growth.append([100 * (1 + rate) ** step for step in range(6)])
years = [2000 + n for n in range(6)]
fig, ax = plt.subplots(figsize=(6, 4))
for row, name in [(0, "low"), (1, "middle"), (2, "high")]:
    ax.plot(years, growth[row], label=name)
for level in (150, 300):
    ax.axhline(level, color="gray", linewidth=0.5)
ax.text(2001, 400, "first", fontsize=9, color="teal")
ax.text(2002, 450, "second", fontsize=9, color="navy")
ax.legend()
""",
]


def programs(first: int, count: int):
    """(code, its family or file)."""
    sources = [(code, f"wild {i}") for i, code in enumerate(WILD)] * 3
    sources += [(clean_code(p.read_text()), p.stem) for p in sorted((ROOT / "examples").glob("*.py"))]
    for index in range(first, first + count):
        if index % 5 == 0:  # many times each, altered in different ways
            yield sources[index // 5 % len(sources)]
        else:
            program = generate_program(FIRST_SEED["validation"] + 20_000 + index, "validation")
            yield program.code, f"{program.chart_type} {program.variant}"


def altered(code: str, index: int) -> str:
    for attempt in range(20):
        other = augmentation.augment_code(code, np.random.default_rng([index, attempt]))
        if ast.dump(ast.parse(other)) != ast.dump(ast.parse(code)):
            return other
    return code


def main() -> int:
    from tqdm import tqdm

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--programs", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0, help="number of the first program: a long run in pieces")
    parser.add_argument("--num_workers", type=int, default=2)
    parser.add_argument("--json", action="store_true", help="print the result as one JSON object in the last line")
    options = parser.parse_args()

    applied: Counter = Counter()  # how often each step found something to alter

    def counted(name: str, function):
        def step(first, *rest):
            before = ast.dump(first) if isinstance(first, ast.AST) else None
            result = function(first, *rest)
            applied[name] += result is not None if before is None else ast.dump(first) != before
            return result

        return step

    rewrites = "_table_to_columns _comprehension_to_loop _loop_to_comprehension _calls_to_loop _unrolled"
    for name in f"_reorder _shuffle_keywords _rename {rewrites} _setters_to_set _subplots_in_two".split():
        setattr(augmentation, name, counted(name[1:], getattr(augmentation, name)))

    sources = list(programs(options.first, options.programs))
    pairs = [(code, altered(code, i)) for i, (code, _) in enumerate(sources, options.first)]
    differing, unchanged = [], sum(a == b for a, b in pairs)
    with Executor(num_workers=options.num_workers, timeout=60) as executor:
        results = executor.run_many(code for pair in pairs for code in pair)
        for (code, other), (_, name) in zip(tqdm(pairs, desc="executing"), sources):
            first, second = next(results), next(results)
            if not first.ok:
                raise SystemExit(f"{name} does not run: {first.error}")
            if not second.ok or first.image.shape != second.image.shape or (first.image != second.image).any():
                differing.append(name)
                print(f"{name}: {second.error or 'another picture'}\n{code}\n--- altered:\n{other}", file=sys.stderr)
    print(f"{len(pairs)} programs, {unchanged} left as they were, {len(differing)} with another picture")
    print("alterations tried out: " + ", ".join(f"{name} {count}" for name, count in sorted(applied.items())))
    if options.json:
        report = {"programs": len(pairs), "unchanged": unchanged, "differing": differing, "alterations": dict(applied)}
        print(json.dumps(report))
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
