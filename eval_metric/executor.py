"""Executes generated plotting programs and returns their pictures: fast, many at once, confined.

`python worker.py` is started once per worker, with a clean environment, and forks for each program (see there), or for
variants of one that are to share a process; the calling process itself is never forked, so threads of torch or CUDA in
it do no harm. A program gets `timeout` seconds
and `memory_mb` on top of what the packages take, writes nothing, and its last figure comes back as pixels, equal to
those of `python script.py` with `fig.savefig(..., dpi="figure")` and matplotlib's own defaults.

Programs cannot read, write, connect, signal or start anything outside, see confinement.py for the layers and levels.
Where the system lacks the layers for level "good", programs are refused unless HF_ALLOW_CODE_EVAL=1 is set. What a
program can do is forge its own picture and facts: it shares a process with the code that draws them.
"""

import contextlib
import json
import math
import os
import queue
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import wait
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .confinement import LEVELS
from .confinement import LIBRARY_PATHS
from .confinement import refusal
from .elements import is_valid
from .labels import are_labels
from .worker import FRAME
from .worker import LENGTH
from .worker import MAGIC
from .worker import MAX_ERROR
from .worker import MAX_PIXELS
from .worker import MAX_REPORT
from .worker import MAX_SOURCE
from .worker import REPLY
from .worker import receive_exactly
from .worker import write


START_SECONDS = 180.0  # for imports, on a busy machine, and for building matplotlib's font cache the first time
END_SECONDS = 60.0  # for ending a program; beyond this the worker itself is taken to be broken
MOST_VARIANTS = 32  # programs of a family that share a process
AHEAD = 32  # programs per worker that `run_many` takes ahead of the one that it yields
STATUSES = ("ok", "error", "timeout", "crash", "no_figure", "invalid")
REPORTED = ("error", "no_figure")  # failures that the program's process survives


@dataclass(frozen=True)
class ExecutionResult:
    """What became of one program.

    Attributes:
        status: "ok"; "error" (an exception), "timeout", "crash" (the process died), "no_figure", or "invalid" (not a
            program: no text, null bytes, more than 64 KiB).
        image: (H, W, 3) uint8, the last figure at its own size and dpi; None unless ok.
        error: one line, as "NameError: name 'x' is not defined"; "" if ok.
        facts: what the program's process says of the figure that it drew, see elements.py; None unless ok, and for
            figures that cannot be read. Well-formed, but only `elements.confirm` compares it with the picture.
        seconds: wall-clock time of the program, in seconds.
        level: confinement level that it ran with: "strong", "good", "weak" or "none"; "" if it did not run.
        labels: dense labels of the picture, see labels.py, with "kind": [chart type, variant], see kinds.py; None
            unless ok and the executor was asked for them. Its rows are None where they are too many.
    """

    status: str
    image: np.ndarray | None = None
    error: str = ""
    facts: dict | None = None
    seconds: float = 0.0
    level: str = ""
    labels: dict | None = None

    @property
    def ok(self) -> bool:
        return self.status == "ok"


class _Failure(Exception):
    """The program gave no usable frame: (status, one-line reason)."""


