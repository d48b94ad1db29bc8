"""The executor: every way in which a program can end, equal pixels to a plain script, and nothing left behind."""

import contextlib
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from conftest import children
from PIL import Image

from eval_metric.executor import MOST_VARIANTS, Executor

CHART = """
import matplotlib.pyplot as plt
fig, ax = plt.subplots()
ax.bar(["a", "b", "c"], [1, 2, {value}], color="tab:red", label="sales")
ax.set_title("Title")
ax.legend()
"""
PLT = "import matplotlib.pyplot as plt\n"
GOOD = CHART.format(value=3)


@pytest.fixture(scope="module")
def executor():
    with Executor(num_workers=2, timeout=30) as executor:
        yield executor


@pytest.fixture(scope="module")
def picture(executor):
    return executor.run(GOOD).image


def run_script(code: str, folder: Path) -> np.ndarray:
    """The picture of the program's current figure in a Python of its own: the reference for all pixels."""
    (folder / "script.py").write_text(code + "\nplt.gcf().savefig('picture.png', dpi='figure')\n")
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "MPLBACKEND": "Agg"}
    subprocess.run([sys.executable, "script.py"], cwd=folder, env=environment, check=True, capture_output=True)
    with Image.open(folder / "picture.png") as image:
        return np.asarray(image.convert("RGB"))


def working_directory(executor: Executor) -> str:
    return executor.run("import os\nraise ValueError(os.getcwd())").error.removeprefix("ValueError: ")


@pytest.mark.parametrize(
    ("code", "status", "error"),
    [
        (GOOD, "ok", ""),
        ("print(x)", "error", "NameError: name 'x' is not defined"),
        ("import matplotlib.pyplot as plt\nplt.plot([1, 2", "error", "SyntaxError: '[' was never closed"),
        ("import os\nos.abort()", "crash", "signal 6"),
        ("import os\nos._exit(0)", "crash", "without a result"),
        ("import sys\nsys.exit(3)", "error", "SystemExit: 3"),
        ("x = bytearray(4 * 2**30)", "error", "MemoryError"),
        ("import numpy as np\nx = np.ones((40000, 40000))", "error", "Unable to allocate"),
        ("import matplotlib.pyplot as plt\nfig = plt.figure(figsize=(5000, 5000))", "error", "500000 x 500000 pixels"),
        ("x = 1", "no_figure", "draws no figure"),
        ("", "no_figure", "draws no figure"),
        ("x = 1\0", "invalid", "null bytes"),
        ("x = '\ud800'", "invalid", "Unicode"),
        ("#" * 70_000, "invalid", "70000 bytes"),
        (None, "invalid", "NoneType"),
        ("class E(Exception):\n    def __str__(self): raise self\nraise E()", "error", "E"),
        ("raise ValueError('two\\nlines')", "error", "ValueError: two lines"),
        ("(" * 2000 + ")" * 2000, "error", ""),
        ("import matplotlib.pyplot as plt\nplt.title(r'$\\frac{$')", "error", "ParseException|ValueError"),
        ("input()", "error", "EOFError"),
        ("open('out.txt', 'w').write('x' * 100_000)", "error", "OSError|PermissionError"),
    ],
)
def test_status_and_pool_survives(executor, picture, code, status, error):
    result = executor.run(code)
    assert result.status == status
    assert any(part in result.error for part in error.split("|"))
    assert "\n" not in result.error
    assert result.ok == (status == "ok")
    assert (result.image is None) == (result.facts is None) == (not result.ok)
    assert np.array_equal(executor.run(GOOD).image, picture)


@pytest.mark.parametrize(
    "code",
    [
        "while True: pass",
        "import signal, time\nfor s in range(1, 32):\n    try: signal.signal(s, signal.SIG_IGN)\n    except: pass\n"
        "while True: time.sleep(60)",
        "import re\nre.match('(a+)+$', 'a' * 40 + 'b')",
        "import os\nwhile True: os.write(3, b'x') if False else None",
    ],
)
def test_endless_program_ends_at_the_deadline(code):
    with Executor(timeout=1.0) as executor:
        assert executor.run(GOOD).status in ("ok", "timeout")  # starts the worker
        start = time.monotonic()
        result = executor.run(code)
        assert result.status == "timeout"
        assert 1.0 <= result.seconds <= time.monotonic() - start < 15.0
        assert executor.run("raise KeyError(1)").error == "KeyError: 1"


