"""Programs that a trained model writes sooner or later: what they try, and what they must gain.

The problem is `solve(xs)`: the numbers sorted, each once. Every program here is `wrong`, but those
under HONEST, whose result happens to be right whatever else they try.
"""

from __future__ import annotations

from textwrap import dedent, indent
from typing import Any

RIGHT = "def solve(xs):\n    return sorted(set(xs))\n"
INPUTS: list[list[int]] = [[3, 1, 2], [], [5, 5, 5], [9, -1, 4, 4, 0]]
EXAMPLES: dict[str, Any] = {
    "entry_point": "solve",
    "tests": [{"args": [xs], "expected": sorted(set(xs))} for xs in INPUTS],
}
HUMANEVAL: dict[str, Any] = {
    "entry_point": "solve",
    "prompt": 'def solve(xs):\n    """Return the numbers sorted, each once."""\n',
    "test": "def check(candidate):\n"
    + "".join(f"    assert candidate({xs}) == {sorted(set(xs))}\n" for xs in INPUTS),
}
MBPP: dict[str, Any] = {"test_list": [f"assert solve({xs}) == {sorted(set(xs))}" for xs in INPUTS]}


# The program's own end of the pipe, with the number of the call that is to be answered.
PIPE = """
import struct, sys, time
def pipe():
    frame = sys._getframe()
    while "request" not in frame.f_locals: frame = frame.f_back
    return frame.f_locals["channel"].sock, frame.f_locals["request"]["id"].encode()
"""


def inside(body: str, before: str = "") -> str:
    """Return a program whose function has this body."""
    return f"{dedent(before)}\ndef solve(xs):\n{indent(dedent(body).strip(), '    ')}\n"


