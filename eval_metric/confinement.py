"""What keeps a program from reaching outside: namespaces, Landlock, seccomp; and canaries that prove it.

`worker.py` uses this once at its start and once per program:

    confinement = Confinement()
    confinement.enter_namespaces(...)  # user, mount, network, process, IPC and host name, where the system grants them
    ...                                # imports
    confinement.seal()                 # gives up capabilities, makes all mounts read-only, prepares the filters
    confinement.apply()                # in the forked child, last thing before the program: Landlock, seccomp

A confined program reads the Python installation, its packages, shared libraries, system fonts and time zones, and
nothing else; it writes nothing, opens no socket, starts no process and no thread, and signals nobody but itself. Only
system calls on a list are allowed; others fail with EPERM (those newer than the list with ENOSYS, which libraries take
as "do without"), and those of a foreign architecture end the program. Making a folder is said to succeed and does
nothing: programs do it before `savefig`, which writes nothing either.

`probe` tries in a confined child what must not work. The level is what it proves, not what was asked for:
    strong  nothing got out, and the namespaces hold by themselves: files outside do not exist, there is no network
    good    nothing got out: no file could be read or written, no socket, signal, process or oversized memory had
    weak    something got out
    none    everything got out (other systems than Linux)

References: linux/Documentation/userspace-api/{landlock,seccomp_filter}.rst; namespaces(7), pivot_root(2).
"""

import contextlib
import ctypes
import errno
import json
import mmap
import os
import platform
import signal
import socket
import struct
import sys
import sysconfig


LEVELS = ("none", "weak", "good", "strong")
LIBRARY_PATHS = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")  # of the caller, which the worker gets as well

# name, number on x86_64, number on aarch64 (- where there is none)
_ALLOWED = """
    read 0 63, write 1 64, readv 19 65, writev 20 66, pread64 17 67, lseek 8 62, openat 257 56, close 3 57,
    close_range 436 436, fstat 5 80, newfstatat 262 79, stat 4 -, lstat 6 -, statx 332 291, access 21 -,
    faccessat 269 48, faccessat2 439 439, readlink 89 -, readlinkat 267 78, getdents64 217 61, getcwd 79 17,
    chdir 80 49, dup 32 23, dup2 33 -, dup3 292 24, pipe 22 -, pipe2 293 59, poll 7 -, ppoll 271 73, select 23 -,
    pselect6 270 72, fsync 74 82, umask 95 166,
    mmap 9 222, munmap 11 215, mremap 25 216, mprotect 10 226, madvise 28 233, brk 12 214, futex 202 98,
    set_robust_list 273 99, rseq 334 293, sched_yield 24 124, sched_getaffinity 204 123, getcpu 309 168,
    getpid 39 172, gettid 186 178, getppid 110 173, getuid 102 174, geteuid 107 175, getgid 104 176, getegid 108 177,
    getgroups 115 158, getpgrp 111 -, getpgid 121 155, getsid 124 156, getpriority 140 141, getrusage 98 165,
    getrlimit 97 163, uname 63 160, sysinfo 99 179, getrandom 318 278,
    clock_gettime 228 113, clock_getres 229 114, clock_nanosleep 230 115, nanosleep 35 101, gettimeofday 96 169,
    time 201 -, times 100 153, alarm 37 -, getitimer 36 102, setitimer 38 103,
    rt_sigaction 13 134, rt_sigprocmask 14 135, rt_sigreturn 15 139, rt_sigpending 127 136, sigaltstack 131 132,
    restart_syscall 219 128, exit 60 93, exit_group 231 94"""
_PRETENDED = "mkdir 83 -, mkdirat 258 34"  # returns 0 and does nothing
# name, numbers, index of the argument that is looked at, its allowed values
_CHECKED = (
    ("fcntl", 72, 25, 1, (0, 1, 2, 3, 1030, 1032)),  # DUPFD, GETFD, SETFD, GETFL, DUPFD_CLOEXEC, GETPIPE_SZ
    ("ioctl", 16, 29, 1, (0x5401, 0x5450, 0x5451, 0x541B)),  # TCGETS, FIONCLEX, FIOCLEX, FIONREAD
    ("prctl", 157, 167, 0, (15, 16)),  # SET_NAME, GET_NAME
    ("prlimit64", 302, 261, 2, (0,)),  # reading a limit: there is no new one
    ("kill", 62, 129, 0, ("pid",)),
    ("tgkill", 234, 131, 0, ("pid",)),
)
_NEW = 424  # from here on numbers are the same everywhere: what came with Linux 5.1 and later
# audit name of the architecture, column of the tables, numbers of seccomp and pivot_root
_MACHINES = {"x86_64": (0xC000003E, 0, 317, 155), "aarch64": (0xC00000B7, 1, 277, 41)}
_LANDLOCK_CREATE, _LANDLOCK_ADD, _LANDLOCK_RESTRICT, _MOUNT_SETATTR = 444, 445, 446, 442

