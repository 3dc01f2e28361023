"""vLLM: one engine per run, in a process of its own, which loads new weights in place.

`VllmEngine` has `load` (the weights of a folder, checked against transformers' logprobs), `stream`
and `generate` (completions as they finish, or all of them) and `score`. The child process runs
`serve.py`. Parent and child exchange tuples over a socket pair. The child ends when the pair
closes, and the kernel ends it with the thread that started it, so it never outlives the run. With
`data_parallel_size` N there are N children, which share the requests.

On a CPU the engine's scheduler runs in the child itself, and not in a second process. This gives
1.5 to 2 times the tokens a second on tiny models. It also gives the same batches every time, which
makes a run repeatable to the bit.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, cast

from rlvr.data import InputError, RunError
from rlvr.engine import threads
from rlvr.engine.devices import on_gpu
from rlvr.engine.probes import read_probes
from rlvr.engine.protocol import Decoding, Engine, Sampled, Tokens
from rlvr.engine.settings import gpus_of

_COMMAND = "import sys; from rlvr.engine.serve import serve; serve(*map(int, sys.argv[1:]))"
LARGE = 256 << 20  # an engine with more bytes of weights holds too much memory while it rests


class VllmEngine(Engine):
    """A vLLM engine in its own process.

    `arguments` are vLLM's engine arguments; they override our defaults.

    Use it as a context manager. The child starts at construction, and warms up while the caller
    does other work; the first call waits for it. If the child can't start or dies, calls raise
    RunError with the end of its log.
    """

    def __init__(self, model: Path, dtype: str, arguments: Mapping[str, Any] | None = None) -> None:
        given = dict(arguments or {})
        self._replicas = int(given.pop("data_parallel_size", 1))
        self.dtype = str(given.get("dtype", dtype))
        self._arguments = {**given, "dtype": self.dtype}
        self._large = sum(file.stat().st_size for file in model.glob("*.safetensors")) >= LARGE
        self._children = self._begin(model)
        self.start_seconds = 0.0
        self._loaded = True

    def _begin(self, model: Path) -> list[_Child]:
        return [
            _Child(model, self._arguments, replica, self._replicas)
            for replica in range(self._replicas)
        ]

    def close(self) -> None:
        """End the children, and drop pending work."""
        for child in self._children:
            child.close()

    def wait_ready(self) -> dict[str, Any]:
        """Wait until every child is ready; return what the first one says about itself."""
        facts = [child.ready() for child in self._children]
        self.start_seconds = max(float(fact["start_seconds"]) for fact in facts)
        return facts[0]

    def load(self, model: Path) -> float:
        """Load the weights of `model` in place, and check the result on the folder's probes.

        Returns the mean absolute difference (nats a token) between the engine's logprobs of the
        probes and those that transformers gave when the folder was written. Raises RunError above
        the bound, because the engine would sample from other weights than the trained ones. In half
        precision the bound grows with the rounding error that transformers has on these probes.
        """
        self.reload(model)
        probes = read_probes(model)
        for child in self._children:
            child.send("score", probes.token_ids)
        return probes.prove([child.receive() for child in self._children], model, self.dtype)

    def reload(self, model: Path) -> None:
        """Load the weights of `model` in place without a check; the caller checks the samples."""
        self._loaded = True
        if not self._children:
            self._children = self._begin(model)
            self.wait_ready()
            return
        for child in self._children:
            child.send("load", str(model))
        for child in self._children:
            child.receive()

    def rest(self) -> None:
        """Give the engine's memory back while the trainer works. Afterwards it needs a `load`.

        This does something only on a CPU; on a GPU the shares of engine and trainer are fixed. The
        processes of a large model end, and start again at the `load`: vLLM can't give back weights
        that it packed for the CPU, and a start of 10 to 15 s is short beside the training of such
        a model.
        """
        self._loaded = False
        if self._large and not on_gpu():
            for child in self._children:
                child.ready()  # a child that could not start says so here
            self.close()
            self._children = []
        for child in self._children:
            child.send("rest")
        for child in self._children:
            child.receive()

    def stream(
        self,
        prompts: Sequence[Tokens],
        decoding: Decoding,
        seeds: Sequence[int],
        wait_seconds: float | None = None,
    ) -> Iterator[list[tuple[int, Sampled]]]:
        """Sample one completion for each prompt; yield lists of (prompt's position, completion).

        Each list has what has finished since the last one. An empty list says that nothing finished
        within `wait_seconds`.
        """
        count = len(self._children)
        at_work = self._ask("generate", list(zip(prompts, seeds, strict=True)), decoding)
        while at_work:
            ready = wait(list(at_work), wait_seconds)
            if not ready:
                yield []
            for connection in cast(list[Connection], ready):
                replica, child = at_work[connection]
                kind, content = child.message()
                if kind == "done":
                    del at_work[connection]
                elif content:
                    yield [(replica + count * place, sampled) for place, sampled in content]

    def score(self, sequences: Sequence[Tokens]) -> list[tuple[float, ...]]:
        """Return the logprobs (nats) of each sequence: n-1 for n tokens, without the first."""
        results: list[Any] = [None] * len(sequences)
        for replica, child in self._ask("score", list(sequences)).values():
            results[replica :: len(self._children)] = child.receive()
        return results

    def _ask(
        self, method: str, items: list[Any], *more: Any
    ) -> dict[Connection, tuple[int, _Child]]:
        """Share items among the children; return the index of each child by its connection."""
        if not self._loaded:
            raise RuntimeError("the engine's weights were handed back: load some first")
        for replica, child in enumerate(self._children):
            child.send(method, items[replica :: len(self._children)], *more)
        return {child.connection: (i, child) for i, child in enumerate(self._children)}


class _Child:
    """One engine process and the socket to it."""

    def __init__(self, model: Path, arguments: dict[str, Any], replica: int, replicas: int) -> None:
        ours, theirs = socket.socketpair()
        written, name = tempfile.mkstemp(prefix="rlvr-engine-", suffix=".log")
        self.log = Path(name)
        with theirs, open(written, "wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-c", _COMMAND, str(theirs.fileno()), str(os.getpid())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=child_environment(arguments, replica, replicas),
                process_group=0,  # Ctrl-C is for the run alone, also while it starts
            )
        self.connection = Connection(ours.detach())
        self._facts: dict[str, Any] | None = None
        self._log_named = self._asked = False
        self.send("start", str(model), arguments)

    def send(self, *message: Any) -> None:
        if message[0] != "start":
            self.ready()
        while self._asked:  # an earlier request was abandoned before it was answered
            self.message()
        try:
            self.connection.send(message)
        except OSError as failure:
            raise self._died() from failure
        self._asked = True

    def ready(self) -> dict[str, Any]:
        if self._facts is None:
            self._facts = cast(dict[str, Any], self.receive())
        return self._facts

    def receive(self) -> Any:
        """Return the answer to the last request."""
        return self.message()[1]

    def message(self) -> tuple[str, Any]:
        """Return the next ("part", a part of the answer) or ("done", the answer)."""
        try:
            kind, content = self.connection.recv()
        except (EOFError, OSError) as failure:
            raise self._died() from failure
        self._asked = kind == "part"
        if kind == "refused":
            raise InputError(content)
        if kind == "failed":
            self._log_named = True
            raise RunError(f"the engine failed: {content} (its log: {self.log})")
        return kind, content

    def _died(self) -> RunError:
        self._log_named = True
        code = self.process.wait()
        tail = self.log.read_text(errors="replace").strip().splitlines()[-1:] or [
            "(its log is empty)"
        ]
        return RunError(
            f"the engine process ended with code {code}: {tail[0][:300]} (its log: {self.log}); "
            "what was recorded is kept: run the same command again to resume"
        )

    def close(self) -> None:
        self.connection.close()
        # On a GPU vLLM works in processes of its own, which would outlive this one, and its memory.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        if self.process.wait() in (0, -signal.SIGKILL) and not self._log_named:
            self.log.unlink(missing_ok=True)


def child_environment(arguments: Mapping[str, Any], replica: int, replicas: int) -> dict[str, str]:
    """Return the child's environment: what the user has set, and what suits the machine."""
    environment = dict(os.environ)
    tuned = {
        "VLLM_LOGGING_LEVEL": "WARNING",
        "VLLM_NO_USAGE_STATS": "1",
        "TOKENIZERS_PARALLELISM": "false",
    }
    if on_gpu():
        # It can't serve requests with seeds, and all of ours have one. It also compiles at start.
        tuned["VLLM_USE_FLASHINFER_SAMPLER"] = "0"
        width = gpus_of(arguments)
        visible = environment.get("CUDA_VISIBLE_DEVICES", "")
        devices = visible.split(",") if visible else [str(i) for i in range(width * replicas)]
        if replicas > 1:
            environment["CUDA_VISIBLE_DEVICES"] = ",".join(
                devices[replica * width : (replica + 1) * width]
            )
    else:
        cores = max(1, len(os.sched_getaffinity(0)) // replicas)
        tuned |= {
            "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
            "VLLM_CPU_NUM_OF_RESERVED_CPU": "0",
            "TORCHDYNAMO_DISABLE": "1",
            "OMP_NUM_THREADS": str(cores),
            **threads.SETTINGS,
        }
        library = threads.openmp_library()
        if library is not None:
            tuned["LD_PRELOAD"] = str(library)
    return {**tuned, **environment}


ENGINE = VllmEngine