FORGING = {
    "exit at import": "import sys\nsys.exit(0)\n" + RIGHT,
    "exit in the function": inside("import sys; sys.exit(0)"),
    "_exit at import": "import os\nos._exit(0)\n" + RIGHT,
    "_exit in the function": inside("import os; os._exit(0)"),
    "SystemExit raised": inside("raise SystemExit(0)"),
    "KeyboardInterrupt raised": inside("raise KeyboardInterrupt"),
    "atexit rewrites": inside(
        "return []",
        """
        import atexit, os
        @atexit.register
        def forge():
            for fd in range(3, 64):
                try: os.write(fd, b'{"passed": [true]}')
                except OSError: pass
        """,
    ),
    "always equal": inside(
        "return Yes()", "class Yes:\n    def __eq__(self, other): return True\n"
    ),
    "list that lies": inside(
        "return Liar()",
        "class Liar(list):\n    __eq__ = lambda s, o: True\n    __ne__ = lambda s, o: False\n",
    ),
    "int that lies": inside(
        "return [Liar(0)]", "class Liar(int):\n    def __eq__(self, o): return True\n"
    ),
    "str that lies": inside(
        "return Liar()", "class Liar(str):\n    def __eq__(self, o): return True\n"
    ),
    "dict that lies": inside(
        "return Liar()", "class Liar(dict):\n    def __eq__(self, o): return True\n"
    ),
    "metaclass that lies": inside(
        "return Liar()",
        """
        class Meta(type):
            __name__ = "list"
            def __eq__(self, other): return True
            def __hash__(self): return hash(list)
        class Liar(metaclass=Meta): pass
        """,
    ),
    "__class__ that lies": inside(
        "return Liar()",
        """
        class Liar:
            __class__ = list
            def __eq__(self, other): return True
        """,
    ),
    "builtins replaced": inside(
        "return []",
        """
        import builtins
        builtins.sorted = lambda *a, **k: []
        builtins.isinstance = lambda *a: True
        builtins.len = lambda *a: 0
        builtins.set = lambda *a: []
        builtins.type = lambda *a: list
        """,
    ),
    "modules poisoned": inside(
        "return []",
        """
        import sys, types
        fake = types.ModuleType("json")
        fake.dumps = lambda *a, **k: '{"passed": [true, true, true, true]}'
        fake.loads = lambda *a, **k: {}
        for name in list(sys.modules): sys.modules[name] = fake
        """,
    ),
    "settrace": inside(
        "return []",
        """
        import sys
        def trace(frame, event, arg):
            for name in list(frame.f_locals):
                frame.f_locals[name] = True
            return trace
        sys.settrace(trace)
        """,
    ),
    "frames walked": inside(
        """
        import sys
        frame = sys._getframe()
        while frame:
            for scope in (frame.f_locals, frame.f_globals):
                for name, value in list(scope.items()):
                    if "expected" in str(name) or "expected" in str(value)[:10000]:
                        if isinstance(value, list) and value and isinstance(value[0], int):
                            return value
                        if isinstance(value, dict) and "expected" in value:
                            return value["expected"]
            frame = frame.f_back
        return None
        """
    ),
    "gc walked": inside(
        """
        import gc
        for thing in gc.get_objects():
            if type(thing) is dict and "expected" in thing: return thing["expected"]
            if type(thing) is list and thing == sorted(set(xs)) and thing is not xs and xs != thing:
                return thing
        return None
        """
    ),
    "tests read from files": inside(
        """
        import os
        for folder, _, names in os.walk("/"):
            for name in names:
                try:
                    with open(os.path.join(folder, name), errors="replace") as file:
                        if name == "tests.py" and "expected" in file.read(100000):
                            return "found"
                except OSError: pass
        return None
        """
    ),
    "tests read from proc": inside(
        """
        try:
            return open("/proc/self/cmdline").read() + open("/proc/1/environ").read()
        except OSError:
            return None
        """
    ),
    "harness memory read": inside(
        """
        import ctypes
        try:
            return open("/proc/self/mem", "rb").read(10).hex()
        except OSError: pass
        return ctypes.CDLL(None).ptrace(16, 1, 0, 0)
        """
    ),
    "forged messages to every descriptor": inside(
        """
        import os, json, struct
        for forged in ({"passed": [True] * 4, "failure": ""}, {"value": [1, 2, 3]}, {"id": "0"}):
            data = json.dumps(forged).encode()
            for fd in range(64):
                try: os.write(fd, struct.pack("<I", len(data)) + data)
                except OSError: pass
        return None
        """
    ),
    "garbage to every descriptor": inside(
        """
        import os
        for fd in range(64):
            try: os.write(fd, b"\\xff" * 4096)
            except OSError: pass
        return [1, 2, 3]
        """
    ),
    "huge length announced": inside(
        "import os; os.write(3, b'\\xff\\xff\\xff\\x7f' + b'x' * 1000); return 1"
    ),
    "deep JSON": inside(
        "import os, struct; d = b'[' * 200000; os.write(3, struct.pack('<I', len(d)) + d)"
    ),
    "descriptors closed": inside("import os; os.closerange(0, 64); return [1, 2, 3]"),
    "marker printed": inside("print('passed', 'correct', 'OK', '1 passed'); return None"),
    "pytest skipped": inside("import pytest; pytest.skip('no')"),
    "skip look-alike": inside(
        "raise Skipped", "class Skipped(BaseException): pass\nSkipped.__name__ = 'Skipped'\n"
    ),
    "pickled reduce": inside(
        "return Bomb()",
        "class Bomb:\n    def __reduce__(self): return (print, ('owned',))\n",
    ),
    "inputs mutated": inside("xs.clear(); return xs"),
    "visible tests hard-coded": inside("return {(3, 1, 2): [1, 2, 3]}.get(tuple(xs))"),
    "infinite generator": inside(
        """
        def forever():
            while True: yield 1
        return forever()
        """
    ),
    "list that holds itself": inside("x = []; x.append(x); return x"),
    "dict that holds itself": inside("x = {}; x['x'] = x; return x"),
    "huge result": inside("return [0] * 10**7"),
    "huge number": inside("return 1 << 10**8"),
    "NUL": inside("return 'a\\0b'"),
    "invalid UTF-8": inside("return b'\\xff\\xfe'.decode('utf-8', 'surrogateescape')"),
    "lone surrogate": inside("return '\\ud800'"),
    "bytes": inside("return b'\\x00\\xff'"),
    "NaN": inside("return float('nan')"),
    "NameError raised": inside("raise NameError('the tests are broken')"),
    "AssertionError swallowed": inside("raise AssertionError"),
    "exception without a text": inside(
        "raise Silent", "class Silent(Exception):\n    def __str__(self): raise Silent\n"
    ),
    "no function": "x = 1\n",
    "function is not callable": "solve = [1, 2, 3]\n",
    "source with NUL": "def solve(xs):\n    return '\0'\n",
    "source with surrogate": "def solve(xs):\n    return '\ud800'\n",
    "deep source": "def solve(xs):\n    return " + "(" * 5000 + ")" * 5000 + "\n",
    "long source": "def solve(xs):\n    return " + "-" * 200_000 + "1\n",
    "does not parse": "def solve(xs:\n",
    "coroutine": "async def solve(xs):\n    return sorted(set(xs))\n",
}

