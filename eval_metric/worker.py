"""The process in which generated programs run. Started by `executor.py`; imports nothing of the repository.

`python worker.py FD MEMORY_MB CPU_SECONDS LABELS` imports matplotlib once, draws a figure to load what matplotlib
loads lazily, and then serves programs: it forks for each, the child limits itself, executes the program and writes one
frame into the pipe that came with the request. Several programs, variants of one, may share a child, which executes
them one after another, and waits for more until it is ended. The worker itself never executes a program. Companions of
matplotlib (pandas, ...) are imported here when the first program imports them: they make each fork slower, and most
programs do without.

Protocol, on the Unix socket FD (all integers little-endian):
    worker -> parent  HELLO: uint32 length + JSON, {"versions": ..., "level": ..., "escapes": ...} or {"error": ...}
    parent -> worker  REQUEST: uint32 length, with the pipe's writing end as ancillary data, and another's reading end
                      if more sources may follow, then JSON: how many there may be in all, and the first one
    worker -> parent  one byte: the program has started
    parent -> worker  one byte: end it (the frames are complete, or the deadline has passed)
    worker -> parent  REPLY: int32 exit status as `os.waitpid` gives it

Frames in the pipe, one for each source: `FRAME` (magic, JSON length, height, width), the JSON report, height * width
* 3 bytes of RGB. Further sources come through the other pipe, uint32 length + UTF-8 each time.
The child belongs to the program: the parent believes nothing in a frame that it has not checked.

Limits and layers of a program are set in `confine`, see also confinement.py. What they cannot cover: the code that
draws the figure and writes the frame shares the process with the program, which may therefore forge its own picture
and its own facts, and those of the variants that share its process. It can forge no other program's, and it does not
know what it is compared with.
"""

import array
import contextlib
import copy
import ctypes
import functools
import gc
import importlib.metadata
import io
import json
import os
import random
import re
import signal
import socket
import struct
import sys
import time
import types


try:
    import fcntl
    import resource
except ImportError:  # Windows; executor.py refuses there with a message
    fcntl = resource = None

if __package__:
    from . import confinement
    from . import elements
    from . import kinds
    from . import labels
else:  # started as a script: its folder is in sys.path for its own imports only, and out of reach afterwards
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    import confinement
    import elements
    import kinds
    import labels

    del sys.path[0]

FRAME = struct.Struct("<4sIII")
MAGIC = b"C2C1"
LENGTH = struct.Struct("<I")
REPLY = struct.Struct("<i")

MAX_SOURCE = 64 * 1024  # bytes of UTF-8
MAX_REPORT = 256 * 1024  # bytes of JSON
MAX_PIXELS = 16_000_000  # 16 x 10 inches at 300 dpi; a picture beyond that is an error of the program
MAX_ERROR = 500  # characters
MAX_FILES = 64  # descriptors
ROWS = 64  # of pixels, which are sent at a time: a copy of the whole picture would be new memory
WARM_UPS = 3  # the interpreter specialises code that has run before; no child has to do so again

COMPANIONS = ("pandas", "scipy", "seaborn")

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
RESULT, SOURCES = 3, 4  # descriptors of the pipes in the program's process


def receive_exactly(receive, size: int) -> bytes:
    """`size` bytes from a stream, of which `receive(n)` gives at most n; raises EOFError when the other end closes
    before."""
    parts = []
    while size:
        part = receive(size)
        if not part:
            raise EOFError("the other end is closed")
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


# ------------------------------------------------------------------------------------------------------ start


def preload() -> dict[str, str]:
    """Imports matplotlib and draws with it. Returns {package: version} of all that programs may use."""
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcdefaults()
    import matplotlib.dates
    import matplotlib.pyplot as plt
    import mpl_toolkits.mplot3d  # noqa: F401
    import numpy as np
    import numpy.random  # noqa: F401  loaded lazily by numpy, and then by each child for its seed

    versions = {"python": sys.version.split()[0], "matplotlib": matplotlib.__version__, "numpy": np.__version__}
    for name in COMPANIONS:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            versions[name] = importlib.metadata.version(name)

    with fonts_in_memory():
        for _ in range(WARM_UPS):
            draw_something(plt)
    matplotlib.rcdefaults()
    elements.record_calls()
    return versions


class FontFile(io.BytesIO):
    """A font in memory, which goes by the name of its file."""

    def __init__(self, path):
        with open(path, "rb") as file:
            super().__init__(file.read())
        self.path = str(path)

    def __str__(self) -> str:
        return self.path


