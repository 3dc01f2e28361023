"""Loading: finds a model's weights, turns text into tokens, and checks special tokens.

The name of a model is a ladder name (a tiny Llama that is made here, with one initialisation for
each seed), the name of a packaged model (`rlvr.models.packaged`), a folder, or a hub id. After
`materialise` a model is always a folder that both transformers and vLLM load.
"""

from __future__ import annotations

import hashlib
import math
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import filterfalse, takewhile
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from rlvr.data import InputError, Problem, RunError, nearest
from rlvr.models import packaged
from rlvr.models.quiet import quiet
from rlvr.sections import Section, one_line


@dataclass(frozen=True, slots=True)
class TinyLlama:
    """The shape of a ladder model.

    Heads are 32 wide; the feed-forward layer is 8/3 as wide as the hidden size.
    """

    hidden: int
    layers: int
    positions: int = 512


LADDER: dict[str, TinyLlama] = {
    "tiny-0.1m": TinyLlama(hidden=64, layers=2),
    "tiny-0.4m": TinyLlama(hidden=128, layers=2),
    "tiny-1.6m": TinyLlama(hidden=256, layers=2),
    "tiny-6m": TinyLlama(hidden=384, layers=4),
}


def character_tokenizer() -> Any:
    """Return an ordinary fast HF tokenizer with one token for each byte (or ASCII character).

    It is lossless on any text. Ids: 0 `<pad>`, 1 `<eos>`, then the 256 bytes. It adds no token by
    itself.
    """
    from tokenizers import Tokenizer, decoders, pre_tokenizers
    from tokenizers.models import BPE
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocab = {token: i for i, token in enumerate(["<pad>", "<eos>", *alphabet])}
    inner = Tokenizer(BPE(vocab=vocab, merges=[]))
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    inner.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(
        tokenizer_object=inner,
        eos_token="<eos>",
        pad_token="<pad>",
        model_max_length=512,
        clean_up_tokenization_spaces=False,
    )


def make_tiny(name: str, seed: int, folder: Path) -> None:
    """Write the ladder model `name`, initialised from `seed`, and its tokenizer into `folder`."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    shape = LADDER[name]
    tokenizer = character_tokenizer()
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=shape.hidden,
        intermediate_size=-(-shape.hidden * 8 // 3 // 32) * 32,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.hidden // 32,
        num_key_value_heads=shape.hidden // 32,
        max_position_embeddings=shape.positions,
        tie_word_embeddings=False,
        # The default, 0.02, is meant for wide models: a narrow one would begin to learn later.
        initializer_range=0.05,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = LlamaForCausalLM(config)
    with quiet():
        model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def check_model_name(name: str, where: str) -> None:
    """Raise InputError unless `name` is a known name, a model folder or has a hub id's form."""
    if name in LADDER or name in packaged.TABLE:
        return
    folder = Path(name).expanduser()
    if folder.is_dir():
        if not (folder / "config.json").is_file():
            raise InputError(
                f"{where}: model: {name} is a folder without config.json: give a model folder"
            )
        return
    looks_like_path = name.startswith((".", "/", "~")) or name.count("/") != 1
    if looks_like_path:
        known = [*LADDER, *packaged.TABLE]
        raise InputError(
            f"{where}: model: no such model name or folder: {name!r}{nearest(name, known)} "
            f"(known: {', '.join(known)}; or a folder; or a hub id such as org/model)"
        )


def materialise(name: str, seed: int, folder: Path, where: str) -> None:
    """Write the model `name` into `folder`, in the form that transformers and vLLM load.

    Ladder models are initialised from `seed`; the others are copied. Raises InputError when the
    model can't be fetched.
    """
    if name in LADDER:
        make_tiny(name, seed, folder)
        return
    folder.mkdir(parents=True, exist_ok=True)
    for file in sorted(source(name, where).iterdir()):
        if file.is_file():
            shutil.copy2(file, folder / file.name)


def source(name: str, where: str) -> Path:
    """Return the folder of a model that is not a ladder model; fetch it first if necessary.

    Raises InputError when it can't be fetched.
    """
    if name in packaged.TABLE:
        try:
            return packaged.folder(name, cache_folder())
        except InputError as failure:
            raise InputError(f"{where}: {failure}") from failure
    path = Path(name).expanduser()
    return path if path.is_dir() else _download(name, where)


