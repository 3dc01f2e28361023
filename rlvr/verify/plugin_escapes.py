"""Plugin escapes: what a completion may attempt that runs as code in an isolated verifier.

`rlvr doctor` and the tests call `attempt`. It starts servers that a host may have, and a verifier
that runs every completion as code, and lets it judge each attempt in turn. An attempt that works
says so in its own verdict. An attempt that changes the next completion's verdict is found there.
"""

from __future__ import annotations

import os
import secrets
import socket
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from rlvr.data import RunError
from rlvr.verify.pool import VerifierPool
from rlvr.verify.verifier import case_problem

VERIFIER = '''"""Runs what it is given, as some scorers do."""
import sys
from rlvr.data import Verdict

ISOLATE = True

def score(text):
    return 1 if text == "right" else 0

def verify(problem, completion):
    space = {"worked": "", "here": sys.modules[__name__]}
    if completion.startswith("#"):
        exec(completion, space)
    if space["worked"]:
        return Verdict("correct", f"worked: {space['worked']}", str(space["worked"]))
    return Verdict("correct" if score(completion) else "wrong")
'''

# Each attempt is a program. It escapes if `worked` is true at its end, or if it changes the next
# verdict. It may forge its own verdict, which nothing can prevent. {path}, {abstract} and {port}
# are servers of the host, {secret} is a file, {home} a folder, {host} a name.
REACHING = {
    "a server on a path": "s = socket.socket(socket.AF_UNIX); s.connect({path!r}); worked = 1",
    "a datagram to a path": (
        "s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.sendto(b'x', {path!r}); worked = 1"
    ),
    "a server without a path": (
        "s = socket.socket(socket.AF_UNIX); s.connect({abstract!r}); worked = 1"
    ),
    "a server on loopback": "socket.create_connection(('127.0.0.1', {port}), 1); worked = 1",
    "a socket of any family": (
        "for family in range(46):\n"
        "    for kind in (1, 2, 3, 5):\n"
        "        try:\n"
        "            socket.socket(family, kind); worked = family\n"
        "        except OSError: pass"
    ),
    "a pair of sockets": "worked = socket.socketpair()",
    "the environment": "worked = [k for k in os.environ if 'RLVR' in k or k in ('PATH', 'USER')]",
    "a file in a home": (
        "worked = [p for p in os.listdir({home!r}) if os.path.isfile({home!r} + '/' + p)]"
    ),
    "a file of the host": "worked = open({secret!r}).read()",
    "a folder of the host": "worked = set(os.listdir(os.path.dirname({secret!r}))) - {{'own'}}",
    "users": "worked = open('/etc/passwd').read()",
    "the host's name in a file": "worked = open('/etc/hostname').read()",
    "the host's name": "worked = os.uname().nodename == {host!r}",
    "other folders": (
        "worked = [p for p in ('/run', '/var', '/sys', '/mnt', '/dev/shm') if os.path.exists(p)]"
    ),
    "processes": "worked = os.listdir('/proc')",
    "memory of another": "worked = open(f'/proc/{{os.getppid()}}/mem', 'rb')",
    "the worker's memory": (
        "worked = any(libc.ptrace(16, pid, 0, 0) == 0 for pid in range(1, 99))"
    ),
    "the worker's descriptors": (
        "worked = [fd for fd in range(40) for pid in range(1, 9)\n"
        "          if (p := libc.syscall(434, pid, 0)) >= 0 and libc.syscall(438, p, fd, 0) >= 0]"
    ),
    "a descriptor of the worker": "worked = [fd for fd in range(4, 1024) if opened(fd)]",
    "a signal to all": "worked = os.kill(-1, 0) is None",
    "a signal to the worker": "worked = os.kill(os.getppid(), 9) is None",
    "a signal to its group": "worked = os.killpg(0, 9) is None",
    "a signal by a thread's number": (
        "worked = libc.syscall(234, os.getppid(), os.getppid(), 9) == 0"
    ),
    "a signal with a value": (
        "worked = libc.syscall(129, os.getppid(), 9, ctypes.create_string_buffer(128)) == 0"
    ),
    "a signal through a pipe": (
        "import fcntl\nr, w = os.pipe()\n"
        "fcntl.fcntl(r, fcntl.F_SETOWN, os.getppid()); worked = 1"
    ),
    "a limit for the worker": (
        "import resource\nresource.prlimit(os.getppid(), resource.RLIMIT_CPU, (0, 0))\n"
        "worked = resource.prlimit(os.getppid(), resource.RLIMIT_CPU) == (0, 0)"
    ),
    "the worker's priority": "os.setpriority(os.PRIO_PROCESS, os.getppid(), 19); worked = 1",
    "the worker's cores": "os.sched_setaffinity(os.getppid(), {{0}}); worked = 1",
    "a process": "worked = os.fork() >= 0",
    "a process that outlives it": (
        "if libc.syscall(56, 17, 0, 0, 0, 0) >= 0 or libc.syscall(57) >= 0: worked = 1"
    ),
    "a program": "os.execv(sys.executable, [sys.executable, '-c', ''])",
    "outliving the worker": "worked = libc.prctl(1, 0, 0, 0, 0) == 0",
    "a namespace": "worked = libc.unshare(0x10000000) == 0",
    "a mount": "worked = libc.mount(b'x', b'/tmp', b'tmpfs', 0, 0) == 0",
    "root": "worked = os.getuid() == 0 or os.geteuid() == 0",
    "a system call of the 32-bit kind": "worked = libc.syscall(0x40000000 + 41, 1, 1, 0) >= 0",
    "io_uring": "worked = libc.syscall(425, 8, ctypes.create_string_buffer(256)) >= 0",
    "a key": "worked = libc.syscall(248, b'user', b'n', b'v', 1, -3) >= 0",
    "shared memory": "worked = libc.shmget(1234, 4096, 0o1666) >= 0",
    "a lease": (
        "import fcntl\nf = open(os.__file__)\nfcntl.fcntl(f, fcntl.F_SETLEASE, 0); worked = 1"
    ),
    "a lock on a file": "import fcntl\nfcntl.flock(open(os.__file__), fcntl.LOCK_EX); worked = 1",
}  # fmt: skip
CHANGING = {
    "devices": (
        "for name in os.listdir('/dev'):\n"
        "    for change in (lambda p: os.chmod(p, 0o600), lambda p: os.chown(p, 1000, 1000),\n"
        "                   os.utime, os.unlink, lambda p: os.rename(p, p + 'x'),\n"
        "                   lambda p: os.fchmod(os.open(p, os.O_RDWR), 0o600)):\n"
        "        try:\n"
        "            change('/dev/' + name); worked = name\n"
        "        except OSError: pass"
    ),
    "its own descriptors": (
        "for fd in range(4):\n"
        "    try:\n"
        "        os.fchmod(fd, 0o600); worked = fd if fd < 3 else worked\n"
        "    except OSError: pass"
    ),
    "a node": "os.mknod('/tmp/null', 0o20666, os.makedev(1, 3)); worked = 1",
    "a file": (
        "for folder in ('/', '/tmp', '/dev', '/proc', '/dev/shm', os.path.dirname(os.__file__),\n"
        "               os.path.dirname(here.__file__), *sys.path):\n"
        "    try:\n"
        "        open(folder + '/left', 'w').close(); worked = folder\n"
        "    except OSError: pass"
    ),
    "Python": "open(os.__file__, 'a').close(); worked = 1",
    "the verifier's file": "open(here.__file__, 'a').close(); worked = 1",
    "the mode of a file": "os.chmod(here.__file__, 0o666); worked = 1",
    "memory without end": "x = bytearray(1 << 38); worked = 1",
}
POISONING = {
    "the scorer": "here.score = lambda text: 1",
    "the verifier": "here.verify = lambda *a, **k: here.Verdict('correct')",
    "the built-ins": "import builtins; builtins.str = lambda *a: 'right'",
    "the verdict": "here.Verdict.__init__ = lambda self, *a: None",
    "the worker's code": (
        "from rlvr.verify import isolated, pool\n"
        "pool._one = isolated._read = isolated.replies = lambda *a: 1 / 0"
    ),
    "json": 'import json; json.dumps = lambda value: \'["correct", "", null, 0, []]\'',
    "what comes at the end": "import atexit; atexit.register(print, 1)",
    "a thread": (
        "import threading, time\n"
        "def late():\n    while True:\n        here.score = lambda text: 1; time.sleep(0.001)\n"
        "threading.Thread(target=late, daemon=True).start()"
    ),
    "shared pages": (
        "import gc, mmap\n"
        "for page in gc.get_objects():\n"
        "    if isinstance(page, mmap.mmap): page[:16] = bytes(16)"
    ),
}
_GOOD = 'b\'["correct", "", null, 0.0, []]\''
FORGING = {
    "a reply for the next": (
        f"wrong = {_GOOD}.replace(b'correct', b'wrong')\n"
        f"os.write(3, frame(wrong) + 9 * frame({_GOOD}))"
    ),
    "no JSON": "os.write(3, frame(b'{{'))",
    "no text": "os.write(3, frame(b'\\xff\\xfe'))",
    "no list": "os.write(3, frame(b'{{}}'))",
    "too few fields": "os.write(3, frame(b'[]'))",
    "too many fields": "os.write(3, frame(b'[1,2,3,4,5,6]'))",
    "an unknown status": "os.write(3, frame(b'[\"perfect\",\"\",null,0,[]]'))",
    "a status that is a list": "os.write(3, frame(b'[[],\"\",null,0,[]]'))",
    "a reason that is none": "os.write(3, frame(b'[\"correct\",null,null,0,[]]'))",
    "an answer that is a number": "os.write(3, frame(b'[\"correct\",\"\",1,0,[]]'))",
    "time that is not": "os.write(3, frame(b'[\"correct\",\"\",null,NaN,[]]'))",
    "time that runs back": "os.write(3, frame(b'[\"correct\",\"\",null,-1,[]]'))",
    "time without end": "os.write(3, frame(b'[\"correct\",\"\",null,1e999,[]]'))",
    "time of too many digits": (
        "os.write(3, frame(b'[\"correct\",\"\",null,1' + b'0' * 9999 + b',[]]'))"
    ),
    "tests that are no tests": "os.write(3, frame(b'[\"correct\",\"\",null,0,[2]]'))",
    "tests that are none": "os.write(3, frame(b'[\"correct\",\"\",null,0,null]'))",
    "nesting": "os.write(3, frame(b'[' * 60000))",
    "a length without end": "os.write(3, b'\\xff' * 64)",
    "half a length": "os.write(3, b'\\x01')",
    "half a reply": "os.write(3, frame(bytes(99))[:50])",
    "many megabytes": (
        "import threading\n"
        "try:\n    [os.write(3, bytes(1 << 20)) for _ in range(64)]\nexcept OSError: pass"
    ),
    "a doubt": "os.write(3, frame(b'[\"abstain\",\"\",null,0,[]]'))",
    "a fault of ours": "os.write(3, frame(b'[\"error\",\"\",null,0,[]]'))",
    "an exception of ours": "os.write(3, frame(b'[\"raised\",\"\",null,0,[]]'))",
    "a closed pipe": "os.close(3)",
    "an early end": "",
}  # fmt: skip
_START = """#
import ctypes, os, socket, sys
libc = ctypes.CDLL(None)

def opened(fd):
    try:
        os.fstat(fd)
        return True
    except OSError:
        return False

def frame(data):
    return len(data).to_bytes(4, "little") + data

"""