@contextlib.contextmanager
def fonts_in_memory():
    """Fonts that matplotlib opens meanwhile are open in the children as well.

    It closes its fonts in every fork, because processes share the position in an open file, and each child would open
    and prepare them again. What is in memory is not shared.
    """
    from matplotlib import font_manager
    from matplotlib import ft2font

    def opened(path, *args, **kwargs):
        return ft2font.FT2Font(FontFile(path), *args, **kwargs)

    with contextlib.suppress(AttributeError):  # not public; what a fork clears is the cache of before
        font_manager._get_font = functools.lru_cache(64)(font_manager._get_font.__wrapped__)
        font_manager.ft2font = types.SimpleNamespace(**vars(ft2font) | {"FT2Font": opened})
    try:
        yield
    finally:
        font_manager.ft2font = ft2font


def draw_something(plt) -> None:
    """Matplotlib loads fonts, tick machinery and mathtext when something is drawn, so this draws something of each."""
    figure, axes = plt.subplots(2, 2, layout="constrained")
    axes[0, 0].bar(["a", "b"], [1, 2], label="bar", yerr=0.1)
    axes[0, 0].legend(title="legend")
    axes[0, 1].plot([1, 2], [3, 4], "o--", label=r"$\alpha^2$")
    axes[0, 1].set(xscale="log", title="title", xlabel="x", ylabel="y")
    axes[0, 1].annotate("text", (1, 3), arrowprops={"arrowstyle": "->"}, weight="bold", style="italic")
    axes[1, 0].scatter([1, 2], [3, 4], c=[1, 2], cmap="viridis")
    axes[1, 0].fill_between([1, 2], [3, 4], alpha=0.5)
    axes[1, 0].twinx().grid(True)
    axes[1, 1].pie([1, 2], labels=["a", "b"], autopct="%.1f%%")
    draw_and_trace(figure)

    figure, axes = plt.subplots(2, 3, figsize=(10, 6))
    axes[0, 0].hist([1, 2, 2, 3], bins=4, edgecolor="black", alpha=0.7)
    axes[0, 1].boxplot([[1, 2, 3], [2, 3, 9]])
    axes[0, 1].violinplot([[1, 2, 3], [2, 3, 9]])
    axes[0, 2].stackplot([2020, 2021, 2022], [1, 2, 3], [2, 2, 2], labels=["a", "b"])
    axes[0, 2].legend(loc="upper left")
    axes[1, 0].bar_label(axes[1, 0].barh([0, 1], [10, 25], 0.4))
    axes[1, 0].set_yticks([0, 1], ["a", "b"])
    axes[1, 0].tick_params(axis="x", rotation=45)
    figure.colorbar(axes[1, 1].imshow([[0, 1], [2, 3]], aspect="auto"), ax=axes[1, 1])
    axes[1, 2].contourf([[0, 1], [2, 3]])
    axes[1, 2].axhline(0.5, linestyle=":")
    axes[1, 2].step([0, 1], [-100, 1000])
    figure.suptitle("The quick brown fox jumps over the lazy dog. 0123456789")
    figure.tight_layout()
    draw_and_trace(figure)
    plt.close("all")


def draw_and_trace(figure) -> None:
    figure.canvas.draw()
    elements.trace(figure)


def preload_companions(source: str) -> None:
    """Imports those of the companions that the program imports, so that the next programs find them loaded."""
    imports = " ".join(re.findall(r"^\s*(?:import|from)\s.*", source, re.MULTILINE))  # not "seaborn-v0_8", a style
    missing = [name for name in COMPANIONS if name in imports and name not in sys.modules]
    for name in missing:
        with contextlib.suppress(Exception):  # absent or broken: the program will see the same error
            importlib.import_module(name)
    if missing:
        freeze()


def freeze() -> None:
    """Keeps the children from copying pages of the worker: the garbage collector shall not touch what is loaded, and
    memory that is free goes back to the system, so that a child gets it empty."""
    gc.collect()
    gc.freeze()
    with contextlib.suppress(AttributeError, OSError):  # other C libraries than glibc
        ctypes.CDLL(None).malloc_trim(0)


# ------------------------------------------------------------------------------------------------------ child