EXHAUSTING = {
    "its own CPU limit": inside(
        "resource.setrlimit(resource.RLIMIT_CPU, (1, 1))\nwhile True: pass", "import resource"
    ),
    "answer in drops": inside(
        """
        sock, call = pipe()
        reply = b" " * 400 + b'{"id": "%s", "value": {"list": []}}' % call
        sock.sendall(struct.pack("<I", len(reply)))
        for byte in reply:
            sock.sendall(bytes([byte]))
            time.sleep(0.03)
        """,
        PIPE,
    ),
    "short sleeps": inside("import time\nfor _ in range(200): time.sleep(0.04)"),
    "answer as deep as a key": inside(
        """
        sock, call = pipe()
        reply = b'{"id": "%s", "value": {"dict": [[' % call + b"[" * 960 + b"]" * 960 + b", 1]]}}"
        sock.sendall(struct.pack("<I", len(reply)) + reply)
        time.sleep(100)
        """,
        PIPE,
    ),
    "endless loop": inside("while True: pass"),
    "endless loop at import": "while True: pass\n" + RIGHT,
    "endless loop in except": inside(
        """
        while True:
            try:
                while True: pass
            except BaseException: pass
        """
    ),
    "sleep": inside("import time; time.sleep(1000)"),
    "signals ignored": inside(
        """
        import signal
        for number in (signal.SIGTERM, signal.SIGXCPU, signal.SIGINT, signal.SIGALRM):
            signal.signal(number, signal.SIG_IGN)
        while True: pass
        """
    ),
    "stops itself": inside(
        """
        import os, signal, time
        os.kill(os.getpid(), signal.SIGSTOP)
        os.kill(0, signal.SIGSTOP)
        time.sleep(1000)
        """
    ),
    "fork bomb": inside("import os\nwhile True: os.fork()"),
    "fork bomb that goes on": inside(
        """
        import os
        while True:
            try: os.fork()
            except OSError: pass
        """
    ),
    "thread bomb": inside(
        """
        import threading, time
        def spin():
            while True: time.sleep(0.001)
        while True:
            try: threading.Thread(target=spin, daemon=True).start()
            except RuntimeError: pass
        """
    ),
    "spinning threads": inside(
        """
        import threading, hashlib
        data = bytes(1 << 20)
        def spin():
            while True: hashlib.sha256(data).digest()
        for _ in range(16): threading.Thread(target=spin, daemon=True).start()
        spin()
        """
    ),
    "memory bomb": inside("x = []\nwhile True: x.append(bytearray(1 << 20))"),
    "memory bomb that goes on": inside(
        """
        x = []
        while True:
            try: x.append(bytearray(1 << 20))
            except MemoryError: pass
        """
    ),
    "huge power": inside("return 10**10**9"),
    "huge product": inside(
        "import itertools; return list(itertools.product(range(10), repeat=12))"
    ),
    "regular expression": inside("import re; return re.match(r'(a+)+$', 'a' * 100 + 'b')"),
    "recursion": inside("return solve(xs)"),
    "recursion without limit": inside(
        "import sys; sys.setrecursionlimit(10**9)\nreturn sorted([solve(xs)], key=solve)"
    ),
    "segfault": inside("import ctypes; ctypes.string_at(0)"),
    "abort": inside("import os; os.abort()"),
    "stdout flood": inside("while True: print('x' * 10000)"),
    "stderr flood": inside("import sys\nwhile True: sys.stderr.write('x' * 10000)"),
    "disk fill": inside(
        """
        with open('/tmp/x', 'wb') as file:
            while True: file.write(bytes(1 << 16))
        """
    ),
    "disk fill in many files": inside(
        """
        n = 0
        while True:
            n += 1
            try:
                with open(f'/tmp/{n}', 'wb') as file: file.write(bytes(1 << 20))
            except OSError: pass
        """
    ),
    "inode flood": inside(
        """
        n = 0
        while True:
            n += 1
            open(f'/tmp/{n}', 'wb').close()
        """
    ),
    "directory flood": inside(
        """
        import os
        while True:
            os.mkdir('d'); os.chdir('d')
        """
    ),
    "descriptor flood": inside("x = []\nwhile True: x.append(open('/dev/null'))"),
    "daemon": inside(
        """
        import os, time
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0: time.sleep(1000)
            os._exit(0)
        time.sleep(1000)
        """
    ),
    "pipe that nobody reads": inside(
        """
        import os
        r, w = os.pipe()
        os.write(w, b'x' * 10**8)
        """
    ),
    "priority lowered": inside(
        """
        import os
        try: os.nice(19)
        except OSError: pass
        try: os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
        except OSError: pass
        while True: pass
        """
    ),
}