_LOAD, _JUMP_EQUAL, _JUMP_GREATER_EQUAL, _RETURN = 0x20, 0x15, 0x35, 0x06
_ALLOW, _ERRNO, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_SPEC_ALLOW = 4  # no slower caches for the program: there is nothing of value in its address space

_READ_FILE, _READ_DIR, _WRITE_FILE = 1 << 2, 1 << 3, 1 << 1

_NEWNS, _NEWUTS, _NEWIPC, _NEWUSER, _NEWPID, _NEWNET = (
    0x00020000,
    0x04000000,
    0x08000000,
    0x10000000,
    0x20000000,
    0x40000000,
)
_MS_NOSUID, _MS_NODEV, _MS_BIND, _MS_REC, _MS_PRIVATE, _MNT_DETACH = 2, 4, 4096, 16384, 1 << 18, 2
_PDEATHSIG, _DUMPABLE, _NO_NEW_PRIVS = 1, 4, 38
_CAP_DAC_READ_SEARCH = 2  # root keeps it: packages may lie in a folder of somebody else

_LINUX = sys.platform == "linux"
_libc = ctypes.CDLL(None, use_errno=True) if _LINUX else None
_statm = None


def _call(function: str, *arguments) -> int:
    """A function of libc that returns -1 and sets errno on failure; raises OSError then."""
    result = getattr(_libc, function)(*arguments)
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{function}: {os.strerror(number)}")
    return result


def _syscall(number: int, *arguments) -> int:
    return _call("syscall", ctypes.c_long(number), *(ctypes.c_long(a) if type(a) is int else a for a in arguments))


def prctl(option: int, value: int) -> None:
    if _LINUX:
        _call("prctl", option, ctypes.c_ulong(value), ctypes.c_ulong(0), ctypes.c_ulong(0), ctypes.c_ulong(0))


def address_space() -> int:
    """Bytes of address space that the process takes. /proc need not be there any more after the first call."""
    global _statm
    if _statm is None:
        _statm = os.open("/proc/self/statm", os.O_RDONLY | os.O_CLOEXEC)
    return int(os.pread(_statm, 100, 0).split()[0]) * mmap.PAGESIZE


def readable_paths() -> list[str]:
    """What programs need to read: standard library, packages, shared libraries, fonts, time zones. Existing ones."""
    paths = ["/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/etc/ld.so.cache", "/etc/mime.types"]
    for share in ("/usr/share", "/usr/local/share", f"{sys.base_prefix}/share", f"{sys.prefix}/share"):
        paths += [f"{share}/fonts", f"{share}/zoneinfo", f"{share}/matplotlib"]
    for prefix in (sys.base_prefix, sys.prefix):
        paths += [f"{prefix}/lib", f"{prefix}/lib64"]
    paths += [sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    paths += [path for path in sys.path if os.path.basename(path) in ("site-packages", "dist-packages")]
    for name in LIBRARY_PATHS:
        paths += [path for path in os.environ.get(name, "").split(":") if path]
    return [path for path in dict.fromkeys(map(os.path.normpath, paths)) if path != "/" and os.path.exists(path)]


_DEVICES = ("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom")


# ------------------------------------------------------------------------------------------------- namespaces


def _enter(paths: list[str], root: str) -> int:
    """Moves on in a child in new namespaces, whose root has `paths` and nothing else. Returns like os.fork."""
    user, group = os.geteuid(), os.getegid()
    _call("unshare", _NEWUSER | _NEWPID | _NEWNET | _NEWIPC | _NEWUTS)
    for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)
    pid = os.fork()
    if pid == 0:
        prctl(_PDEATHSIG, signal.SIGKILL)
        _call("unshare", _NEWNS)
        _private_root(paths, root)
    return pid


def _mount(source: str, target: str, kind: str | None, flags: int, options: str | None = None) -> None:
    encoded = (None if text is None else os.fsencode(text) for text in (source, target, kind))
    _call("mount", *encoded, ctypes.c_ulong(flags), None if options is None else options.encode())