def confine(layers: confinement.Confinement, pipes: list[int], memory_mb: int, cpu_seconds: int) -> int:
    """Limits the calling process for good: own session, dies with the worker, bounded resources, no way outside.

    The last thing that runs before the program. Of the open files only `pipes` are left, as `RESULT`, which is
    returned, and what follows it.
    """
    os.setsid()
    confinement.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    limits = {"CPU": cpu_seconds, "FSIZE": 0, "NOFILE": MAX_FILES, "CORE": 0, "NPROC": 0}
    if sys.platform == "linux":  # the budget counts from what the preloaded packages already take
        limits["AS"] = confinement.address_space() + memory_mb * 2**20
    for name, limit in limits.items():
        kind = getattr(resource, f"RLIMIT_{name}")
        hard = resource.getrlimit(kind)[1]  # raising a hard limit is refused
        limit = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        resource.setrlimit(kind, (limit, limit))
    layers.apply()
    beyond = [fcntl.fcntl(pipe, fcntl.F_DUPFD, RESULT + len(pipes)) for pipe in pipes]  # where none of them goes
    for descriptor, pipe in enumerate(beyond, RESULT):
        os.dup2(pipe, descriptor, inheritable=False)
    os.closerange(RESULT + len(pipes), MAX_FILES)
    return RESULT


class Capture:
    """Keeps the figures that a program saves, shows or closes, without writing or opening anything."""

    def __init__(self, with_labels: bool, with_evidence: bool = True):
        """Without evidence the facts are the counts of `elements.count_elements`."""
        import matplotlib.backend_bases
        import matplotlib.figure
        import matplotlib.pyplot as plt
        from matplotlib.backends.backend_agg import FigureCanvasAgg

        self.plt = plt
        self.figure_class = matplotlib.figure.Figure
        self.canvas_class = FigureCanvasAgg
        self.with_labels = with_labels
        self.with_evidence = with_evidence
        self.settings = copy.deepcopy(dict(matplotlib.rcParams))  # the defaults, see `preload`
        self.figure = None  # the last figure that was saved, shown or closed
        self.picture = None  # its drawing, if it was drawn
        self.used = False
        save, print_original, close = self.figure_class.savefig, FigureCanvasAgg.print_figure, plt.close
        capture, memory = self, (io.BytesIO, io.StringIO)

        def savefig(figure, fname, *args, **kwargs):
            capture.keep(figure)
            pixels, *rest = capture.draw(figure)  # now: the program may clear the figure after saving it
            capture.picture = packed(pixels), *rest
            if isinstance(fname, memory):
                save(figure, fname, *args, **kwargs)

        def print_figure(canvas, filename, *args, **kwargs):
            if isinstance(filename, memory):
                return print_original(canvas, filename, *args, **kwargs)
            savefig(canvas.figure, filename)

        def close_figure(fig=None):
            figures = plt.get_fignums()
            if isinstance(fig, self.figure_class):
                capture.keep(fig)
            elif figures and (fig is None or fig == "all"):
                capture.keep(plt.gcf())
            elif fig in figures or fig in plt.get_figlabels():
                capture.keep(plt.figure(fig))
            close(fig)

        def show(*args, **kwargs):
            if plt.get_fignums():
                capture.keep(plt.gcf())

        self.figure_class.savefig = savefig
        self.figure_class.show = lambda figure, *args, **kwargs: capture.keep(figure)
        matplotlib.backend_bases.FigureCanvasBase.print_figure = print_figure
        plt.close = close_figure
        plt.show = show
        plt.pause = show
        plt.switch_backend = lambda *args, **kwargs: None  # a program that asks for a window gets Agg

    def reset(self) -> None:
        """As if nothing had been drawn yet, where another program has run in this process."""
        import matplotlib
        import numpy as np

        if self.used:
            self.plt.close("all")
            if dict(matplotlib.rcParams) != self.settings:  # which is sooner said than done
                matplotlib.rcdefaults()
            elements.forget_calls()
            self.figure = self.picture = None
            sys.modules.pop("__main__", None)
            gc.collect(0)  # the former figure, while it is young: sooner done than among what has been kept longer
        self.used, self.figure, self.picture = True, None, None
        random.seed(0)
        np.random.seed(0)

    def keep(self, figure) -> None:
        if figure is not self.figure:
            self.figure, self.picture = figure, None

    def draw(self, figure) -> tuple:
        """(pixels (H, W, 3) uint8, facts, labels) of the figure as it is now; raises ValueError if it is too large.

        The pixels may be the memory of the canvas: they hold until the next drawing."""
        if figure is self.figure and self.picture is not None and not figure.stale:
            return self.picture
        import numpy as np
        from matplotlib.layout_engine import PlaceHolderLayoutEngine

        if not isinstance(figure.canvas, self.canvas_class):
            self.canvas_class(figure)
        width, height = (int(size) for size in figure.bbox.size)
        if width * height > MAX_PIXELS:
            raise ValueError(f"the figure has {width} x {height} pixels, more than {MAX_PIXELS}")
        # As savefig does: animated artists are drawn, animations do not start, layouts are found in their own pass.
        with contextlib.ExitStack() as stack:
            figure.canvas._is_saving = True
            stack.callback(setattr, figure.canvas, "_is_saving", False)
            if not isinstance(figure.get_layout_engine(), PlaceHolderLayoutEngine | None):
                figure.draw_without_rendering()
                stack.enter_context(figure._cm_set(layout_engine="none"))
            figure.canvas.draw()
        pixels = np.asarray(figure.canvas.buffer_rgba())
        alpha = pixels[..., 3:]
        rgb = pixels[..., :3]
        if alpha.min() < 255:  # a transparent figure lies on white paper
            rgb = (rgb * (alpha / 255.0) + (255.0 - alpha) + 0.5).astype(np.uint8)
        try:
            facts = elements.trace(figure) if self.with_evidence else elements.count_elements(figure)
        except Exception:  # an exotic artist: the picture counts, the facts are unknown
            facts = None
        marked = None
        if self.with_labels:
            try:
                kind = kinds.trace_kind(elements.drawn_calls(figure))
            except Exception:
                kind = "complex", "other"
            marked = labels.trace_labels(figure) | {"kind": kind}
        picture = rgb, facts, marked
        if figure is self.figure:
            self.picture = picture
        return picture

    def result(self, namespace: dict):
        """The picture of the program, or None: its current figure, else the last one that it saved, shown or closed,
        else a figure that it only holds in a variable. A cleared figure counts only when there is no other."""
        current = self.plt.gcf() if self.plt.get_fignums() else None
        if current is not None and (self.figure is None or _has_content(current)):
            return self.draw(current)
        if self.figure is not None:
            if self.picture is not None and not _has_content(self.figure):
                return self.picture  # saved, then cleared
            return self.draw(self.figure)
        held = [value for value in namespace.values() if isinstance(value, self.figure_class)]
        return self.draw(held[-1]) if held else None