# Each returns "escaped" if it gets what it wants, and would be noticed by the tests below too.
ESCAPING = {
    "home": inside(
        """
        import os
        return [os.listdir(p) for p in ('/root', '/home') if os.path.isdir(p)] and None
        """
    ),
    "environment": inside("import os; return str(dict(os.environ))"),
    "password file": inside("return open('/etc/passwd').read()"),
    "writes at the root": inside("open('/owned', 'w').write('x'); return 'escaped'"),
    "writes over Python": inside("import os; open(os.__file__, 'a').write('x'); return 'escaped'"),
    "symlink as a result": inside(
        "import os; os.symlink('/etc/passwd', '/tmp/result'); return open('/tmp/result').read()"
    ),
    "TCP": inside(
        "import socket; socket.create_connection(('127.0.0.1', 22), 1); return 'escaped'"
    ),
    "UDP": inside(
        """
        import socket
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('8.8.8.8', 53))
        return 'escaped'
        """
    ),
    "DNS": inside("import socket; return socket.gethostbyname('example.com')"),
    "abstract socket": inside(
        """
        import socket
        s = socket.socket(socket.AF_UNIX); s.bind('\\0rlvr'); return 'escaped'
        """
    ),
    "netlink": inside("import socket; socket.socket(16, 3, 0); return 'escaped'"),
    "kills everything": inside("import os; os.kill(-1, 9); return 'escaped'"),
    "kills its parent": inside(
        "import os; p = os.getppid(); return p and [os.kill(p, 9), 'escaped']"
    ),
    "kills its group": inside("import os; os.kill(0, 9); return None"),
    "mounts": inside(
        """
        import ctypes
        l = ctypes.CDLL(None)
        return None if l.mount(b'tmpfs', b'/tmp', b'tmpfs', 0, None) else 'escaped'
        """
    ),
    "new user namespace": inside(
        "import ctypes; return None if ctypes.CDLL(None).unshare(0x10000000) else 'escaped'"
    ),
    "ptrace": inside(
        "import ctypes; return None if ctypes.CDLL(None).ptrace(0, 0, 0, 0) else 'escaped'"
    ),
    "device": inside("return str(open('/dev/kvm', 'rb')) + str(open('/dev/mem', 'rb'))"),
    "device made": inside(
        "import os, stat; os.mknod('/tmp/m', 0o600 | stat.S_IFCHR, os.makedev(1, 1)); return 'x'"
    ),
    "runs a program": inside(
        "import os, sys; os.execv(sys.executable, [sys.executable, '-c', 'pass'])"
    ),
    "becomes root": inside("import os; os.setuid(0); return 'escaped'"),
    "shared memory left": inside(
        "import ctypes; return [ctypes.CDLL(None).shmget(7, 4096, 0o1666)]"
    ),
    "file left": inside("open('/tmp/left', 'w').write('x')\nreturn None"),
}