def _private_root(paths: list[str], root: str) -> None:
    """Makes an in-memory file system with `paths` and an empty folder `root` in it the root of all files."""
    address_space()  # opens what will be out of reach
    _mount("none", "/", None, _MS_REC | _MS_PRIVATE)
    _mount("none", root, "tmpfs", _MS_NOSUID | _MS_NODEV, "size=1m,mode=755")
    bound: list[str] = []
    for path in sorted(paths, key=lambda path: len(os.path.realpath(path))):
        real = os.path.realpath(path)
        target = root + real
        if not any(real == one or real.startswith(one + "/") for one in bound):
            if os.path.isdir(real):
                os.makedirs(target, exist_ok=True)
            else:
                os.makedirs(os.path.dirname(target), exist_ok=True)
                os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o600))
            _mount(real, target, None, _MS_BIND | _MS_REC)
            bound.append(real)
        if path != real and not os.path.lexists(root + path):
            os.makedirs(os.path.dirname(root + path), exist_ok=True)
            os.symlink(real, root + path)
    os.makedirs(root + root, exist_ok=True)
    os.chdir(root)
    _syscall(_MACHINES[platform.machine()][3], b".", b".")  # pivot_root: the old root lies on top of the new one
    _call("umount2", b".", _MNT_DETACH)
    os.chdir(root)
    for path in paths:
        if os.path.isdir(path):
            os.listdir(path)  # not permitted where root maps to itself alone and the folder is somebody else's


def _make_read_only() -> None:
    """All mounts of the own namespace. Linux 5.12 or newer."""
    # AT_FDCWD, AT_RECURSIVE; MOUNT_ATTR_RDONLY and NOSUID
    _syscall(_MOUNT_SETATTR, -100, b"/", 0x8000, struct.pack("<QQQQ", 3, 0, 0, 0), 32)


