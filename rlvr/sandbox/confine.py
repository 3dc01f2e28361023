"""Confine: what a process gives up for ever before it runs untrusted code: mounts, rights, calls.

Standard library only, because this file is also read inside the sandbox, where there are no
packages. A filter is a table from a system call's name to a rule. A call that the table does not
name gets the answer `otherwise`. So the new calls of a new kernel are refused until they are
allowed here.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
from collections.abc import Mapping
from dataclasses import dataclass

libc = ctypes.CDLL(None, use_errno=True)

# --- mounts ----------------------------------------------------------------------------------

MS_RDONLY, MS_NOSUID, MS_REMOUNT, MS_BIND = 1, 2, 32, 4096
# Other flags that a mount may have (nodev, noexec, noatime, nodiratime, relatime), as statvfs and
# mount write them. A user namespace may not remove any of them.
_KEPT = {4: 4, 8: 8, 1024: 1024, 2048: 2048, 4096: 1 << 21}


def read_only(path: str) -> None:
    """Make the mount at `path` read-only; its other flags stay. Raises OSError.

    Processes can still read and write a device there, but can't change its mode, owner or times.
    Needs CAP_SYS_ADMIN in the user namespace that owns the mount namespace.
    """
    found = os.statvfs(path).f_flag
    flags = sum(flag for bit, flag in _KEPT.items() if found & bit)
    flags |= MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID
    check(f"read-only {path}", libc.mount(None, path.encode(), None, flags, None))


def check(what: str, result: int) -> None:
    """Raise OSError with the name of the call, unless a call of libc returned 0."""
    if result != 0:
        raise OSError(ctypes.get_errno(), f"{what}: {os.strerror(ctypes.get_errno())}")


# --- system calls ----------------------------------------------------------------------------

# name: (x86_64, aarch64). Calls that a program may be allowed.
CALLS: dict[str, tuple[int | None, int | None]] = {
    "read": (0, 63), "write": (1, 64), "readv": (19, 65), "writev": (20, 66), "pread64": (17, 67),
    "pwrite64": (18, 68), "preadv": (295, 69), "pwritev": (296, 70), "lseek": (8, 62),
    "open": (2, None), "openat": (257, 56), "creat": (85, None), "close": (3, 57),
    "close_range": (436, 436), "dup": (32, 23), "dup2": (33, None), "dup3": (292, 24),
    "pipe": (22, None), "pipe2": (293, 59), "stat": (4, None), "lstat": (6, None),
    "fstat": (5, 80), "newfstatat": (262, 79), "statx": (332, 291), "access": (21, None),
    "faccessat": (269, 48), "faccessat2": (439, 439), "readlink": (89, None),
    "readlinkat": (267, 78), "getdents": (78, None), "getdents64": (217, 61), "getcwd": (79, 17),
    "chdir": (80, 49), "fchdir": (81, 50), "mkdir": (83, None), "mkdirat": (258, 34),
    "rmdir": (84, None), "unlink": (87, None), "unlinkat": (263, 35), "rename": (82, None),
    "renameat": (264, 38), "renameat2": (316, 276), "link": (86, None), "linkat": (265, 37),
    "symlink": (88, None), "symlinkat": (266, 36), "chmod": (90, None), "fchmod": (91, 52),
    "fchmodat": (268, 53), "fchmodat2": (452, 452), "utime": (132, None), "utimes": (235, None),
    "futimesat": (261, None), "utimensat": (280, 88), "truncate": (76, 45), "ftruncate": (77, 46),
    "umask": (95, 166), "getxattr": (191, 8), "lgetxattr": (192, 9), "fgetxattr": (193, 10),
    "listxattr": (194, 11), "llistxattr": (195, 12), "flistxattr": (196, 13), "fcntl": (72, 25),
    "ioctl": (16, 29), "chown": (92, None), "fchown": (93, 55), "lchown": (94, None),
    "fchownat": (260, 54), "mknod": (133, None), "mknodat": (259, 33),
    "fsync": (74, 82), "fdatasync": (75, 83),
    "brk": (12, 214), "mmap": (9, 222), "munmap": (11, 215), "mprotect": (10, 226),
    "mremap": (25, 216), "madvise": (28, 233), "msync": (26, 227),
    "clone": (56, 220), "futex": (202, 98), "set_robust_list": (273, 99),
    "set_tid_address": (218, 96), "rseq": (334, 293), "sched_yield": (24, 124),
    "sched_getaffinity": (204, 123), "getcpu": (309, 168), "gettid": (186, 178),
    "tgkill": (234, 131), "exit": (60, 93), "exit_group": (231, 94), "prctl": (157, 167),
    "restart_syscall": (219, 128),
    "rt_sigaction": (13, 134), "rt_sigprocmask": (14, 135), "rt_sigreturn": (15, 139),
    "rt_sigpending": (127, 136), "rt_sigsuspend": (130, 133), "rt_sigtimedwait": (128, 137),
    "sigaltstack": (131, 132), "kill": (62, 129), "pause": (34, None), "alarm": (37, None),
    "getitimer": (36, 102), "setitimer": (38, 103), "wait4": (61, 260), "waitid": (247, 95),
    "time": (201, None), "gettimeofday": (96, 169), "clock_gettime": (228, 113),
    "clock_getres": (229, 114), "clock_nanosleep": (230, 115), "nanosleep": (35, 101),
    "times": (100, 153), "getrusage": (98, 165),
    "poll": (7, None), "ppoll": (271, 73), "select": (23, None), "pselect6": (270, 72),
    "epoll_create": (213, None), "epoll_create1": (291, 20), "epoll_ctl": (233, 21),
    "epoll_wait": (232, None), "epoll_pwait": (281, 22), "epoll_pwait2": (441, 441),
    "socketpair": (53, 199), "sendto": (44, 206), "recvfrom": (45, 207), "shutdown": (48, 210),
    "getsockname": (51, 204), "getpeername": (52, 205), "getsockopt": (55, 209),
    "getpid": (39, 172), "getppid": (110, 173), "getpgid": (121, 155), "getpgrp": (111, None),
    "getsid": (124, 156), "getuid": (102, 174), "geteuid": (107, 175), "getgid": (104, 176),
    "getegid": (108, 177), "getresuid": (118, 148), "getresgid": (120, 150),
    "getgroups": (115, 158), "uname": (63, 160), "getrandom": (318, 278), "getrlimit": (97, 163),
    "prlimit64": (302, 261),
}  # fmt: skip
# Calls that confine a process; no program may make any of these.
CONFINING: dict[str, tuple[int | None, int | None]] = {
    "unshare": (272, 97), "setns": (308, 268), "mount": (165, 40), "setsid": (112, 157),
    "setgroups": (116, 159), "setresuid": (117, 147), "setresgid": (119, 149), "capset": (126, 91),
    "recvmsg": (47, 212), "pidfd_open": (434, 434),
}  # fmt: skip
# audit number, and column above
ARCHITECTURES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}

_ALLOW, _ERRNO, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_LOAD, _EQUAL, _ABOVE, _AND, _GIVE = 0x20, 0x15, 0x25, 0x54, 0x06
_X32 = 0x3FFFFFFF  # above it x86-64 has its calls again, with other numbers
_OLD = 423  # above it are calls that libc tries first, and can do without
EPERM, EINVAL, ENOSYS = 1, 22, 38


@dataclass(frozen=True, slots=True)
class Answer:
    """A rule: the call is not made. It fails with this error number; 0 does nothing."""

    errno: int


@dataclass(frozen=True, slots=True)
class Only:
    """A rule: the call is made if each named argument has one of its values, else not.

    Each argument is (its position, a mask, the values that it may have under the mask). A call that
    is not made fails with the error number `otherwise`; 0 does nothing.
    """

    arguments: tuple[tuple[int, int, tuple[int, ...]], ...]
    otherwise: int = EPERM


Rule = Only | Answer | None  # None: the call is made
LOW = 0xFFFFFFFF


def system_call_filter(rules: Mapping[str, Rule], otherwise: Rule) -> bytes | None:
    """Return a seccomp filter as BPF instructions; None on an architecture without a table.

    `otherwise` (None or an Answer) applies to every call that `rules` does not name. If it is an
    Answer, newer calls among them appear not to exist. Raises KeyError for a name that the tables
    lack.
    """
    known = ARCHITECTURES.get(platform.machine())
    if known is None:
        return None
    audit, column = known
    program: list[tuple[int, int, int, int]] = [
        (_LOAD, 0, 0, 4),
        (_EQUAL, 1, 0, audit),
        (_GIVE, 0, 0, _KILL),
        (_LOAD, 0, 0, 0),
        (_ABOVE, 0, 1, _X32),
        (_GIVE, 0, 0, _ERRNO | ENOSYS),
    ]
    for name, rule in rules.items():
        number = (CALLS.get(name) or CONFINING[name])[column]
        if number is not None:
            body = _instructions(rule)
            program += [(_EQUAL, 0, len(body), number), *body]
    if otherwise is not None:
        program += [(_ABOVE, 0, 1, _OLD), (_GIVE, 0, 0, _ERRNO | ENOSYS)]
    program += _instructions(otherwise)
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in program)


def _instructions(rule: Rule) -> list[tuple[int, int, int, int]]:
    """Return instructions that always end in an answer."""
    if rule is None:
        return [(_GIVE, 0, 0, _ALLOW)]
    if isinstance(rule, Answer):
        return [(_GIVE, 0, 0, _ERRNO | rule.errno)]
    body: list[tuple[int, int, int, int]] = []
    for position, mask, values in rule.arguments:
        # Both halves of a 64-bit argument, if the mask needs both.
        for offset, part in ((0, mask & LOW), (4, mask >> 32)):
            if part:
                shift = 8 * offset
                wanted = sorted({value >> shift & LOW for value in values})
                body += [(_LOAD, 0, 0, 16 + 8 * position + offset), (_AND, 0, 0, part)]
                body += [
                    (_EQUAL, len(wanted) - index, 0, value) for index, value in enumerate(wanted)
                ]
                body += [(_GIVE, 0, 0, _ERRNO | rule.otherwise)]
    return [*body, (_GIVE, 0, 0, _ALLOW)]


# --- rights ----------------------------------------------------------------------------------

PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT = (
    4, 22, 24, 38, 47,
)  # fmt: skip


def give_up_privileges(user: int | None = None) -> None:
    """Give up every capability for ever, and become `user` if this is root. Raises OSError.

    This applies to the thread and its later children.
    """
    gain_no_privileges()
    drop_privileges(user)


def gain_no_privileges() -> None:
    """Make sure that no capability is ever added to the current ones. Raises OSError.

    This applies to the thread and its later children: neither a file nor the ambient set adds one.
    """
    check("no_new_privs", libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    check("ambient", libc.prctl(PR_CAP_AMBIENT, 4, 0, 0, 0))
    for capability in range(64):
        dropped = libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
        if dropped != 0 and ctypes.get_errno() == EINVAL:
            break  # past the last one
        check("capbset", dropped)


def drop_privileges(user: int | None = None) -> None:
    """Drop the capabilities that this thread has, and become `user` if this is root.

    Raises OSError. After `gain_no_privileges` it can't be undone.
    """
    if user is not None and os.getuid() == 0:
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
    header, none = struct.pack("=Ii", 0x20080522, 0), bytes(24)
    check("capset", libc.capset(header, none))


def filter_system_calls(bpf: bytes | None) -> None:
    """Filter the system calls of this thread and of its later children, if there is a filter.

    Raises OSError. The process must have given up its privileges.
    """
    if bpf is not None:
        code = ctypes.create_string_buffer(bpf, len(bpf))
        filter_ = struct.pack("@HP", len(bpf) // 8, ctypes.addressof(code))
        check("seccomp", libc.prctl(PR_SET_SECCOMP, 2, filter_, 0, 0))


def dump_no_core() -> None:
    """Keep the kernel from passing a crashed process's memory to the host's crash handler.

    RLIMIT_CORE does not prevent this: the kernel ignores it if core_pattern is a pipe. Raises
    OSError.
    """
    check("dumpable", libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