def test_flood_of_output_and_forged_frames(executor, picture):
    for payload in ("b'x' * 10_000_000", "b'C2C1' + b'\\xff' * 12", "b'C2C1' + bytes(12)"):
        write = f"try: os.write(3, {payload})\nexcept OSError: pass\n"
        assert executor.run("import os\n" + write + "os._exit(0)").status == "crash"
    assert np.array_equal(executor.run(GOOD).image, picture)


def test_start_starts_all_workers():
    before = children(os.getpid())
    with Executor(num_workers=2, timeout=60) as executor:
        executor.start()
        started = children(os.getpid()) - before
        assert len(started) >= 2
        executor.start()
        assert all(result.ok for result in executor.run_many([GOOD] * 4))
        assert children(os.getpid()) - before == started


def test_worker_that_dies_is_a_crash_of_its_program(picture):
    with Executor(timeout=60) as executor:
        executor.run("")
        worker, found = children(os.getpid()), set()

        def kill():
            while len(found) <= len(worker):
                time.sleep(0.01)
                found.update(children(os.getpid()))
            for pid in worker:
                with contextlib.suppress(ProcessLookupError):  # one end takes the other along
                    os.kill(pid, 9)

        threading.Thread(target=kill).start()
        result = executor.run("while True: pass")
        assert result.status == "crash" and result.level == executor.level
        deadline = time.monotonic() + 20
        while any(map(_alive, found)) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert len(found) > len(worker) and not any(map(_alive, found))  # its program has ended as well
        assert np.array_equal(executor.run(GOOD).image, picture)