def _download(name: str, where: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled

    patterns = ["*.json", "*.safetensors", "*.model", "*.txt", "*.jinja"]
    try:
        return Path(snapshot_download(name, allow_patterns=patterns))
    except (HfHubHTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled, OSError) as failure:
        raise InputError(
            f"{where}: model: can't fetch {name!r} from the hub ({type(failure).__name__}): "
            f"check the id and the network, or give a local folder"
        ) from failure


def load_tokenizer(folder: Path) -> Any:
    """Load the tokenizer of a model folder and check its special tokens.

    Raises InputError when there is no EOS: a model that is trained without one never stops.
    """
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    if tokenizer.eos_token_id is None:
        raise InputError(
            f"{folder}: the tokenizer has no EOS token: set eos_token in tokenizer_config.json"
        )
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def load_model(folder: Path) -> Any:
    """Load a model folder's weights as float32, the precision of the copy that training updates.

    Raises RunError for weights that can't be read.
    """
    import torch
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM

    try:
        with quiet():
            return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    except SafetensorError as failure:
        raise RunError(
            f"{folder}: its weights are damaged ({failure}): put them back, or start again with "
            "another --out"
        ) from failure


# What rlvr itself says to `apply_chat_template`: the other names are variables of a template.
TEMPLATE_ARGUMENTS = frozenset(
    {"conversation", "chat_template", "add_generation_prompt", "continue_final_message"}
    | {"tokenize", "padding", "truncation", "max_length", "return_tensors", "return_dict"}
    | {"return_assistant_tokens_mask", "tokenizer_kwargs"}
)


class PromptConfig(Section):
    """How a problem becomes a prompt.

    `format`: a prompt that is text goes to the model as it is (plain), or as the user's turn in the
    model's chat template (chat). A prompt that is messages goes into the template of a model that
    has one, whichever it is. For other models it is the messages' texts with an empty line between
    them. `system`: the system prompt in the template, for problems that have none of their own.
    `few_shot`: worked examples before each prompt. `chat_template_kwargs`: what the template gets
    besides, such as `{enable_thinking: false}`.
    """

    format: Literal["plain", "chat"] = "plain"
    few_shot: Annotated[int, Field(ge=0)] = 0
    system: str | None = None
    chat_template_kwargs: dict[str, Any] = {}

    @field_validator("chat_template_kwargs")
    @classmethod
    def _for_the_template(cls, value: dict[str, Any]) -> dict[str, Any]:
        for name in value:
            if name in TEMPLATE_ARGUMENTS:
                raise ValueError(
                    f"{name!r} is no variable of a template, rlvr sets it: leave it out"
                )
        return value


@dataclass(frozen=True, slots=True)
class Prompting:
    """How a problem becomes a prompt: plain or with the chat template, after worked examples.

    `template`: what the chat template gets besides the messages.
    """

    format: str = "plain"
    system: str | None = None
    shots: tuple[Problem, ...] = ()
    template: Mapping[str, Any] = field(default_factory=dict)


def encode_prompts(
    tokenizer: Any, problems: Sequence[Problem], prompting: Prompting
) -> list[tuple[int, ...]]:
    """Return the prompt token ids of each problem, with special tokens once.

    Raises InputError where a chat template is asked for and the model has none, where it refuses a
    problem's messages, or where it ends a turn with another token than the EOS.
    """
    if not tokenizer.chat_template:
        if prompting.format == "chat":
            raise InputError("prompt.format: the model has no chat template: set it to plain")
        if prompting.template:
            raise InputError(
                "prompt.chat_template_kwargs: the model has no chat template: leave it out"
            )
    texts: dict[bool, dict[int, str]] = {True: {}, False: {}}  # in the template or not, by place
    shots = "".join(f"{shot.prompt}{shot.solution}\n" for shot in prompting.shots)
    for place, problem in enumerate(problems):
        chat = prompting.format == "chat" or bool(problem.messages and tokenizer.chat_template)
        texts[chat][place] = (
            _in_template(tokenizer, problem, prompting) if chat else shots + problem.prompt
        )
    if texts[True]:
        _check_turns(tokenizer)
    encoded: dict[int, tuple[int, ...]] = {}
    for chat, of_kind in texts.items():
        if of_kind:  # a template writes the special tokens itself
            found = tokenizer(list(of_kind.values()), add_special_tokens=not chat)["input_ids"]
            encoded |= dict(zip(of_kind, map(tuple, found), strict=True))
    return [encoded[place] for place in range(len(problems))]


def _check_turns(tokenizer: Any) -> None:
    """Raise InputError if a turn ends with another token than the EOS, which solutions end with.

    A model that is trained so would never stop. Base models may have such a template, and a plain
    prompt does not use it.
    """
    turns = [{"role": "user", "content": "1"}, {"role": "assistant", "content": "2"}]
    tail = tokenizer.apply_chat_template(turns, tokenize=False).rpartition("2")[2]
    if tokenizer.eos_token not in tail:
        raise InputError(
            f"{tokenizer.name_or_path}: the chat template ends a turn with {tail.strip()!r} but "
            f"the EOS token is {tokenizer.eos_token!r}: set eos_token in tokenizer_config.json to "
            "the template's, or prompt.format to plain"
        )


def _in_template(tokenizer: Any, problem: Problem, prompting: Prompting) -> str:
    from jinja2 import TemplateError

    try:
        text: str = tokenizer.apply_chat_template(
            _turns(problem, prompting),
            tokenize=False,
            add_generation_prompt=True,
            **prompting.template,
        )
    except TemplateError as failure:
        raise InputError(
            f"task: the model's chat template refuses the messages of {problem.id!r} "
            f"({one_line(failure)}): leave out such roles, or choose another model"
        ) from failure
    return text


def _turns(problem: Problem, prompting: Prompting) -> list[dict[str, str]]:
    """Return the system prompt, the worked examples, and what the problem says."""
    asked = problem.messages or (("user", problem.prompt),)
    systems = tuple(takewhile(_is_system, asked))
    turns = list(systems)
    if not systems and prompting.system:
        turns = [("system", prompting.system)]
    for shot in prompting.shots:
        turns += filterfalse(_is_system, shot.messages or (("user", shot.prompt),))
        turns.append(("assistant", str(shot.solution)))
    turns += asked[len(systems) :]
    return [{"role": role, "content": content} for role, content in turns]


def _is_system(message: tuple[str, str]) -> bool:
    return message[0] == "system"


def encode_solutions(tokenizer: Any, problems: Sequence[Problem]) -> list[tuple[int, ...]]:
    """Return the token ids of each real solution, with the EOS at the end.

    Raises ValueError for a problem without a solution.
    """
    if any(problem.solution is None for problem in problems):
        raise ValueError("a problem without a real solution can't be encoded as one")
    if not problems:
        return []
    texts = [str(problem.solution) for problem in problems]
    encoded = tokenizer(texts, add_special_tokens=False)
    return [(*ids, tokenizer.eos_token_id) for ids in encoded["input_ids"]]


def fingerprint(folder: Path) -> str:
    """Return a sha256 of the names and bytes of a model folder's files."""
    digest = hashlib.sha256()
    for file in sorted(file for file in folder.iterdir() if file.is_file()):
        with file.open("rb") as opened:
            found = hashlib.file_digest(opened, "sha256").digest()
        digest.update(file.name.encode() + b"\0" + found)
    return digest.hexdigest()


def version(name: str, where: str) -> str:
    """Return what tells one model of this name from another; "" for a model that rlvr has itself.

    Of a hub model that is the commit, of a folder the fingerprint. Raises InputError when the model
    can't be fetched.
    """
    if name in LADDER or name in packaged.TABLE:
        return ""
    folder = source(name, where)
    return folder.name if folder.parent.name == "snapshots" else fingerprint(folder)


def weight_bytes(name: str) -> int:
    """Return the bytes of a model's weights as float32; 0 if only a download would tell."""
    if name in packaged.TABLE:
        return packaged.TABLE[name].bytes
    if name in LADDER:
        shape = LADDER[name]
        return 4 * (258 * 2 * shape.hidden + shape.layers * 12 * shape.hidden**2)
    return 4 * sum(map(_parameters, Path(name).expanduser().glob("*.safetensors")))


def _parameters(file: Path) -> int:
    """Return how many numbers a file of weights holds, whatever their precision."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, framework="pt") as tensors:
            return sum(math.prod(tensors.get_slice(key).get_shape()) for key in tensors.keys())  # noqa: SIM118
    except (SafetensorError, OSError) as failure:
        raise InputError(f"{file}: these weights can't be read: {failure}") from failure


def cache_folder() -> Path:
    """Return rlvr's cache folder: $RLVR_CACHE, else $XDG_CACHE_HOME/rlvr, else ~/.cache/rlvr."""
    if "RLVR_CACHE" in os.environ:
        return Path(os.environ["RLVR_CACHE"])
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "rlvr"