def _wait(pid: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


# ---------------------------------------------------------------------------------------------------- filters


def _landlock_ruleset(paths: list[str], folder: str) -> int | None:
    """Descriptor of a Landlock rule set: `paths` may be read, `folder` be listed, nothing else be done with files.

    TCP, abstract sockets and signals go as well where the kernel's version of Landlock covers them. None without it.
    """
    try:
        version = _syscall(_LANDLOCK_CREATE, 0, 0, 1)
    except OSError:
        return None
    rights = (1 << (13 + (version >= 2) + (version >= 3))) - 1  # 13 of version 1, REFER, TRUNCATE
    rights |= (version >= 5) << 15  # IOCTL_DEV
    attributes = struct.pack("<QQQ", rights, 0b11 * (version >= 4), 0b11 * (version >= 6))
    size = 8 if version < 4 else 16 if version < 6 else 24
    ruleset = _syscall(_LANDLOCK_CREATE, attributes, size, 0)
    rules = [(path, _READ_FILE | _READ_DIR) for path in paths]
    rules += [(path, _READ_FILE | _WRITE_FILE * (path == "/dev/null")) for path in _DEVICES]
    for path, allowed in [*rules, (folder, _READ_DIR)]:
        with contextlib.suppress(FileNotFoundError):
            descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
            if not os.path.isdir(path):
                allowed &= ~_READ_DIR
            _syscall(_LANDLOCK_ADD, ruleset, 1, struct.pack("<Qi", allowed, descriptor), 0)
            os.close(descriptor)
    return ruleset


def _numbers(table: str, column: int) -> list[int]:
    """The numbers of a table above on one architecture."""
    rows = [row.split()[1:] for row in table.split(",")]
    return [int(row[column]) for row in rows if row[column] != "-"]


def seccomp_filter(machine: str) -> tuple[bytearray, list[int]]:
    """The filter as BPF for `machine` and the offsets at which the program's process id has to be filled in."""
    architecture, column = _MACHINES[machine][:2]
    code: list[tuple] = []  # (operation, jump if true, jump if false, operand); "allow" and "kill" are at the end
    code.append((_LOAD, 0, 0, 4))
    code.append((_JUMP_EQUAL, 0, "kill", architecture))
    code.append((_LOAD, 0, 0, 0))
    if machine == "x86_64":
        code.append((_JUMP_GREATER_EQUAL, "kill", 0, 0x40000000))  # the x32 calls
    code += [(_JUMP_EQUAL, "allow", 0, number) for number in _numbers(_ALLOWED, column)]
    for _, *numbers, argument, values in _CHECKED:
        # The upper half decides too where the kernel looks at it, that is for the pointer of prlimit64.
        upper = [(_LOAD, 0, 0, 20 + 8 * argument), (_JUMP_EQUAL, 0, len(values) + 1, 0)] if values == (0,) else []
        block = [*upper, (_LOAD, 0, 0, 16 + 8 * argument)]
        block += [(_JUMP_EQUAL, "allow", 0, value) for value in values]
        block.append((_RETURN, 0, 0, _ERRNO | errno.EPERM))
        code += [(_JUMP_EQUAL, 0, len(block), numbers[column]), *block]
    for number in _numbers(_PRETENDED, column):
        code += [(_JUMP_EQUAL, 0, 1, number), (_RETURN, 0, 0, _ERRNO)]
    code += [(_JUMP_GREATER_EQUAL, 0, 1, _NEW), (_RETURN, 0, 0, _ERRNO | errno.ENOSYS)]
    code += [(_RETURN, 0, 0, _ERRNO | errno.EPERM), (_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _KILL)]
    labels = {"allow": len(code) - 2, "kill": len(code) - 1}
    packed, places = bytearray(), []
    for index, (operation, true, false, operand) in enumerate(code):
        true, false = (labels[jump] - index - 1 if isinstance(jump, str) else jump for jump in (true, false))
        if operand == "pid":
            places.append(len(packed) + 4)
            operand = 0
        packed += struct.pack("<HBBI", operation, true, false, operand)
    return packed, places


class Confinement:
    """The layers of one worker; see the header for the order of the calls. On other systems than Linux they do
    nothing, and `probe` says so.

    Attributes:
        namespaces: the worker runs in namespaces of its own.
    """

    def __init__(self):
        self.namespaces = False
        self._paths = readable_paths()
        self._ruleset = self._filter = None

    def enter_namespaces(self, writable: list[str]) -> None:
        """Continues in a child process in namespaces of its own, if the system grants them; else does nothing.

        Files outside `readable_paths` and `writable` do not exist there, but for an empty working directory. The
        calling process stays behind, waits, removes the working directory, and exits as the child does.
        """
        machine = platform.machine()
        if not _LINUX or machine not in _MACHINES:
            return
        folder = os.getcwd()  # there is a new one, which is writable until `seal`
        writable = [path for path in writable if os.path.realpath(path) != folder]
        paths = [*self._paths, *filter(os.path.exists, _DEVICES), *writable]
        rehearsal = os.fork()  # part of it may be granted and part not: only the whole is of use
        if rehearsal == 0:
            try:
                pid = _enter(paths, folder)
                if pid == 0:
                    _make_read_only()
                os._exit(0 if pid == 0 else _wait(pid))
            finally:
                os._exit(1)
        if _wait(rehearsal) != 0:
            return
        pid = _enter(paths, folder)
        if pid:
            os.closerange(3, 1024)
            code = _wait(pid)
            with contextlib.suppress(OSError):
                os.rmdir(folder)
            os._exit(code & 0xFF)
        self.namespaces = True

    def seal(self) -> None:
        """After the imports: no way back to more rights for this process and its children; prepares the filters."""
        if not _LINUX:
            return
        if self.namespaces:
            _make_read_only()
        address_space()
        prctl(_NO_NEW_PRIVS, 1)
        prctl(_DUMPABLE, 0)  # neither memory nor environment of the worker and its children can be read by others
        if os.geteuid() == 0 or self.namespaces:
            kept = (1 << _CAP_DAC_READ_SEARCH) if os.geteuid() == 0 else 0
            _call("capset", struct.pack("<Ii", 0x20080522, 0), struct.pack("<IIIIII", kept, kept, 0, 0, 0, 0))
        self._ruleset = _landlock_ruleset(self._paths, os.getcwd())
        self._filter = None
        if platform.machine() in _MACHINES:
            architecture = _MACHINES[platform.machine()]
            with contextlib.suppress(OSError):
                _syscall(architecture[2], 2, 0, struct.pack("<I", _KILL))  # SECCOMP_GET_ACTION_AVAIL
                code, self._places = seccomp_filter(platform.machine())
                self._filter = (ctypes.c_char * len(code)).from_buffer(code)
                self._program = struct.pack("<HxxxxxxQ", len(code) // 8, ctypes.addressof(self._filter))
                self._seccomp = architecture[2]

    def apply(self) -> None:
        """Confines the calling process for good. Raises OSError if a layer that was prepared is refused."""
        if self._ruleset is not None:
            _syscall(_LANDLOCK_RESTRICT, self._ruleset, 0)
            os.close(self._ruleset)
        if self._filter is not None:
            pid = os.getpid()
            for place in self._places:
                struct.pack_into("<I", self._filter, place, pid)
            _syscall(self._seccomp, 1, _SPEC_ALLOW, self._program)  # SECCOMP_SET_MODE_FILTER


# --------------------------------------------------------------------------------------------------- canaries


_CANARY = "canary"  # a file; there may be one for a moment


def _write(folders: list[str]) -> bool:
    for folder in folders:
        with contextlib.suppress(OSError):
            os.close(os.open(os.path.join(folder, _CANARY), os.O_CREAT | os.O_WRONLY, 0o600))
            return True
        with contextlib.suppress(OSError):
            os.chmod(folder, os.stat(folder).st_mode & 0o7777)
            return True
    return False


def _read() -> bool:
    with open(os.path.realpath(sys.executable), "rb"):
        return True


def _see() -> bool:
    return os.path.exists(os.path.realpath(sys.executable))


def _connect() -> bool:
    with socket.socket() as sock:
        sock.settimeout(1.0)
        # Nobody listens; an answer that says so means that there is a network.
        return sock.connect_ex(("127.0.0.1", 1)) in (0, errno.ECONNREFUSED, errno.EAGAIN)


def _signal() -> bool:
    os.kill(os.getppid(), 0)
    return True


def _spawn() -> bool:
    try:
        os.execv("/nonexistent", ["nonexistent"])
    except FileNotFoundError:  # so the call itself was let through
        return True
    except OSError:
        pass
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    return True


def _memory(size: int) -> bool:
    mmap.mmap(-1, size).close()
    return True


def _attempts(folders: list[str], memory: int) -> list[str]:
    """Names of what can be done here."""
    tries = {
        "write": lambda: _write(folders),
        "read": _read,
        "see": _see,
        "connect": _connect,
        "signal": _signal,
        "memory": lambda: _memory(memory),
        "spawn": _spawn,
    }
    done = []
    for name, attempt in tries.items():
        with contextlib.suppress(OSError, ValueError, OverflowError):  # refused
            if attempt():
                done.append(name)
    return done


ATTEMPTS = ("write", "read", "see", "connect", "signal", "memory", "spawn")


def probe(confine, namespaces: bool, folders: list[str], memory: int) -> tuple[str, list[str]]:
    """Tries in forked children what a program must not be able to do.

    Args:
        confine: what a child calls before it executes a program, with the descriptor of a pipe; returns the pipe's
            descriptor from then on.
        namespaces: whether to see as well if these hold without the other layers.
        folders: where the process itself could write: the working directory, caches.
        memory: an amount in bytes that must not be had.

    Returns:
        (level, what got out: of "write", "read", "connect", "signal", "memory", "spawn").
    """
    escapes = _in_child(confine, folders, memory)
    held = namespaces and not {"read", "see", "connect"} & set(_in_child(lambda pipe: pipe, folders, memory))
    return judge(escapes, held), [name for name in escapes if name != "see"]


def judge(escapes: list[str], namespaces: bool) -> str:
    """The level by what got out of a confined child, and whether the namespaces hold by themselves."""
    serious = set(escapes) - {"see"}
    if not serious:
        return "strong" if namespaces and not escapes else "good"
    return "none" if serious >= set(ATTEMPTS) - {"see", "memory"} else "weak"


def _in_child(confine, folders: list[str], memory: int) -> list[str]:
    """What a forked child can do after `confine`. All of it if it cannot say."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.write(confine(writing), json.dumps(_attempts(folders, memory)).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with open(reading, "rb") as pipe:
        text = pipe.read()
    os.waitpid(pid, 0)
    for folder in folders:
        with contextlib.suppress(OSError):
            os.unlink(os.path.join(folder, _CANARY))
    try:
        return json.loads(text)
    except ValueError:
        return list(ATTEMPTS)


def refusal(level: str, escapes: list[str]) -> str:
    """One line: which layer is missing, how to get it, and how to go on without."""
    layers = {
        "Landlock (files; Linux 5.13 or newer with `landlock` among its security modules)": {"write", "read"},
        "seccomp (system calls; Linux on x86_64 or aarch64)": {"connect", "signal", "spawn"},
        "limits of memory": {"memory"},
    }
    missing = " and ".join(name for name, covered in layers.items() if covered & set(escapes))
    return (
        f"programs are not executed: here they would run at confinement level {level!r}, below 'good', and could "
        f"{', '.join(escapes)}. Missing: {missing}. A container on a current Linux has these: docker run --rm "
        '--network none --read-only --tmpfs /tmp -v "$PWD:/work" -w /work IMAGE python ... Or set '
        "HF_ALLOW_CODE_EVAL=1 to execute programs that you trust without it."
    )
