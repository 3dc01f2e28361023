"""The engine's process: vLLM behind a socket. `vllm.VllmEngine` has the other end of the socket.

This file also fixes three things that vLLM 0.31 does wrongly or slowly on a CPU. A tied output
layer keeps its old weights after a reload. Memory can't be given back. The noise of requests with
seeds of their own is drawn on one core, after as much noise that is never used.
"""

from __future__ import annotations

import dataclasses
import os
import signal
import time
import traceback
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from rlvr.data import InputError, nearest
from rlvr.engine import threads
from rlvr.engine.devices import on_gpu
from rlvr.engine.processes import die_with_parent
from rlvr.engine.protocol import Decoding, Sampled, Tokens

TELL_SECONDS = 0.05  # between two reports of finished completions
SMALL = 1 << 18  # with fewer draws (rows x vocabulary), threads cost more than they save


def serve(descriptor: int, parent: int) -> None:
    """Run the engine process: answer requests on the socket `descriptor` until it closes.

    parent: the process at the other end. An engine that is at work would see its end too late.
    """
    die_with_parent(parent)
    # Ctrl-C is meant for the run, which then ends the engine itself.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    connection = Connection(descriptor)
    began = time.monotonic()
    _, model, arguments = connection.recv()
    llm: Any = None

    def start() -> dict[str, Any]:
        nonlocal llm
        llm, facts = _start(Path(model), arguments)
        return {**facts, "start_seconds": time.monotonic() - began}

    methods: dict[str, Callable[..., Any]] = {
        "load": load_weights,
        "rest": _rest,
        "generate": _generate,
        "score": _score,
    }
    _answer(connection, start)
    while True:
        try:
            method, *content = connection.recv()
        except EOFError:
            return
        if method == "generate":
            content.append(lambda part: connection.send(("part", part)))
        _answer(connection, methods[method], llm, *content)


def _answer(connection: Connection, function: Callable[..., Any], *content: Any) -> None:
    try:
        reply = ("done", function(*content))
    except InputError as failure:
        reply = ("refused", str(failure))
    except Exception as failure:  # the parent owns the run, so it gets every exception
        traceback.print_exc()
        reply = (
            "failed",
            f"{type(failure).__name__}: "
            f"{str(failure).splitlines()[0][:300] if str(failure) else ''}",
        )
    connection.send(reply)