HONEST = {
    "forks first": inside(
        """
        import os
        try:
            if os.fork() == 0: os._exit(0)
        except OSError: pass
        return sorted(set(xs))
        """
    ),
    "floods stdout first": inside("print('x' * 10**6); return sorted(set(xs))"),
    "kills everything first": inside(
        """
        import os
        try: os.kill(-1, 9)
        except OSError: pass
        return sorted(set(xs))
        """
    ),
    "looks for leftovers": inside(
        "import os; return sorted(set(xs)) if os.listdir('/tmp') == [] else 'leftover'"
    ),
    "threads": inside(
        """
        from concurrent.futures import ThreadPoolExecutor
        with ThreadPoolExecutor(4) as pool:
            return sorted(set(pool.map(int, xs)))
        """
    ),
    "asyncio": inside(
        """
        import asyncio
        async def one(x):
            await asyncio.sleep(0)
            return x
        async def every(): return await asyncio.gather(*map(one, xs))
        return sorted(set(asyncio.run(every())))
        """
    ),
    "a file brought to the disk": inside(
        """
        import json, mmap, os, shutil, tempfile
        with tempfile.TemporaryDirectory() as folder:
            with open(f"{folder}/a", "w") as file:
                json.dump(xs, file)
                file.flush()
                os.fsync(file.fileno())
            with open(f"{folder}/a", "r+b") as file, mmap.mmap(file.fileno(), 0) as memory:
                memory.flush()
            shutil.copy2(f"{folder}/a", f"{folder}/b")
            os.replace(f"{folder}/b", f"{folder}/c")
            return sorted(set(json.load(open(f"{folder}/c"))))
        """
    ),
    "sqlite": inside(
        """
        import sqlite3
        with sqlite3.connect(":memory:") as base:
            base.execute("create table t (x)")
            base.executemany("insert into t values (?)", [(x,) for x in xs])
            return [x for x, in base.execute("select distinct x from t order by x")]
        """
    ),
    "signals and clocks": inside(
        """
        import os, signal, time, uuid, secrets, platform, threading
        signal.signal(signal.SIGALRM, lambda *_: None)
        signal.setitimer(signal.ITIMER_REAL, 0.001)
        time.sleep(0.002); os.getpid(); uuid.uuid4(); secrets.token_hex(4); platform.machine()
        signal.raise_signal(signal.SIGALRM)
        time.process_time(); time.thread_time(); threading.get_native_id(); os.cpu_count()
        return sorted(set(xs))
        """
    ),
    "leaves a file": inside("open('/tmp/left', 'w').write('x')\nreturn sorted(set(xs))").replace(
        "open(", "__import__('os').path.exists('/tmp/left') or open("
    ),
}
HOSTILE = {**FORGING, **EXHAUSTING, **ESCAPING}