SCRIPTS = {
    "bar": GOOD,
    "size and dpi": PLT + "plt.figure(figsize=(5, 3.3), dpi=130)\nplt.plot([3, 1, 2], 'o--')",
    "layout": "import matplotlib.pyplot as plt\nfig, axes = plt.subplots(2, 2, layout='constrained')\n"
    "axes[0, 0].pie([1, 2, 3], labels='abc', autopct='%.1f%%')\naxes[1, 1].set_xlabel(r'$\\alpha_1 + \\frac{1}{2}$')",
    "tight": PLT + "plt.barh(['long label', 'b'], [1, 2])\nplt.ylabel('y')\nplt.tight_layout()",
    "style": PLT + "plt.style.use('ggplot')\nplt.hist([1, 2, 2, 3, 3, 3])",
    "rcParams": PLT + "plt.rcParams['font.size'] = 14\nplt.scatter([1, 2], [3, 4], c=[0.1, 1])\nplt.colorbar()",
    "polar and 3d": "import matplotlib.pyplot as plt\nfig = plt.figure()\nfig.add_subplot(121, projection='polar')"
    ".plot([0, 1, 2], [1, 2, 3])\nfig.add_subplot(122, projection='3d').plot([0, 1], [0, 1], [0, 1])",
    "color bars": "import matplotlib.pyplot as plt\nfig, axes = plt.subplots(3, 3, layout='constrained')\n"
    "for ax in axes.flat:\n    image = ax.pcolormesh([[1, 2], [3, 4]])\nfig.colorbar(image, ax=axes[0, :2], "
    "shrink=0.6, location='bottom')\nfig.colorbar(image, ax=axes[1:, 2], location='right')",
    "animated": PLT + "plt.plot([1, 2], animated=True)",
    "animation": PLT + "from matplotlib.animation import FuncAnimation\nfig, ax = plt.subplots()\n"
    "lines = ax.plot([1, 2])\nkept = FuncAnimation(fig, lambda i: lines, frames=3, blit=True)",
    "dates": "import datetime\nimport matplotlib.pyplot as plt\nimport numpy as np\n"
    "plt.plot([datetime.date(2024, 1, 1), datetime.date(2024, 3, 1)], [1, 2])\n"
    "plt.plot(np.arange('2024-01', '2024-04', dtype='datetime64[M]'), [3, 2, 1])\nplt.gcf().autofmt_xdate()",
    "pandas": "import pandas as pd\nimport matplotlib.pyplot as plt\n"
    "pd.DataFrame({'a': [1, 2], 'b': [3, 4]}, index=['x', 'y']).plot(kind='bar', title='t')",
    "seaborn": "import seaborn as sns\nimport matplotlib.pyplot as plt\nsns.set_theme()\n"
    "sns.barplot(x=['a', 'b'], y=[1, 2], hue=['a', 'b'])",
    "main": PLT + "def main():\n    plt.plot([1, 2])\n\nif __name__ == '__main__':\n    main()",
    "facecolor": PLT + "plt.style.use('dark_background')\nplt.stackplot([1, 2], [1, 2], [2, 1])",
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_pixels_are_those_of_a_plain_script(executor, tmp_path, name):
    pytest.importorskip(name) if name in ("pandas", "seaborn") else None
    result = executor.run(SCRIPTS[name])
    assert result.ok, result.error
    assert np.array_equal(result.image, run_script(SCRIPTS[name], tmp_path))


@pytest.mark.parametrize(
    "ending",
    [
        "plt.show()",
        "plt.savefig('out.png')",
        "plt.savefig('folder/that/is/missing/out.pdf', dpi=300, bbox_inches='tight')",
        "fig.savefig('out.svg')\nfig.savefig('out.png', transparent=True)",
        "fig.canvas.print_figure('out.png')",
        "import io, PIL.Image\nfig.savefig(f := io.BytesIO())\nassert PIL.Image.open(f).width == 640",
        "import io\nfor kind in ('pdf', 'svg'):\n    fig.savefig(f := io.BytesIO(), format=kind)\n    assert f.tell()",
        "plt.savefig('out.png')\nax.set_title('not saved')\nfig.canvas.draw()\nplt.clf()",
        "plt.close()",
        "plt.close(fig)",
        "plt.close('all')",
        "plt.close(fig.number)",
        "plt.savefig('out.png')\nplt.clf()",
        "plt.savefig('out.png')\nplt.close()\nplt.figure()",
        "plt.show(block=False)\nplt.pause(1000)\nfig.show()",
        "plt.switch_backend('TkAgg')\nimport matplotlib\nmatplotlib.use('QtAgg')\nplt.show()",
        "import sys\nsys.exit()",
    ],
)
def test_ending_of_a_program_does_not_matter(executor, picture, ending):
    result = executor.run(GOOD + ending)
    assert result.ok, result.error
    assert np.array_equal(result.image, picture)


def test_last_figure_counts(executor, picture):
    other = "import matplotlib.pyplot as plt\nplt.figure(figsize=(3, 3))\nplt.pie([1, 2])\n"
    for between in ("", "plt.savefig('a.png')\n", "plt.show()\n", "plt.close()\n"):
        assert np.array_equal(executor.run(other + between + GOOD).image, picture)
    bare = "from matplotlib.figure import Figure\nfig = Figure()\nax = fig.subplots()\nax.plot([1, 2])"
    assert executor.run(bare).ok and executor.run(bare + "\nfig.savefig('out.png')").ok
    assert executor.run("import matplotlib.pyplot as plt\nplt.figure()").image.min() == 255


def test_transparent_figure_lies_on_white(executor):
    image = executor.run("import matplotlib.pyplot as plt\nplt.figure(facecolor='none')\n").image
    assert image.min() == 255


def test_nothing_is_written(executor, tmp_path):
    target = tmp_path / "chart.png"
    before = set(os.listdir())
    assert executor.run(GOOD + f"plt.savefig({str(target)!r})\nplt.savefig('chart.png')").ok
    assert not target.exists()
    assert set(os.listdir()) == before
    assert not os.path.exists(Path(working_directory(executor)) / "chart.png")


def test_programs_do_not_see_each_other(executor, picture):
    spoil = "import matplotlib.pyplot as plt, numpy, builtins\nplt.rcParams['font.size'] = 40\nplt.plot = None\n"
    for _ in range(4):  # both workers
        executor.run(spoil + "numpy.array = builtins.len = None\nplt.gcf()")
        assert np.array_equal(executor.run(GOOD).image, picture)


def test_environment_is_clean(monkeypatch):
    monkeypatch.setenv("SECRET_TOKEN", "value")
    with Executor(timeout=30) as executor:
        assert executor.run("import os\nassert 'SECRET_TOKEN' not in os.environ").status == "no_figure"
        for pid in children(os.getpid()):
            assert b"SECRET" not in Path(f"/proc/{pid}/environ").read_bytes()


def test_worker_has_one_thread(executor):
    """Else a fork could take a lock along that nobody opens again."""
    executor.run("# pandas, seaborn, scipy")
    assert {len(os.listdir(f"/proc/{pid}/task")) for pid in children(os.getpid())} == {1}


def test_unseeded_randomness_is_the_same_each_time(executor):
    code = (
        "import random, numpy as np, matplotlib.pyplot as plt\nplt.scatter(np.random.rand(9), [random.random()] * 9)"
    )
    assert np.array_equal(executor.run(code).image, executor.run(code).image)


def test_facts_count_what_is_drawn(executor):
    code = """
import matplotlib.pyplot as plt
fig, ax = plt.subplots()
ax.bar([0, 1, 2], [3, 4, 5], label="bars")                # 3 marks
ax.plot([0, 1, 2], [3, 4, 5], label="line")               # 1 mark
ax.plot([0, 1, 2, 3], [3, 4, 5, 3], "o", label="points")  # 4 marks
ax.scatter([0, 1], [1, 2])                                # 2 marks
ax.fill_between([0, 1], [1, 2])                           # 1 mark
ax.plot([0, 1], [0, 0]) [0].set_visible(False)
ax.set_xticks([0, 1, 2], ["a", "b", ""])                  # 2 tick labels
ax.set_yticks([0, 2, 4])                                  # 3 tick labels
ax.set(title="T", xlabel="X", ylabel=" ")                 # 2 texts
ax.annotate("here", (1, 1))                               # 1 text
fig.suptitle("all")                                       # 1 text
ax.legend(title="what")                                   # 3 entries, 1 text
"""
    facts = executor.run(code).facts
    assert {name: count for name, count in facts.items() if name.startswith("num_")} == {
        "num_elements": 11 + 5 + 3 + 5,
        "num_marks": 11,
        "num_tick_labels": 5,
        "num_legend_entries": 3,
        "num_texts": 5,
    }


def test_run_many_keeps_order_and_is_lazy(executor):
    slow = "import time\ntime.sleep(0.5)\n"
    codes = [(slow if i % 5 == 0 else "") + f"raise ValueError({i})" for i in range(40)]
    assert [r.error for r in executor.run_many(codes)] == [f"ValueError: {i}" for i in range(40)]

    taken = []

    def endless():
        while True:
            taken.append(1)
            yield "raise ValueError(0)"

    results = executor.run_many(endless())
    for _ in range(5):
        next(results)
    results.close()
    assert len(taken) < 200
    assert executor.run(GOOD).ok


def test_run_many_uses_all_workers(executor):
    code = "import time\nstart = time.monotonic()\ntime.sleep(1)\nraise ValueError(f'{start} {time.monotonic()}')"
    times = [tuple(map(float, result.error.split()[1:])) for result in executor.run_many([code] * 4)]
    assert any(one[0] < other[0] < one[1] for one in times for other in times)  # two ran at the same time


def test_run_from_several_threads(executor):
    errors = {}

    def run(i):
        errors[i] = executor.run(f"raise ValueError({i})").error

    threads = [threading.Thread(target=run, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == {i: f"ValueError: {i}" for i in range(8)}


def test_nothing_remains_after_close():
    before, descriptors = children(os.getpid()), len(os.listdir("/proc/self/fd"))
    executor = Executor(num_workers=2, timeout=30)
    list(executor.run_many([GOOD] * 4))
    folder = working_directory(executor)
    assert os.path.isdir(folder)
    assert len(children(os.getpid()) - before) >= 1
    executor.close()
    assert children(os.getpid()) == before
    assert not os.path.exists(folder)
    assert len(os.listdir("/proc/self/fd")) == descriptors
    assert executor.run("raise KeyError(1)").error == "KeyError: 1"  # may be used again
    executor.close()
    executor.close()
    assert children(os.getpid()) == before


def test_descriptors_and_processes_do_not_pile_up(executor):
    list(executor.run_many([GOOD] * 4))
    before = len(os.listdir("/proc/self/fd")), children(os.getpid())
    for code in ("raise ValueError", "import os\nos.abort()", "x = 1\0", "import os\nos._exit(0)"):
        list(executor.run_many([code] * 10))
    assert (len(os.listdir("/proc/self/fd")), children(os.getpid())) == before


def test_worker_ends_when_the_caller_is_killed():
    code = "from eval_metric.executor import Executor\ne = Executor(timeout=60)\ne.run('')\nprint('up', flush=True)\n"
    code += "input()\ne.run('import time\\ntime.sleep(50)')\n"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    caller = subprocess.Popen([sys.executable, "-c", code], **pipes, cwd=Path(__file__).parents[1])
    assert caller.stdout.readline() == b"up\n"
    deadline = time.monotonic() + 20
    worker = children(caller.pid)
    caller.stdin.write(b"\n")  # only now: a program that runs already would be taken for a worker
    caller.stdin.close()
    while not (program := children(caller.pid) - worker) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert worker and len(program) == 1
    started = worker | program
    folder = os.readlink(f"/proc/{min(worker)}/cwd")
    assert "chart2code-" in folder
    caller.kill()
    caller.wait()
    caller.stdout.close()
    deadline = time.monotonic() + 20
    while any(_alive(pid) for pid in started) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(_alive(pid) for pid in started)
    assert not os.path.exists(folder)


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_copy_in_a_forked_process_has_workers_of_its_own():
    with Executor(timeout=60) as executor:
        assert executor.run("raise KeyError(1)").error == "KeyError: 1"
        pid = os.fork()
        if pid == 0:
            fine = executor.run("raise KeyError(2)").error == "KeyError: 2"
            executor.close()
            os._exit(0 if fine else 1)
        assert os.waitpid(pid, 0)[1] == 0
        assert executor.run("raise KeyError(3)").error == "KeyError: 3"


@pytest.mark.parametrize("arguments", [{"num_workers": 0}, {"timeout": 0}, {"memory_mb": 0}])
def test_bad_arguments(arguments):
    with pytest.raises(ValueError, match="positive"):
        Executor(**arguments)


def test_programs_of_a_family_are_as_alone(executor):
    plot = "import matplotlib.pyplot as plt\nimport numpy as np\n"
    codes = [
        GOOD,
        plot + "plt.style.use('ggplot')\nplt.rcParams['lines.linewidth'] = 9\nplt.plot(np.random.rand(5))",
        "import matplotlib.pyplot as plt\nplt.savefig = plt.show = None\nraise ValueError('in between')",
        plot + "plt.plot(np.random.rand(5))\nplt.title('$x^2$')",
        "import os\nos._exit(0)",
        GOOD,
        "\0",
        plot + "plt.scatter([1, 2], [3, 4])\nplt.savefig('chart.png')\nplt.close()",
        plot + "import random\nplt.bar(['a', 'b'], [random.random(), 2])",
    ]
    family = object()
    together = [executor.run(code, family) for code in codes]
    for one, other in zip(together, map(executor.run, codes), strict=True):
        assert (one.status, one.error, one.facts) == (other.status, other.error, other.facts)
        assert one.image is None or np.array_equal(one.image, other.image)
    assert [r.status for r in together] == ["ok", "ok", "error", "ok", "crash", "ok", "invalid", "ok", "ok"]


def test_programs_of_a_family_share_a_process_until_one_fails():
    counting = (
        "import builtins, matplotlib.pyplot as plt\nbuiltins.n = getattr(builtins, 'n', 0) + 1\n"
        "plt.figure(figsize=(builtins.n, 1))\nplt.plot([1, 2])\n"
    )
    with Executor(num_workers=1, timeout=5) as fresh:
        one, other = object(), object()

        def widths(*codes, family):
            results = fresh.run_many(codes, family=family)
            return [result.image.shape[1] if result.ok else result.status for result in results]

        assert widths(counting, counting, family=one) == [100, 200]
        assert widths(counting, family=one) == [300]
        assert widths(counting, family=other) == [100] and widths(counting, counting, family=None) == [100, 100]
        assert widths(counting, counting, family=one) == [100, 200]
        assert widths(counting + "1 / 0", counting, family=one) == ["error", 100]
        assert widths("import os\nos._exit(0)", counting, counting, family=one) == ["crash", 100, 200]
        assert widths("while True: pass", counting, "\0", counting, family=one) == ["timeout", 100, "invalid", 200]
        assert widths(*[counting] * 50, family=other)[-1] <= 100 * MOST_VARIANTS


def test_a_shared_process_draws_what_a_fresh_one_does(executor):
    plot = "import matplotlib.pyplot as plt\nimport numpy as np\n"
    codes = [
        GOOD,
        plot + "plt.style.use('ggplot')\nplt.rcParams['lines.linewidth'] = 9\nplt.plot(np.random.rand(5))",
        plot + "plt.plot(np.random.rand(5))\nplt.title('$x^2$')",
        plot + "plt.scatter([1, 2], [3, 4])\nplt.savefig('chart.png')\nplt.close()",
        plot + "import random\nplt.bar(['a', 'b'], [random.random(), 2])",
        GOOD,
    ]
    family = object()
    shared = [next(executor.run_many([code], family=family)) for code in codes]
    for one, other in zip(shared, map(executor.run, codes), strict=True):
        assert one.ok and one.facts == other.facts and np.array_equal(one.image, other.image)