def _has_content(figure) -> bool:
    return bool(figure.axes or figure.texts or figure.patches or figure.lines or figure.images or figure.legends)


def _one_line(error: BaseException) -> str:
    try:
        text = " ".join(f"{type(error).__name__}: {error}".split())
    except BaseException:  # the program's own exception class may do anything
        text = type(error).__name__
    return text[:MAX_ERROR].encode("utf-8", "replace").decode()


def execute(source: str, capture: Capture) -> tuple:
    """Runs the program as `python chart.py` would. Returns (report dict, pixels (H, W, 3) uint8 or None)."""
    capture.reset()
    module = types.ModuleType("__main__")
    module.__dict__.update(__file__="chart.py", __builtins__=__builtins__)
    sys.modules["__main__"] = module
    sys.argv = ["chart.py"]
    try:
        try:
            exec(compile(source, "chart.py", "exec"), module.__dict__)
        except SystemExit as stop:
            if stop.code not in (None, 0):
                raise
        picture = capture.result(module.__dict__)
    except BaseException as error:
        return {"status": "error", "error": _one_line(error)}, None
    if picture is None:
        return {"status": "no_figure", "error": "the program draws no figure"}, None
    return {"status": "ok", "error": "", "facts": picture[1], "labels": picture[2]}, picture[0]


def run_child(
    source: str,
    number: int,
    layers: confinement.Confinement,
    pipes: list[int],
    memory_mb: int,
    cpu_seconds: int,
    capture: Capture,
) -> None:
    """Everything that the forked child does, for a program and those that follow, `number` in all; it ends with
    `os._exit` in the caller."""
    import numpy.random  # noqa: F401  numpy loads it lazily, and `Capture.reset` needs it

    gc.set_threshold(100_000)  # a figure is some 30,000 objects: collect between figures, not within one
    pipe, more = confine(layers, pipes, memory_mb, cpu_seconds * number), functools.partial(os.read, SOURCES)
    while True:
        report, pixels = execute(source, capture)
        height, width = (0, 0) if pixels is None else pixels.shape[:2]
        text = json.dumps(report).encode()
        if len(text) > MAX_REPORT and report.get("labels"):  # thousands of marks: the picture counts, they do not
            report["labels"] |= dict.fromkeys(labels.WIDTHS)
            text = json.dumps(report).encode()
        write(pipe, FRAME.pack(MAGIC, len(text), height, width) + text)
        for row in range(0, height, ROWS):
            write(pipe, packed(pixels[row : row + ROWS]).data.cast("B"))
        number -= 1
        if not number:
            return
        size = LENGTH.unpack(receive_exactly(more, LENGTH.size))[0]
        source = receive_exactly(more, size).decode("utf-8")