class _Worker:
    """One worker process and the socket to it. Used by one thread at a time."""

    def __init__(self, timeout: float, memory_mb: int, labels: bool):
        self.timeout = timeout
        self.frames: int | None = None  # the pipe from the process of the programs, if there is one,
        self.sources: int | None = None  # and the one to it, if it waits for more
        self.family: object = None  # of its programs
        self.left = 0  # programs that it still takes
        self.folder = tempfile.mkdtemp(prefix="chart2code-")  # the programs' working directory and home
        self.socket, other = socket.socketpair()
        command = [sys.executable, "-s", "-P", str(Path(__file__).with_name("worker.py")), str(other.fileno())]
        # CPU time is a second limit, for what escapes the deadline; it must never be the first to strike.
        command += [str(memory_mb), str(math.ceil(timeout) + 2), str(int(labels))]
        with other:
            self.process = subprocess.Popen(
                command,
                env=_environment(self.folder),
                cwd=self.folder,
                pass_fds=[other.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C is for the caller, who then closes
            )
        self.socket.settimeout(START_SECONDS)
        try:
            size = LENGTH.unpack(receive_exactly(self.socket.recv, LENGTH.size))[0]
            hello = json.loads(receive_exactly(self.socket.recv, size))
        except (OSError, EOFError) as error:
            self.close()
            raise RuntimeError(f"the process that executes the programs did not start: {error!r}") from None
        if "error" in hello:
            self.close()
            raise RuntimeError(f"the programs cannot be executed here: {hello['error']}. pip install matplotlib")
        self.versions, self.level = hello["versions"], hello["level"]
        if LEVELS.index(self.level) < LEVELS.index("good") and os.environ.get("HF_ALLOW_CODE_EVAL") != "1":
            self.close()
            raise RuntimeError(refusal(self.level, hello["escapes"]))

    def run(self, source: bytes, family: object = None) -> ExecutionResult:
        """Executes a program. The process is that of the last programs of the same `family`, if all of them went well,
        and waits for more; without a family it is ended. Raises OSError or EOFError when the worker itself is gone."""
        if self.frames is not None and (self.family is not family or not self.left):
            self._end()
        if self.frames is None:
            self.family, self.left = family, 1 if family is None else MOST_VARIANTS
            self._begin(source, self.left)
        else:
            with contextlib.suppress(BrokenPipeError):  # it has ended itself: there will be no frame
                write(self.sources, LENGTH.pack(len(source)) + source)
        self.left -= 1
        start = time.monotonic()
        try:
            image, facts, labels = _read_frame(self.frames, start + self.timeout)
        except _Failure as reason:
            seconds, status, (kind, text) = time.monotonic() - start, self._end(), reason.args
            if kind == "crash" and os.WIFSIGNALED(status) and os.WTERMSIG(status) != 9:
                text = f"the program was ended by signal {os.WTERMSIG(status)}"
            return ExecutionResult(kind, None, text, None, seconds, self.level)
        seconds = time.monotonic() - start
        if family is None:
            self._end()
        return ExecutionResult("ok", image, "", facts, seconds, self.level, labels)

    def _begin(self, source: bytes, number: int) -> None:
        """Has a process forked for a program, and for others that may follow, `number` in all."""
        request = json.dumps([number, source.decode("utf-8")]).encode()
        self.frames, writing = os.pipe()
        theirs = [writing]
        if number > 1:
            reading, self.sources = os.pipe()
            theirs.append(reading)
        with contextlib.suppress(OSError, AttributeError):  # fewer switches between the two processes
            import fcntl

            for pipe in theirs:
                fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, 2**20)
        try:
            socket.send_fds(self.socket, [LENGTH.pack(len(request))], theirs)
        finally:
            for pipe in theirs:
                os.close(pipe)
        self.socket.settimeout(START_SECONDS)  # the program may be the first to need some package
        self.socket.sendall(request)
        receive_exactly(self.socket.recv, 1)

    def _end(self) -> int:
        """Has the process ended, and gives its exit status."""
        self.socket.settimeout(END_SECONDS)
        self.socket.sendall(b"E")
        status = REPLY.unpack(receive_exactly(self.socket.recv, REPLY.size))[0]
        self._close_pipes()
        return status

    def _close_pipes(self) -> None:
        for pipe in (self.frames, self.sources):
            if pipe is not None:
                os.close(pipe)
        self.frames = self.sources = None

    def close(self) -> None:
        self._close_pipes()
        self.socket.close()  # the worker ends its program and itself when it sees this
        try:
            self.process.wait(timeout=2.0)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def _environment(folder: str) -> dict[str, str]:
    """The whole environment of a worker: nothing of the caller's but the search path of shared libraries."""
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": folder,
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "MPLBACKEND": "Agg",
        "ARROW_DEFAULT_MEMORY_POOL": "system",  # pyarrow's own pool (below pandas) takes 1 GiB of addresses at once
        "JE_ARROW_MALLOC_CONF": "background_thread:false",
        "MPLCONFIGDIR": str(_cache_folder() or folder),
    }
    for name in ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "VECLIB_MAXIMUM"):
        environment[f"{name}_NUM_THREADS"] = "1"  # the worker must have one thread when it forks
    for name in LIBRARY_PATHS:
        if name in os.environ:
            environment[name] = os.environ[name]
    return environment