def engine_arguments(model: Path, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return vLLM's engine arguments: defaults that suit the machine, overridden by the user's."""
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(model).get_text_config()
    length = min(int(getattr(config, "max_position_embeddings", 2048)), 2048)
    length = int(given.get("max_model_len", length))
    defaults: dict[str, Any] = {
        "max_model_len": length,
        "max_num_seqs": 256,
        # A model's own generation_config would silently change the sampling. Of it only the tokens
        # that end a completion still count.
        "generation_config": "vllm",
        "seed": 0,
        "disable_log_stats": True,
    }
    if on_gpu():
        defaults["gpu_memory_utilization"] = 0.45  # the trainer lives on the same device
    else:
        defaults |= {
            "enforce_eager": True,  # no compiler on the smallest machine
            # vLLM 0.31 on a CPU fails on a seeded request whose prompt is split over two steps.
            "enable_chunked_prefill": False,
            "max_num_batched_tokens": max(length, 2048),
            "kv_cache_memory_bytes": _kv_cache_bytes(
                config, length, int(given.get("max_num_seqs", 256)), str(given.get("dtype"))
            ),
        }
        if int(given.get("tensor_parallel_size", 1)) == 1:
            defaults["distributed_executor_backend"] = "uni"
    return {**defaults, **given}


def _kv_cache_bytes(config: Any, length: int, sequences: int, dtype: str) -> int:
    """Return the bytes that `sequences` full sequences need; at most an eighth of the memory.

    Of all memory, not of what is free: with less room fewer sequences run at once, which changes
    last digits, and a resumed run has to equal one that was not stopped.
    """
    import psutil

    heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    width = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    each = 2 * config.num_hidden_layers * heads * width * (4 if dtype == "float32" else 2)
    blocks = -(-length // 128) * 128 + 128
    return int(min(each * blocks * sequences, psutil.virtual_memory().total // 8))


def _start(model: Path, arguments: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Return vLLM's engine, and facts about it."""
    import vllm

    settings = engine_arguments(model, arguments)
    known = [field.name for field in dataclasses.fields(vllm.EngineArgs)]
    for name in settings:
        if name not in known:
            raise InputError(
                f"engine.{name}: vLLM has no such engine argument{nearest(name, known)}"
            )
    if not on_gpu():
        _draw_in_threads()
    return vllm.LLM(str(model), **settings), {"vllm": vllm.__version__, **settings}


def load_weights(llm: Any, folder: str) -> None:
    """Load the weights in `folder` into a vLLM engine in place, and empty its prefix cache."""
    llm.collective_rpc("reload_weights", kwargs={"weights_path": folder})
    if not on_gpu():
        llm.apply_model(_pack_tied_head)
    llm.reset_prefix_cache()


def _rest(llm: Any) -> None:
    if not on_gpu():
        llm.collective_rpc(_forget)
        threads.return_memory()


def _generate(
    llm: Any,
    items: list[tuple[Tokens, int]],
    decoding: Decoding,
    tell: Callable[[list[tuple[int, Sampled]]], None],
) -> None:
    """Sample a completion for each item, and report those that finish, with their positions."""
    from vllm import SamplingParams

    parameters = [
        SamplingParams(
            temperature=decoding.temperature,
            top_p=decoding.top_p,
            top_k=decoding.top_k,
            min_p=decoding.min_p,
            repetition_penalty=decoding.repetition_penalty,
            max_tokens=decoding.max_tokens,
            stop=list(decoding.stop),
            seed=None if decoding.temperature == 0 else seed,
            logprobs=0,
            flat_logprobs=True,
            detokenize=bool(decoding.stop),
            skip_clone=True,  # no other code uses it; a copy costs a tenth of a tiny model's time
        )
        for _, seed in items
    ]
    llm.reset_prefix_cache()
    prompts = [{"prompt_token_ids": list(ids)} for ids, _ in items]
    requests = llm.enqueue(prompts, parameters, use_tqdm=False)
    # An output has the request's number, without the suffix that makes the number unique.
    places = {request.partition("-")[0]: place for place, request in enumerate(requests)}
    finished: list[tuple[int, Sampled]] = []
    told = time.monotonic()
    while llm.llm_engine.has_unfinished_requests():
        for output in llm.llm_engine.step():
            if output.finished:
                finished.append((places[output.request_id], _sampled(output.outputs[0])))
        if finished and time.monotonic() - told > TELL_SECONDS:
            tell(finished)
            finished, told = [], time.monotonic()
    tell(finished)


def _sampled(output: Any) -> Sampled:
    return Sampled(
        token_ids=tuple(output.token_ids),
        logprobs=tuple(output.logprobs.logprobs),
        finish_reason="length" if output.finish_reason == "length" else "stop",
    )


def _score(llm: Any, sequences: list[Tokens]) -> list[tuple[float, ...]]:
    from vllm import SamplingParams

    parameters = SamplingParams(temperature=0, max_tokens=1, prompt_logprobs=0, detokenize=False)
    prompts = [{"prompt_token_ids": list(ids)} for ids in sequences]
    outputs = llm.generate(prompts, parameters, use_tqdm=False)
    return [
        tuple(
            position[token].logprob
            for token, position in zip(ids[1:], output.prompt_logprobs[1:], strict=True)
        )
        for ids, output in zip(sequences, outputs, strict=True)
    ]


def _forget(worker: Any) -> None:
    """Give back the memory of weights and key-value cache; the next load fills it again."""
    runner = worker.model_runner
    threads.forget([*runner.kv_caches, *runner.get_model().parameters()])


def _pack_tied_head(model: Any) -> None:
    """Pack the output layer's weights for the CPU again if they are tied to the embedding's.

    vLLM 0.31 reloads the embedding, but leaves the output layer's packed copy as it was.
    """
    head = getattr(model, "lm_head", None)
    if head is not None and model.config.tie_word_embeddings:
        head.quant_method.process_weights_after_loading(head)


def _draw_in_threads() -> None:
    """Make vLLM's sampler on a CPU draw the noise of seeded rows on all cores, and only once.

    vLLM 0.31 draws noise for the whole batch, and then draws it again row by row from the seeds.
    This function gives the same tokens in less than half the time. The time saved is about that of
    a small model's forward pass.
    """
    import torch
    from vllm.v1.sample.ops import topk_topp_sampler as theirs

    sampler = theirs.TopKTopPSampler
    original = sampler.forward_cpu
    cores = max(1, torch.get_num_threads())
    # vLLM ties its calling thread to one core; threads that are made there would inherit that.
    everywhere = (0, os.sched_getaffinity(0))
    pool = ThreadPoolExecutor(cores, initializer=os.sched_setaffinity, initargs=everywhere)

    def forward_cpu(self: Any, logits: Any, generators: dict[int, Any], k: Any, p: Any) -> Any:
        plain = self.logprobs_mode == "raw_logprobs" and not self.use_fp64_gumbel
        if not plain or len(generators) < len(logits):
            return original(self, logits, generators, k, p)
        logits = theirs.apply_top_k_top_p(logits, k, p)
        probabilities = logits.softmax(dim=-1, dtype=torch.float32)
        noise = torch.empty_like(probabilities)

        @torch.inference_mode()  # vLLM's own context, which each thread must enter
        def draw(first: int) -> None:
            for row in range(first, len(noise), step):
                noise[row].exponential_(generator=generators[row])

        step = cores if noise.numel() > SMALL else 1
        # A list, not an iterator: every row must be drawn before any is used.
        list(pool.map(draw, range(step))) if step > 1 else draw(0)
        return theirs.sample_with_exponential_noise(probabilities, noise), None

    sampler.forward_cpu = forward_cpu