def packed(pixels):
    """A copy without gaps of pixels (H, W, 3). Channel by channel: numpy takes seven times as long for all at once."""
    import numpy as np

    copy = np.empty(pixels.shape, dtype=np.uint8)
    for channel in range(3):
        copy[..., channel] = pixels[..., channel]
    return copy


def write(pipe: int, data: bytes | memoryview) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(pipe, view) :]


# ------------------------------------------------------------------------------------------------------ worker


def end_program(pid: int) -> int:
    """Kills the program and whatever it has started, and gives its exit status."""
    for target in (-pid, pid):  # before the child's setsid there is no such group
        try:
            os.kill(target, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass
    status = os.waitpid(pid, 0)[1]
    while True:  # as subreaper the worker inherits what the program left running, which takes a level below "good"
        try:
            if os.waitpid(-1, os.WNOHANG)[0]:
                continue
        except ChildProcessError:
            return status
        if os.getpid() == 1:  # in a process namespace there is nothing but the worker and what it started
            orphans = [-1]
        else:
            try:
                with open("/proc/thread-self/children") as file:
                    orphans = [int(word) for word in file.read().split()]
            except OSError:
                return status
        for orphan in orphans:
            with contextlib.suppress(ProcessLookupError):
                os.kill(orphan, signal.SIGKILL)
        time.sleep(0.001)


def serve(
    sock: socket.socket, layers: confinement.Confinement, memory_mb: int, cpu_seconds: int, capture: Capture
) -> None:
    """Answers requests until the parent closes the socket."""
    size_of_fd = array.array("i").itemsize
    while True:
        data, ancillary, _, _ = sock.recvmsg(LENGTH.size, socket.CMSG_SPACE(2 * size_of_fd))
        if not data:
            return
        data += receive_exactly(sock.recv, LENGTH.size - len(data))
        pipes = list(array.array("i", ancillary[0][2][: 2 * size_of_fd]))
        number, source = json.loads(receive_exactly(sock.recv, LENGTH.unpack(data)[0]))
        preload_companions(source)
        pid = os.fork()
        if pid == 0:
            sock.close()
            try:
                run_child(source, number, layers, pipes, memory_mb, cpu_seconds, capture)
            finally:
                os._exit(0)
        for pipe in pipes:
            os.close(pipe)
        try:
            sock.sendall(b"S")
            receive_exactly(sock.recv, 1)
        finally:
            status = end_program(pid)
        sock.sendall(REPLY.pack(status))


def main() -> None:
    fd, memory_mb, cpu_seconds, with_labels = (int(argument) for argument in sys.argv[1:])
    sock = socket.socket(fileno=fd)
    sock.set_inheritable(False)
    layers = confinement.Confinement()
    layers.enter_namespaces([os.environ["MPLCONFIGDIR"]])
    confinement.prctl(PR_SET_CHILD_SUBREAPER, 1)
    try:
        hello = {"versions": preload()}
        capture = Capture(bool(with_labels))
        layers.seal()
        hello["level"], hello["escapes"] = confinement.probe(
            lambda pipe: confine(layers, [pipe], memory_mb, cpu_seconds),
            layers.namespaces,
            folders=[os.getcwd(), os.environ["MPLCONFIGDIR"]],
            memory=(memory_mb + 64) * 2**20,
        )
        freeze()
    except Exception as error:
        hello = {"error": _one_line(error)}
    text = json.dumps(hello).encode()
    try:
        sock.sendall(LENGTH.pack(len(text)) + text)
        serve(sock, layers, memory_mb, cpu_seconds, capture)
    except (EOFError, ConnectionError):
        pass
    with contextlib.suppress(OSError):  # a caller that was killed cannot remove it; never more than an empty folder
        os.rmdir(os.getcwd())


if __name__ == "__main__":
    main()
