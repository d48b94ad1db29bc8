"""Hostile programs against the executor: none may write, read, connect, signal, start or survive outside.

After each, the pool lives on, nothing outside has changed, and the next program's picture is the same to the bit.
"""

import base64
import io
import os
import platform
import re
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

import numpy as np
import pytest
from conftest import children
from PIL import Image

from eval_metric.confinement import judge, refusal, seccomp_filter
from eval_metric.executor import Executor

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="there are no layers to test")

REPOSITORY = Path(__file__).parents[1]
PLT = "import matplotlib.pyplot as plt\n"
GOOD = PLT + "fig, ax = plt.subplots()\nax.plot([1, 3, 2], 'o-', label='a')\nax.legend()\nax.set_title('Title')\n"
SECRET = "reference-" + "".join(map(str, range(5, 15)))  # in the memory and in a file of the caller, nowhere else

DENIED = r"PermissionError|FileNotFoundError|Read-only file system|Permission denied"
ABSENT = r"PermissionError|FileNotFoundError"
CALL = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
def call(number, *arguments):
    if libc.syscall(ctypes.c_long(number), *map(ctypes.c_long, arguments)) != -1:
        raise SystemError(f"ESCAPED through system call {number}")
    return ctypes.get_errno()
"""
FRAME = """
import json, os, struct
def frame(report, height=0, width=0, pixels=b""):
    text = report if isinstance(report, bytes) else json.dumps(report).encode()
    data = struct.pack("<4sIII", b"C2C1", len(text), height, width) + text + pixels
    while data:
        data = data[os.write(3, data):]
"""
IGNORE = """
import signal
for s in range(1, 65):
    try: signal.signal(s, signal.SIG_IGN)
    except (OSError, ValueError): pass