def _cache_folder() -> Path | None:
    """Where matplotlib's font cache is kept between runs (building it takes seconds), or None."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    folder = Path(base) / "chart2code_metric"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    return folder if os.access(folder, os.W_OK) else None


def _read_frame(pipe: int, deadline: float) -> tuple[np.ndarray, dict | None, dict | None]:
    """Picture, facts and labels from the pipe of a program. All of it may be forged, so all of it is checked."""
    data = _read(pipe, FRAME.size, deadline)
    magic, report_size, height, width = FRAME.unpack(data)
    if magic != MAGIC or report_size > MAX_REPORT or height * width > MAX_PIXELS:
        raise _Failure("crash", "the program sent a malformed result")
    try:
        report = json.loads(_read(pipe, report_size, deadline))
        status, error, facts = report["status"], str(report["error"])[:MAX_ERROR], report.get("facts")
    except (ValueError, TypeError, KeyError, RecursionError):
        raise _Failure("crash", "the program sent a malformed result") from None
    if status != "ok" or not height or not width:
        raise _Failure(status if status in REPORTED else "crash", " ".join(error.split()))
    facts = facts if is_valid(facts) else None
    labels = report.get("labels")
    labels = labels if are_labels(labels) else None
    pixels = np.frombuffer(_read(pipe, height * width * 3, deadline), dtype=np.uint8)
    return pixels.reshape(height, width, 3), facts, labels


def _read(pipe: int, size: int, deadline: float) -> bytearray:
    """`size` bytes from the pipe, or `_Failure` at its end or at the deadline (of `time.monotonic`)."""
    data = bytearray(size)
    view = memoryview(data)
    poll = select.poll()
    poll.register(pipe, select.POLLIN)
    while view:
        left = deadline - time.monotonic()
        if left <= 0 or not poll.poll(left * 1000):
            raise _Failure("timeout", "the program did not end in time")
        count = os.readv(pipe, [view])
        if not count:
            raise _Failure("crash", "the program ended without a result")
        view = view[count:]
    return data


class Executor:
    """Runs programs in `num_workers` worker processes, started when they are first needed, or by `start`. A context
    manager.

    Args:
        num_workers: programs that run at the same time.
        timeout: seconds per program, by the wall clock.
        memory_mb: memory per program in MiB, beyond what the preloaded packages take (Linux only).
        labels: whether results have `labels`, for training data; it takes a few milliseconds more.

    `run` may be called from several threads. A copy of an executor in a forked process starts workers of its own.
    """

    def __init__(self, num_workers: int = 1, timeout: float = 10.0, memory_mb: int = 1024, labels: bool = False):
        if num_workers < 1 or timeout <= 0 or memory_mb < 1:
            raise ValueError(
                f"num_workers, timeout and memory_mb must be positive, not {num_workers}, {timeout}, {memory_mb}"
            )
        if not hasattr(os, "fork"):
            raise RuntimeError("programs are executed in forked processes, which this system does not have: use Linux")
        self.num_workers, self.timeout, self.memory_mb, self.labels = num_workers, timeout, memory_mb, labels
        self._reset()

    def _reset(self) -> None:
        self._pid = os.getpid()
        self._threads = None
        self._workers: queue.LifoQueue[_Worker | None] = queue.LifoQueue()
        for _ in range(self.num_workers):
            self._workers.put(None)  # a place for a worker that is not started

    @property
    def versions(self) -> dict[str, str]:
        """{package: version} of the packages that the programs are executed with."""
        return dict(self._ask("versions"))

    @property
    def level(self) -> str:
        """The confinement level of the programs, see confinement.py. Starts a worker if none runs."""
        return self._ask("level")

    def _ask(self, name: str):
        worker = self._acquire()
        try:
            return getattr(worker, name)
        finally:
            self._workers.put(worker)

    def start(self) -> None:
        """Starts the workers that do not run, all at the same time, and waits for them. It takes seconds, which no
        program has to wait then. Raises RuntimeError where programs cannot be executed."""
        starting = [self._pool().submit(self._acquire) for _ in range(self.num_workers)]
        wait(starting)
        for future in starting:
            if future.exception() is None:
                self._workers.put(future.result())
        for future in starting:
            future.result()

    def run(self, code: str, family: object = None) -> ExecutionResult:
        """Executes one program, `family`: as of `run_many`. Never raises for what the program does; waits when all
        workers are busy."""
        source = _source(code)
        if isinstance(source, ExecutionResult):
            return source
        worker = self._acquire()
        try:
            return worker.run(source, family)
        except (OSError, EOFError):
            level = worker.level
            worker.close()
            worker = None
            return ExecutionResult("crash", error="the program ended the worker process", level=level)
        except BaseException:  # interrupted: the conversation with the worker is broken off
            worker.close()
            worker = None
            raise
        finally:
            self._workers.put(worker)

    def run_many(self, codes: Iterable[str], ahead: int = AHEAD, family: object = None) -> Iterator[ExecutionResult]:
        """Executes programs, `num_workers` at a time, and yields their results in order.

        Takes from `codes` only as far ahead as keeps the workers busy, so both may be endless.

        Args:
            ahead: programs per worker that are taken ahead of the one that it yields.
            family: programs of all calls with the same object may share processes, until one of them fails. It saves
                forks, and they could forge each other's pictures: for variants of one program.
        """
        waiting = deque()
        try:
            for code in codes:
                waiting.append(self._pool().submit(self.run, code, family))
                while len(waiting) >= ahead * self.num_workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()

    def _pool(self) -> ThreadPoolExecutor:
        """A thread for each worker."""
        if self._pid != os.getpid():
            self._reset()
        if self._threads is None:
            self._threads = ThreadPoolExecutor(self.num_workers, thread_name_prefix="executor")
        return self._threads

    def close(self) -> None:
        """Ends all workers. The executor may be used again and starts new ones then."""
        if self._pid != os.getpid():
            return  # the workers belong to the process that this one was forked from
        if self._threads is not None:
            self._threads.shutdown(cancel_futures=True)
            self._threads = None
        for _ in range(self.num_workers):
            worker = self._workers.get()
            if worker is not None:
                worker.close()
        for _ in range(self.num_workers):
            self._workers.put(None)

    def __enter__(self) -> "Executor":
        return self

    def __exit__(self, *exception) -> None:
        self.close()

    def __del__(self):
        with contextlib.suppress(Exception):  # while the interpreter ends, anything may be gone already
            self.close()

    def _acquire(self) -> _Worker:
        if self._pid != os.getpid():
            self._reset()
        worker = self._workers.get()
        try:
            if worker is not None and worker.process.poll() is not None:
                worker.close()
                worker = None
            if worker is None:
                worker = _Worker(self.timeout, self.memory_mb, self.labels)
        except BaseException:
            self._workers.put(None)
            raise
        return worker


def _source(code: str) -> bytes | ExecutionResult:
    """The program in UTF-8, or the result for what is no program."""
    if not isinstance(code, str):
        return ExecutionResult("invalid", error=f"a program is a str, not {type(code).__name__}")
    try:
        source = code.encode("utf-8")
    except UnicodeEncodeError:
        return ExecutionResult("invalid", error="the program is not valid Unicode")
    if len(source) > MAX_SOURCE:
        return ExecutionResult("invalid", error=f"the program has {len(source)} bytes, more than {MAX_SOURCE}")
    if "\0" in code:
        return ExecutionResult("invalid", error="the program contains null bytes")
    return source