@contextmanager
def host() -> Iterator[dict[str, object]]:
    """Provide what a host may have: servers (path, no path, loopback), a file, a variable."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rlvr-host-")))
        abstract = "\0rlvr-" + secrets.token_hex(8)
        for address in (str(folder / "server"), abstract):
            server = stack.enter_context(socket.socket(socket.AF_UNIX))
            server.bind(address)
            server.listen()
        loopback = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        (folder / "secret").write_text("secret")
        verifier = folder / "own" / "verifier.py"
        verifier.parent.mkdir()
        verifier.write_text(VERIFIER)
        os.environ["RLVR_SECRET"] = "secret"
        stack.callback(os.environ.pop, "RLVR_SECRET")
        yield {
            "verifier": str(verifier),
            "path": str(folder / "server"),
            "abstract": abstract,
            "port": loopback.getsockname()[1],
            "secret": str(folder / "secret"),
            "home": str(Path.home()),
            "host": socket.gethostname(),
        }


def programs(there: dict[str, object]) -> dict[str, str]:
    """Return every attempt as a completion."""
    bodies = {f"reach {name}": text for name, text in REACHING.items()}
    bodies |= {f"change {name}": text for name, text in CHANGING.items()}
    made = {
        name: text.format(**there) if name[:5] == "reach" else text for name, text in bodies.items()
    }
    made |= {f"poison {name}": text for name, text in POISONING.items()}
    made |= {
        f"forge {name}": text.replace("{{", "{").replace("}}", "}") + "\nos._exit(0)"
        for name, text in FORGING.items()
    }
    return {name: _START + text for name, text in made.items()}


def attempt() -> str:
    """Make every attempt, each followed by an honest wrong completion and a right one.

    Raises RunError, which names the attempts that worked.
    """
    devices = [(name, os.stat(f"/dev/{name}")) for name in ("null", "zero", "random", "urandom")]
    with host() as there, VerifierPool(str(there["verifier"]), workers=1, timeout=10.0) as pool:
        tried = programs(there)
        completions = [text for program in tried.values() for text in (program, "no", "right")]
        verdicts = list(pool.verify((case_problem("right"), text) for text in completions))
    worked = []
    for number, name in enumerate(tried):
        own, wrong, right = verdicts[3 * number : 3 * number + 3]
        forged = own.status != "wrong" and not name.startswith("poison")
        if forged or [wrong.status, right.status] != ["wrong", "correct"]:
            worked.append(f"{name} ({own.status} {own.reason}; {wrong.status}, {right.status})")
    for name, before in devices:
        after = os.stat(f"/dev/{name}")
        if (before.st_mode, before.st_uid, before.st_ino) != (
            after.st_mode, after.st_uid, after.st_ino,
        ):  # fmt: skip
            worked.append(f"/dev/{name} has changed")
    if worked:
        raise RunError(f"a completion in an isolated verifier can: {'; '.join(worked)}")
    return f"an isolated verifier withstands {len(tried)} kinds of attempt"