"""
ANY = "ok error crash no_figure timeout"
PNG = io.BytesIO()
Image.new("RGB", (4, 4), "red").save(PNG, "png")
BOMB = PNG.getvalue()[:16] + struct.pack(">II", 60_000, 60_000) + PNG.getvalue()[24:]

# name: (program, expected statuses, pattern in the error). The first 46 are those that every executor should be tried
# with; of what follows each is one more way out. OUTSIDE is a folder with the file `secret`, PORT somebody who
# listens, CALLER the process that uses the executor.
PROGRAMS = {
    "1 os.system": ("import os\nassert os.system('touch OUTSIDE/new') != 0", "no_figure", ""),
    "2 subprocess": ("import subprocess\nsubprocess.run(['/bin/sh', '-c', 'touch OUTSIDE/new'])", "error", ABSENT),
    "3 posix.system": ("import posix\nassert posix.system('touch OUTSIDE/new') != 0", "no_figure", ""),
    "3 ctypes system": ("import ctypes\nassert ctypes.CDLL(None).system(b'true') != 0", "no_figure", ""),
    "4 subclasses to Popen": (
        "import subprocess as hidden\n[c for c in ().__class__.__base__.__subclasses__() if c.__name__ == 'Popen'][0]"
        "(['/bin/sh', '-c', 'touch OUTSIDE/new'])",
        "error",
        ABSENT,
    ),
    "5 fork bomb": ("import os\nwhile True: os.fork()", "error", "PermissionError|BlockingIOError"),
    "6 thread bomb": ("import threading\nwhile True: threading.Thread(target=input).start()", "error", "RuntimeError"),
    "7 daemon": ("import os\nif os.fork() == 0: os.setsid()", "error", "PermissionError|BlockingIOError"),
    "8 socket": ("import socket\nsocket.create_connection(('127.0.0.1', PORT))", "error", "PermissionError"),
    "8 name resolution": ("import socket\nsocket.getaddrinfo('localhost', 80)", ANY, ""),
    "9 style from a URL": (PLT + "plt.style.use('http://127.0.0.1:PORT/a.mplstyle')", "error", "OSError"),
    "10 seaborn data set": ("import seaborn\nseaborn.load_dataset('tips')", "error", "Error"),
    "11 write to /tmp": ("open('/tmp/hostile-MARK', 'w')", "error", DENIED),
    "12 unlink": ("import os\nos.unlink('OUTSIDE/secret')", "error", DENIED),
    "12 posix.unlink": ("import posix\nposix.unlink('OUTSIDE/secret')", "error", DENIED),
    "13 chmod": ("import os\nos.chmod('OUTSIDE/secret', 0o777)", "error", DENIED),
    "14 read a file of the home": (
        "import os\nprint(open(os.path.expanduser('~root/.profile')).read())",
        "error",
        ABSENT,
    ),
    "14 read a file outside": ("raise SystemError('ESCAPED ' + open('OUTSIDE/secret').read())", "error", ABSENT),
    "15 shadow with numpy": ("import numpy\nnumpy.fromfile('/etc/shadow', 'u1')", "error", ABSENT),
    "17 environment of the parent": ("import os\nopen(f'/proc/{os.getppid()}/environ')", "error", ABSENT),
    "17 environment of the caller": ("open('/proc/CALLER/environ')", "error", ABSENT),
    "18 token in the own environment": (
        "import os\nassert 'HOSTILE_TOKEN' not in os.environ\nopen('/proc/self/environ')",
        "error",
        ABSENT,
    ),
    "19 kill the parent": ("import os\nos.kill(os.getppid(), 9)", "error", "PermissionError"),
    "19 signal the caller": ("import os\nos.kill(CALLER, 10)", "error", "PermissionError|ProcessLookupError"),
    "20 ptrace": (CALL + "call(101, 16, CALLER, 0, 0)\ncall(101, 0, 0, 0, 0)", "no_figure", ""),
    "20 process_vm_readv and writev": (CALL + "for n in (310, 311): call(n, CALLER, 0, 0, 0, 0, 0)", "no_figure", ""),
    "21 io_uring": (CALL + "for n in (425, 426, 427): call(n, 1, 0, 0, 0, 0, 0)", "no_figure", ""),
    "22 memfd": (CALL + "call(319, 0, 0)\ncall(447, 0)\nimport os\nos.memfd_create('x')", "error", "PermissionError"),
    "22 /dev/shm": ("open('/dev/shm/hostile-MARK', 'w')", "error", DENIED),
    "22 shared memory": (
        "from multiprocessing.shared_memory import SharedMemory\nSharedMemory('hostile-MARK', True, 10)",
        "error",
        DENIED,
    ),
    "23 4 GiB at once": ("x = bytearray(4 * 2**30)", "error", "MemoryError"),
    "24 4 GiB by numpy": ("import numpy\nx = numpy.ones((40000, 40000))", "error", "Unable to allocate"),
    "25 figure of 5000 inches": (PLT + "plt.figure(figsize=(5000, 5000))", "error", "500000 x 500000 pixels"),
    "26 200,000 ticks": (PLT + "plt.gca().set_xticks(range(200_000))\nplt.gcf().canvas.draw()", "timeout error", ""),
    "27 endless loop": ("while True: pass", "timeout", ""),
    "28 ignores signals": (IGNORE + "import time\nwhile True: time.sleep(60)", "timeout", ""),
    "29 endless recursion": (
        "import sys\nsys.setrecursionlimit(2**31 - 1)\ndef f(): return [f()]\nf()",
        "timeout error crash",
        "",
    ),
    "29 recursion in C": (
        "import sys\nsys.setrecursionlimit(2**31 - 1)\nclass A:\n    def __repr__(s): return repr([s])\nrepr(A())",
        "timeout error crash",
        "",
    ),
    "30 number of 10 million digits": (
        "import sys\nsys.set_int_max_str_digits(0)\nstr(10 ** 10**7)",
        "timeout error",
        "",
    ),
    "30 regular expression": ("import re\nre.match('(a+)+$', 'a' * 40 + 'b')", "timeout", ""),
    "31 segmentation fault": ("import ctypes\nctypes.string_at(0)", "crash", "signal 11"),
    "31 abort": ("import os\nos.abort()", "crash", "signal 6"),
    "32 sys.exit": ("import sys\nsys.exit(0)", "no_figure", ""),
    "32 os._exit": ("import os\nos._exit(0)", "crash", "without a result"),
    "33 nonsense as result": ("import os\nos.write(3, b'x' * 100)", "crash", "malformed"),
    "34 reference in the own memory": (
        "import gc, sys\nstart = 'refer' + 'ence-5'\ndef look(o):\n"
        "    if isinstance(o, str) and start in o and o != start: raise SystemError('ESCAPED')\n"
        "f = sys._getframe()\nwhile f:\n    for o in (*f.f_locals.values(), *f.f_globals.values()): look(o)\n"
        "    f = f.f_back\n"
        "for o in gc.get_objects():\n    for one in gc.get_referents(o): look(one)",
        "no_figure",
        "",
    ),
    "35 drawing replaced": (
        GOOD + "import json, numpy\nfrom matplotlib.backends.backend_agg import FigureCanvasAgg\n"
        "FigureCanvasAgg.draw = json.dumps = numpy.asarray = numpy.save = lambda *a, **k: None",
        ANY,
        "",
    ),
    "36 flood of output": ("import sys\nwhile True: print('x' * 10**6)", "timeout", ""),
    "36 closes everything and spins": (
        "import os\nos.closerange(0, 64)\nwhile True: pass",
        "crash",
        "without a result",
    ),
    "37 raises its limits": (
        "import resource as r\nfor k in (r.RLIMIT_AS, r.RLIMIT_FSIZE, r.RLIMIT_NOFILE, r.RLIMIT_CPU):\n"
        "    try: r.setrlimit(k, (r.RLIM_INFINITY,) * 2)\n    except (ValueError, OSError): continue\n"
        "    raise SystemError('ESCAPED')",
        "no_figure",
        "",
    ),
    "38 input": ("input()", "error", "EOFError"),
    "39 usetex": (PLT + "plt.rcParams['text.usetex'] = True\nplt.title('x')", "error", "Error"),
    "40 savefig anywhere": (GOOD + "fig.savefig('OUTSIDE/secret')\nfig.savefig('OUTSIDE/new.png')", "ok", ""),
    "40 writes out.png": ("open('out.png', 'wb')", "error", DENIED),
    "41 facts that are not finite": (
        FRAME + 'frame(b\'{"status": "ok", "error": "", "facts": {"a": NaN}}\', 1, 1, b\'abc\')',
        "ok",
        "",
    ),
    "41 report of a gigabyte": (
        "import os, struct\nos.write(3, struct.pack('<4sIII', b'C2C1', 2**30, 9, 9))",
        "crash",
        "",
    ),
    "42 picture as a literal": (
        PLT
        + "import base64, io\n"
        + f"plt.imshow(plt.imread(io.BytesIO(base64.b64decode({base64.b64encode(PNG.getvalue())}))))",
        "ok",
        "",
    ),
    "43 leaves settings behind": (
        PLT + "import builtins, numpy, random\nplt.rcParams.update({'font.size': 40, 'axes.facecolor': 'red'})\n"
        "random.seed(5)\nplt.plot = numpy.array = builtins.len = builtins.print = None",
        "no_figure crash",
        "",
    ),
    "44 a million points": (PLT + "import numpy\nplt.scatter(*numpy.random.rand(2, 10**6), s=1)", "ok", ""),
    "45 lone surrogate": ("x = '\ud800'", "invalid", "Unicode"),
    "45 null byte": ("x = 1\0", "invalid", "null bytes"),
    "45 source of 10 MB": ("#" * 10_000_000, "invalid", "10000000 bytes"),
    "45 deep nesting": ("(" * 5000 + ")" * 5000, "error", ""),
    "45 nested operators": ("x = " + "-" * 50_000 + "1", "error crash", ""),
    # ------------------------------------------------------------------------------------------- reading more
    "memory of the worker": ("import os\nopen(f'/proc/{os.getppid()}/mem', 'rb')", "error", ABSENT),
    "memory of the caller": ("open('/proc/CALLER/mem', 'rb')", "error", ABSENT),
    "the scorer's code": ("print(open('REPOSITORY/eval_metric/similarity.py').read())", "error", ABSENT),
    "import of the scorer": ("import eval_metric", "error", "ModuleNotFoundError"),
    "listing folders": (
        "import os\nfor p in ('OUTSIDE', '/tmp', '/root', '/home', 'REPOSITORY', '/etc', '/proc'):\n"
        "    try: names = os.listdir(p)\n    except OSError: continue\n"
        "    if 'secret' in names or len(names) > 2: raise SystemError('ESCAPED', p, names)",
        "no_figure",
        "",
    ),
    "a path around a corner": ("open('/usr/lib/../../OUTSIDE/secret')", "error", ABSENT),
    "pandas": ("import pandas\npandas.read_csv('OUTSIDE/secret')", "error", ABSENT),
    "numpy.load": ("import numpy\nnumpy.load('OUTSIDE/secret', allow_pickle=True)", "error", ABSENT),
    "imread of a path": (PLT + "plt.imshow(plt.imread('OUTSIDE/picture.png'))", "error", ABSENT),
    "imread of a URL": (PLT + "plt.imread('http://127.0.0.1:PORT/a.png')", "error", ""),
    "font file outside": (
        "from matplotlib import font_manager\nfont_manager.fontManager.addfont('OUTSIDE/font.ttf')",
        "error",
        ABSENT,
    ),
    "style file outside": (PLT + "plt.style.use('OUTSIDE/secret')", "error", "OSError|Error"),
    "settings file outside": ("import matplotlib\nmatplotlib.rc_file('OUTSIDE/secret')", "error", ABSENT),
    "descriptors that were left open": (
        "import os\nfor fd in range(4, 1024):\n    try: os.fstat(fd)\n    except OSError: continue\n"
        "    raise SystemError('ESCAPED', fd)",
        "no_figure",
        "",
    ),
    "files by handle": (
        CALL + "call(304, -100, 0, 0)\ncall(303, -100, 0, 0, 0, 0)\ncall(437, -100, 0, 0, 0)",
        "no_figure",
        "",
    ),
    "devices": (
        "import os\nfor n in ('mem', 'kmsg', 'tty', 'vda', 'sda', 'fuse', 'ptmx', 'shm'):\n"
        "    try: os.open('/dev/' + n, os.O_RDWR)\n    except OSError: continue\n    raise SystemError('ESCAPED', n)",
        "no_figure",
        "",
    ),
    # ------------------------------------------------------------------------------------------- writing more
    "a temporary file": (
        "import tempfile\ntempfile.NamedTemporaryFile()",
        "error",
        "usable temporary directory|Error",
    ),
    "numpy.memmap": ("import numpy\nnumpy.memmap('OUTSIDE/new', mode='w+', shape=9)", "error", DENIED),
    "to_csv": ("import pandas\npandas.DataFrame([1]).to_csv('OUTSIDE/new')", "error", DENIED + "|OSError"),
    "Image.save": ("from PIL import Image\nImage.new('L', (1, 1)).save('OUTSIDE/new.png')", "error", DENIED),
    "imsave": (PLT + "plt.imsave('OUTSIDE/new.png', [[1, 2]])", "error", DENIED),
    "savefig to a file object": (GOOD + "fig.savefig(open('OUTSIDE/new.png', 'wb'))", "error", DENIED),
    "PdfPages": (
        GOOD + "from matplotlib.backends.backend_pdf import PdfPages\n"
        "with PdfPages('OUTSIDE/new.pdf') as p: p.savefig(fig)",
        "error ok",
        "",
    ),
    "animation by pillow": (
        GOOD + "from matplotlib.animation import FuncAnimation\n"
        "FuncAnimation(fig, lambda i: [], frames=2).save('OUTSIDE/new.gif', writer='pillow')",
        "error",
        "",
    ),
    "animation by ffmpeg": (
        GOOD + "from matplotlib.animation import FuncAnimation, FFMpegWriter\n"
        "FFMpegWriter.isAvailable = classmethod(lambda c: True)\n"
        "FuncAnimation(fig, lambda i: [], frames=2).save('OUTSIDE/new.mp4', writer=FFMpegWriter())",
        "error",
        "",
    ),
    "links": (
        "import os\nfor make in (os.link, os.symlink):\n    try: make('OUTSIDE/secret', 'OUTSIDE/new')\n"
        "    except OSError: continue\n    raise SystemError('ESCAPED')",
        "no_figure",
        "",
    ),
    "rename, truncate, times, owner, attributes": (
        "import os\np = 'OUTSIDE/secret'\nfor do in (lambda: os.rename(p, p + '2'), lambda: os.truncate(p, 0),\n"
        "        lambda: os.utime(p, (1, 1)), lambda: os.chown(p, 1, 1), lambda: os.setxattr(p, 'user.a', b'')):\n"
        "    try: do()\n    except OSError: continue\n    raise SystemError('ESCAPED')",
        "no_figure",
        "",
    ),
    "fifo and device node": (
        "import os\nfor do in (lambda: os.mkfifo('OUTSIDE/new'), lambda: os.mknod('OUTSIDE/new', 0o20600, 259)):\n"
        "    try: do()\n    except OSError: continue\n    raise SystemError('ESCAPED')",
        "no_figure",
        "",
    ),
    "makedirs does nothing": (
        "import os\nos.makedirs('OUTSIDE/new/a')\nos.mkdir('/tmp/hostile-MARK')",
        "no_figure",
        "",
    ),
    "matplotlib's cache": (
        "import os, matplotlib\nopen(os.path.join(matplotlib.get_cachedir(), 'hostile-MARK'), 'w')",
        "error",
        "",
    ),
    "the packages": ("import matplotlib\nopen(matplotlib.__file__, 'a')", "error", DENIED),
    # --------------------------------------------------------------------------------------------- connecting more
    "urlopen": ("import urllib.request\nurllib.request.urlopen('http://127.0.0.1:PORT')", "error", "URLError|Error"),
    "datagram": ("import socket\nsocket.socket(socket.AF_INET, socket.SOCK_DGRAM)", "error", "PermissionError"),
    "unix socket": (
        "import socket\nsocket.socket(socket.AF_UNIX).connect('OUTSIDE/socket')",
        "error",
        "PermissionError",
    ),
    "netlink and packet sockets": (
        CALL + "call(41, 16, 3, 0)\ncall(41, 17, 3, 0)\ncall(53, 1, 1, 0, 0)",
        "no_figure",
        "",
    ),
    "web browser": ("import webbrowser\nassert not webbrowser.open('http://127.0.0.1:PORT')", "no_figure error", ""),
    # ------------------------------------------------------------------------------------- processes and signals
    "multiprocessing": ("import multiprocessing\nmultiprocessing.Pool(2)", "error", "Error"),
    "thread pool": (
        "from concurrent.futures import ThreadPoolExecutor\nThreadPoolExecutor().submit(print)",
        "error",
        "RuntimeError",
    ),
    "pickle that runs a shell": (
        "import os, pickle\nclass A:\n    def __reduce__(self): return os.system, ('touch OUTSIDE/new',)\n"
        "assert pickle.loads(pickle.dumps(A())) != 0",
        "no_figure",
        "",
    ),
    "raw clone, vfork, clone3, execve": (
        CALL
        + "call(56, 17, 0, 0, 0, 0)\ncall(57)\ncall(58)\ncall(435, 0, 0)\ncall(59, 0, 0, 0)\ncall(322, 0, 0, 0, 0, 0)",
        "no_figure",
        "",
    ),
    "signals by other calls": (
        CALL + "call(200, CALLER, 10)\ncall(129, CALLER, 10, 0)\ncall(297, CALLER, CALLER, 10, 0)\n"
        "call(434, CALLER, 0)\ncall(424, 3, 10, 0, 0)\nimport os\nos.kill(-1, 10)",
        "error",
        "PermissionError",
    ),
    "signal by the owner of a pipe": (
        "import fcntl, os\nfcntl.fcntl(os.pipe()[0], fcntl.F_SETOWN, CALLER)",
        "error",
        "PermissionError",
    ),
    "stops itself": ("import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)", "timeout", ""),
    "ends itself by a timer": ("import signal\nsignal.setitimer(0, 0.01)\nwhile True: pass", "crash", "signal 14"),
    "leaves its session": ("import os\nos.setpgid(0, 0)", "error", "PermissionError"),
    "after the end": (
        GOOD + "import atexit\natexit.register(open, 'OUTSIDE/new', 'w')\n"
        "class A:\n    def __del__(self): open('OUTSIDE/new', 'w')\n"
        "a = A()",
        "ok",
        "",
    ),
    # ------------------------------------------------------------------------------------------------------ kernel
    "namespaces, mounts, roots": (
        CALL + "call(272, 0x10000000)\ncall(308, 3, 0)\ncall(165, 0, 0, 0, 0, 0)\ncall(166, 0, 0)\ncall(161, 0)\n"
        "call(155, 0, 0)\ncall(428, 0, 0, 0)\ncall(430, 0, 0)\ncall(442, -100, 0, 0, 0, 0)",
        "no_figure",
        "",
    ),
    "bpf, perf, keys, userfaultfd, modules": (
        CALL
        + "for n in (321, 298, 248, 249, 250, 323, 313, 175, 246, 169, 103, 135, 167, 153): call(n, 0, 0, 0, 0, 0)",
        "no_figure",
        "",
    ),
    "shared memory, queues, semaphores of the kernel": (
        CALL + "for n in (29, 30, 64, 68, 240): call(n, 0, 4096, 0o1777, 0)",
        "no_figure",
        "",
    ),
    "watching files, locks": (CALL + "for n in (253, 294, 300, 73): call(n, 3, 2, 0, 0)", "no_figure", ""),
    "own privileges": (
        CALL + "for n in (105, 106, 114, 117, 126, 144, 203, 141, 251, 160): call(n, 0, 0, 0)\n"
        "for option in (1, 4, 22, 23, 36, 38, 47): call(157, option, 1, 0, 0, 0)\ncall(317, 1, 0, 0)\ncall(446, 3, 0)",
        "no_figure",
        "",
    ),
    "call of the x32 interface": (CALL + "call(0x40000000 + 39)", "crash", "signal 31"),
    "call of the 32-bit interface": (
        "import ctypes, mmap\nm = mmap.mmap(-1, 4096, prot=7)\nm.write(bytes.fromhex('b814000000cd80c3'))\n"
        "f = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(m)))\n"
        "raise SystemError('ESCAPED', f())",
        "crash",
        "signal 31",
    ),
    # ------------------------------------------------------------------------------------------------- resources
    "descriptors": ("files = [open('/dev/null') for _ in range(10_000)]", "error", "Too many open files"),
    "memory in small pieces": ("x = []\nwhile True: x.append(bytes(10**6))", "error timeout", "MemoryError|in time"),
    "memory that is mapped": ("import mmap\nx = [mmap.mmap(-1, 2**28) for _ in range(9)]", "error", "Cannot allocate"),
    "time in C": ("import hashlib\nhashlib.pbkdf2_hmac('sha256', b'', b'', 2**31 - 1)", "timeout", ""),
    "time in C that ignores signals": (IGNORE + "sum(range(10**15))", "timeout", ""),
    "the disk": (
        "with open('/var/tmp/hostile-MARK', 'wb') as f:\n    while True: f.write(bytes(2**20))",
        "error",
        DENIED,
    ),
    "picture of too many pixels": (PLT + "plt.figure(figsize=(100, 100), dpi=100)", "error", "10000 x 10000"),
    "decompression bomb": (
        f"import io\nfrom PIL import Image\nImage.open(io.BytesIO({BOMB!r})).load()",
        "error",
        "Error",
    ),
    "broken font": (
        "import io\nfrom matplotlib.ft2font import FT2Font\nFT2Font(io.BytesIO(b'\\0\\1\\0\\0' + b'\\xff' * 4000))",
        "error crash",
        "",
    ),
    "broken picture": (
        f"import io\nfrom PIL import Image\nImage.open(io.BytesIO({PNG.getvalue()[:-30]!r})).load()",
        ANY,
        "",
    ),
    "collector without end": (
        "class A:\n    def __del__(self): A()\nA()\nwhile True: pass",
        "timeout error crash",
        "",
    ),
    "exception without end": (
        "class E(BaseException):\n    def __str__(self):\n        while True: pass\nraise E",
        "timeout",
        "",
    ),
    # --------------------------------------------------------------------------------------------- forged results
    "status of its own": (FRAME + "frame({'status': 'strong', 'error': ''})", "crash", ""),
    "picture without pixels": (FRAME + "frame({'status': 'ok', 'error': ''}, 0, 9)", "crash", ""),
    "half a picture": (
        FRAME + "frame({'status': 'ok', 'error': ''}, 99, 99, b'x')\nos._exit(0)",
        "crash",
        "without a result",
    ),
    "a picture that never ends": (
        FRAME + "import time\nframe({'status': 'ok', 'error': ''}, 99, 99)\n"
        "while True: os.write(3, b'x') and time.sleep(0.2)",
        "timeout",
        "",
    ),
    "nested report": (FRAME + "frame(b'[' * 9000)", "crash", "malformed"),
    "report of another form": (FRAME + "frame([1, 2])", "crash", "malformed"),
    "endless number as fact": (
        FRAME + 'frame(b\'{"status": "ok", "error": "", "facts": {"a": 1e999}}\', 1, 1, b\'abc\')',
        "ok",
        "",
    ),
    "facts of another form": (
        FRAME + "frame({'status': 'ok', 'error': '', 'facts': 'all'}, 1, 1, b'abc')",
        "ok",
        "",
    ),
    "huge facts": (
        FRAME + "frame({'status': 'ok', 'error': '', 'facts': {'a': 10**400}}, 1, 1, b'abc')",
        "ok",
        "",
    ),
    "error over many lines": (FRAME + "frame({'status': 'error', 'error': 'a\\n' * 5000})", "error", "^[a ]{1,500}$"),
    "watching the code that draws": (
        GOOD
        + "import sys\nf = sys._getframe(1)\nf.f_locals['capture'].picture = None\nsys.setprofile(lambda *a: None)",
        ANY,
        "",
    ),
}
X86_ONLY = {name for name, (code, *_) in PROGRAMS.items() if "call(" in code or "b814" in code}
ENDLESS = {name for name, (_, statuses, _) in PROGRAMS.items() if "timeout" in statuses.split() and statuses != ANY}


@pytest.fixture(scope="module")
def executor():
    with Executor(timeout=60) as executor:
        if executor.level not in ("good", "strong"):
            pytest.skip(f"the confinement level is {executor.level!r} here")
        yield executor


@pytest.fixture(scope="module")
def hasty():
    """For programs that never end."""
    with Executor(timeout=0.7) as executor:
        yield executor


@pytest.fixture(scope="module")
def picture(executor):
    return executor.run(GOOD).image


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """What lies outside: a folder, somebody who listens on TCP and on a Unix socket, and this process."""
    folder = tmp_path_factory.mktemp("outside")
    (folder / "secret").write_text(SECRET)
    (folder / "secret").chmod(0o640)
    (folder / "picture.png").write_bytes(PNG.getvalue())
    (folder / "font.ttf").write_bytes(b"x")
    signals = []
    before = signal.signal(signal.SIGUSR1, lambda number, frame: signals.append(number))
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(socket.AF_UNIX) as unix:
        unix.bind(str(folder / "socket"))
        unix.listen()
        tcp.setblocking(False)
        unix.setblocking(False)
        yield folder, (tcp, unix), signals
    signal.signal(signal.SIGUSR1, before)


MARK = f"{os.getpid()}"


def state(folder: Path) -> list:
    """All that the hostile programs try to change."""
    files = [(path.name, path.stat()[:10], path.is_file() and path.read_bytes()) for path in sorted(folder.iterdir())]
    marks = [
        path for place in (tempfile.gettempdir(), "/dev/shm", "/var/tmp") for path in Path(place).glob(f"*{MARK}")
    ]
    return [[(name, status[:7] + status[8:], data) for name, status, data in files], marks, sorted(os.listdir())]


@pytest.mark.parametrize("name", PROGRAMS)
def test_hostile_program(executor, hasty, picture, world, name):
    if name in X86_ONLY and platform.machine() != "x86_64":
        pytest.skip("numbers of system calls of x86_64")
    folder, sockets, signals = world
    code, statuses, pattern = PROGRAMS[name]
    for package in ("pandas", "seaborn"):
        if f"import {package}" in code:
            pytest.importorskip(package)
    port = str(sockets[0].getsockname()[1])
    places = {"OUTSIDE": folder, "PORT": port, "CALLER": os.getpid(), "MARK": MARK, "REPOSITORY": REPOSITORY}
    for word, value in places.items():
        code = code.replace(word, str(value))
    assert executor.level == hasty.level
    before, running = state(folder), children(os.getpid())

    result = (hasty if name in ENDLESS else executor).run(code)

    assert result.status in statuses.split(), result
    assert re.search(pattern, result.error), result.error
    assert "ESCAPED" not in result.error and SECRET not in result.error
    assert "\n" not in result.error and len(result.error) <= 500
    assert result.status == "invalid" or result.level == executor.level
    assert "facts" not in code or result.facts is None
    assert state(folder) == before
    assert children(os.getpid()) == running  # the workers included
    assert not signals
    for sock in sockets:
        with pytest.raises(BlockingIOError):
            sock.accept()
    assert np.array_equal(executor.run(GOOD).image, picture)


def test_every_kind_of_attack_is_there():
    numbers = {int(name.split()[0]) for name in PROGRAMS if name[0].isdigit()}
    assert numbers == set(range(1, 46)) - {16}  # 16 and 46 have tests of their own
    assert len(PROGRAMS) - len([name for name in PROGRAMS if name[0].isdigit()]) >= 30


def test_16_metadata_of_files_outside(executor, world):
    """Landlock does not cover it; in the namespaces of level "strong" such files do not exist."""
    result = executor.run(f"import os\nos.stat({str(world[0] / 'secret')!r})")
    assert result.status == ("error" if executor.level == "strong" else "no_figure")


def test_a_forged_picture_is_the_programs_own(executor, picture):
    """The one thing that a program can do: it shares its process with the code that draws."""
    forged = executor.run(FRAME + "frame({'status': 'ok', 'error': ''}, 2, 3, bytes(range(18)))\nos._exit(0)")
    assert forged.ok and forged.image.tobytes() == bytes(range(18)) and forged.facts is None
    assert np.array_equal(executor.run(GOOD).image, picture)


BENIGN = {
    "3d and polar": PLT + "fig = plt.figure()\nfig.add_subplot(121, projection='3d').bar3d([0], [0], [0], 1, 1, 1)\n"
    "fig.add_subplot(122, projection='polar').bar([0, 1], [1, 2])",
    "dates": PLT + "import datetime\nplt.plot([datetime.datetime(2024, 1, d) for d in (1, 5, 9)], [1, 2, 3])",
    "time zones": PLT + "import datetime, zoneinfo\nz = zoneinfo.ZoneInfo('Europe/Vienna')\n"
    "plt.plot([datetime.datetime(2024, 3, d, tzinfo=z) for d in (1, 31)], [1, 2])",
    "mathtext": PLT + "plt.title(r'$\\sum_{i=0}^\\infty \\frac{x_i}{2}$')\nplt.rcParams['mathtext.fontset'] = 'stix'",
    "constrained": PLT
    + "fig, axes = plt.subplots(2, 2, layout='constrained')\nfig.colorbar(axes[0, 0].imshow([[1, 2]]))",
    "show and pause": PLT + "plt.plot([1, 2])\nplt.show()\nplt.pause(1)",
    "folder for the picture": PLT
    + "import os\nos.makedirs('figures/a', exist_ok=True)\nplt.plot([1])\nplt.savefig('figures/a/b.png')",
    "pathlib": PLT + "from pathlib import Path\nout = Path('out')\nout.mkdir(exist_ok=True, parents=True)\n"
    "plt.plot([1])\nplt.savefig(out / 'a.png')",
    "styles and sample data": PLT + "import matplotlib.cbook as cbook\nplt.style.use('seaborn-v0_8-darkgrid')\n"
    "plt.imshow(plt.imread(cbook.get_sample_data('Minduka_Present_Blue_Pack.png')))",
    "fonts": PLT
    + "plt.rcParams['font.family'] = ['serif', 'monospace']\nplt.title('a', family='cursive', weight='bold')",
    "xkcd": PLT + "plt.xkcd()\nplt.plot([1, 3, 2])",
    "warnings and prints": PLT
    + "import warnings, sys\nwarnings.warn('a')\nprint('b' * 10**5)\nprint('c', file=sys.stderr)\nplt.plot([1, 2])",
    "quiet": PLT + "import contextlib, os\nwith open(os.devnull, 'w') as f, contextlib.redirect_stdout(f):\n"
    "    print(1)\nplt.plot([1])",
    "logging and timing": PLT
    + "import logging, time\nlogging.basicConfig(level=10)\nlogging.info('a')\ntime.sleep(0.01)\nplt.plot([1])",
    "figure in a buffer": PLT + "import base64, io\nplt.plot([1])\nb = io.BytesIO()\n"
    "plt.savefig(b, format='svg')\nbase64.b64encode(b.getvalue())",
    "scipy": PLT + "import numpy as np\nfrom scipy import interpolate, stats, optimize, signal, ndimage\n"
    "plt.plot(stats.gaussian_kde(np.arange(9.0))(np.arange(9)))",
    "pandas": PLT
    + "import pandas as pd, io\nd = pd.read_csv(io.StringIO('a,b,c\\n2024-01-01,2,x\\n2024-01-02,4,y\\n'))\n"
    "d['a'] = pd.to_datetime(d['a'])\nd.groupby('c').sum(numeric_only=True).plot.bar()",
    "seaborn": PLT + "import seaborn as sns, numpy as np\nsns.set_theme(style='whitegrid')\n"
    "sns.violinplot(x=['a'] * 9 + ['b'] * 9, y=np.arange(18.0))\n"
    "sns.heatmap([[1, 2]], annot=True, ax=plt.figure().gca())",
    "seaborn regression": PLT
    + "import seaborn as sns, numpy as np\nsns.regplot(x=np.arange(9.0), y=np.arange(9.0) ** 2)",
    "lazy imports": PLT
    + "import decimal, fractions, sqlite3, xml.dom.minidom, ctypes, textwrap, statistics\nplt.plot([1])",
    "annotations and patches": PLT + "from matplotlib.patches import FancyArrowPatch, Circle\nax = plt.gca()\n"
    "ax.add_patch(Circle((0, 0), 1))\nax.annotate('a', (0, 0), (1, 1), arrowprops=dict(arrowstyle='fancy'))",
}


@pytest.mark.parametrize("name", BENIGN)
def test_46_ordinary_program(executor, name):
    for package in ("scipy", "pandas", "seaborn"):
        if f"import {package}" in BENIGN[name] or f"from {package}" in BENIGN[name]:
            pytest.importorskip(package)
    result = executor.run(BENIGN[name])
    assert result.ok, result.error
    assert result.image.min() < result.image.max()


# ------------------------------------------------------------------------------------------------------------ levels

# Runs an executor in a process from which layers have been taken away, as containers and other systems do.
WITHOUT = """
import ctypes, struct, sys
denied = [{denied}]  # (number of a system call, errno)
code = struct.pack("<HBBI", 0x20, 0, 0, 0)
for number, error in denied:
    code += struct.pack("<HBBIHBBI", 0x15, 0, 1, number, 0x06, 0, 0, 0x50000 | error)
code += struct.pack("<HBBI", 0x06, 0, 0, 0x7FFF0000)
libc, buffer = ctypes.CDLL(None), ctypes.create_string_buffer(code)
assert libc.prctl(38, 1, 0, 0, 0) == 0
program = struct.pack("<HxxxxxxQ", len(code) // 8, ctypes.addressof(buffer))
assert libc.prctl(22, 2, program, 0, 0) == 0
sys.path.insert(0, {repository!r})
from eval_metric.executor import Executor
with Executor(timeout=60) as executor:
    try:
        print(executor.run("import matplotlib.pyplot as plt\\nplt.plot([1])").level, executor.level)
    except RuntimeError as error:
        print(error)
"""
OLD_MOUNT = [(442, 38)]  # no mount_setattr, as in Linux 5.11: mounts that stay writable are of no use
NAMESPACES, LANDLOCK, SECCOMP = [(272, 1)], [(444, 38), (445, 38), (446, 38)], [(317, 1)]


def without(denied: list[tuple[int, int]], **environment: str) -> str:
    script = WITHOUT.format(denied=", ".join(map(str, denied)), repository=str(REPOSITORY))
    environment = {k: v for k, v in os.environ.items() if k != "HF_ALLOW_CODE_EVAL"} | environment
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert not done.stderr
    return done.stdout.strip()


@pytest.mark.skipif(platform.machine() != "x86_64", reason="numbers of system calls of x86_64")
@pytest.mark.parametrize(
    ("denied", "expected"),
    [
        (NAMESPACES, "good good"),
        pytest.param(OLD_MOUNT, "good good", marks=pytest.mark.slow),
        (NAMESPACES + LANDLOCK, "level 'weak', .* could write, read[.] Missing: Landlock [^;]*; Linux 5.13"),
        pytest.param(
            SECCOMP, "level 'weak', .* Missing: seccomp .*docker run .* HF_ALLOW_CODE_EVAL=1", marks=pytest.mark.slow
        ),
        pytest.param(NAMESPACES + LANDLOCK + SECCOMP, "level 'none'", marks=pytest.mark.slow),
    ],
)
def test_level_without_some_layers(executor, denied, expected):
    message = without(denied)
    assert re.search(expected, message), message
    assert "\n" not in message


@pytest.mark.slow
@pytest.mark.skipif(platform.machine() != "x86_64", reason="numbers of system calls of x86_64")
def test_opting_in_below_good(executor):
    assert without(NAMESPACES + LANDLOCK + SECCOMP, HF_ALLOW_CODE_EVAL="1") == "none none"
    assert without(NAMESPACES + LANDLOCK, HF_ALLOW_CODE_EVAL="1") == "weak weak"


def test_level_is_what_the_canaries_prove():
    everything = ["write", "read", "see", "connect", "signal", "memory", "spawn"]
    assert judge([], True) == "strong"
    assert judge([], False) == judge(["see"], True) == judge(["see"], False) == "good"
    assert {judge([one], True) for one in everything if one != "see"} == {"weak"}
    assert judge(everything, False) == judge(everything[:-2] + ["spawn"], False) == "none"
    assert "could read. Missing: Landlock" in refusal("weak", ["read"])


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_filter_decides_by_number_and_argument(machine):
    """The BPF program by an interpreter of its own."""
    code, places = seccomp_filter(machine)
    for place in places:
        struct.pack_into("<I", code, place, 4711)
    program = list(struct.iter_unpack("<HBBI", code))
    architecture = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}[machine]

    def decide(number: int, *arguments: int, architecture: int = architecture) -> int:
        data = struct.pack("<IIQ6Q", number, architecture, 0, *arguments, *[0] * (6 - len(arguments)))
        at = value = 0
        while True:
            operation, true, false, operand = program[at]
            at += 1
            if operation == 0x06:
                return operand
            if operation == 0x20:
                value = struct.unpack_from("<I", data, operand)[0]
            else:
                at += true if {0x15: value == operand, 0x35: value >= operand}[operation] else false

    allow, refuse, absent, kill = 0x7FFF0000, 0x50001, 0x50026, 0x80000000
    numbers = {  # read, socket, clone, execve, fcntl, prctl, prlimit64, kill, tgkill, mkdirat
        "x86_64": (0, 41, 56, 59, 72, 157, 302, 62, 234, 258),
        "aarch64": (63, 198, 220, 221, 25, 167, 261, 129, 131, 34),
    }[machine]
    read, sock, clone, execve, fcntl, prctl, prlimit, send, tgkill, mkdir = numbers
    assert decide(read) == allow and decide(read, architecture=0x40000003) == kill
    assert {decide(sock), decide(clone), decide(execve), decide(400)} == {refuse}
    assert {decide(435), decide(425), decide(434), decide(999)} == {absent}
    assert decide(mkdir) == 0x50000
    assert [decide(fcntl, 3, command) for command in (1, 3, 8, 10)] == [allow, allow, refuse, refuse]
    assert [decide(prctl, option) for option in (15, 4, 22)] == [allow, refuse, refuse]
    assert decide(prlimit, 0, 9, 0, 1) == allow
    assert decide(prlimit, 0, 9, 1) == decide(prlimit, 0, 9, 1 << 32) == refuse
    assert [decide(call, pid, 9) for call in (send, tgkill) for pid in (4711, 1, 2**32 - 1)] == [
        allow,
        refuse,
        refuse,
    ] * 2
    if machine == "x86_64":
        assert decide(0x40000000) == kill


def test_a_program_cannot_lift_what_the_next_one_is_bound_by(executor):
    """Each program is confined anew, and none of them sees the filter of another."""
    code = textwrap.dedent("""
        import ctypes, gc
        for one in gc.get_objects():
            if type(one).__name__ == "Confinement":
                ctypes.memset(ctypes.addressof(one._filter), 0, ctypes.sizeof(one._filter))
    """)
    assert executor.run(code).status == "no_figure"
    assert "PermissionError" in executor.run("import socket\nsocket.socket()").error
