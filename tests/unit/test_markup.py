"""What of a completion is said, and what is thought."""

from __future__ import annotations

import pytest

from rlvr.markup import spoken

SAID = [
    ("The sum is 7.", "The sum is 7."),
    ("<think>8?</think>7", "7"),
    ("8? no.</think>\n\n7", "\n\n7"),  # the template wrote the opening tag
    ("<think>6</think>8<think>9</think>7", "7"),
    ("<thinking>\n8\n</thinking>7", "7"),
    ("<Reasoning>8</Reasoning> 7", " 7"),
    ("<seed:think>8</seed:think>7", "7"),
    ("<mm:think>8</mm:think>7", "7"),
    ("<longcat_think>8</longcat_think>7", "7"),
    ("<analysis>8</analysis>7", "7"),
    ("[THINK]8[/THINK]7", "7"),
    ("<think>```\n8\n```</think>```\n7\n```", "```\n7\n```"),  # no mark in quotes
    ("◁think▷8◁/think▷7", "7"),
    ("<|begin_of_thought|>8<|end_of_thought|><|begin_of_solution|>7<|end_of_solution|>", "7"),
    ("<|START_THINKING|>8<|END_THINKING|><|START_RESPONSE|>7<|END_RESPONSE|>", "7"),
    ("<|START_THINKING|>8<|END_THINKING|><|START_TEXT|>7<|END_TEXT|>", "7"),
    ("<think>8</think><response>7</response>", "7"),
    ("<|channel>thought\n8<channel|>7<turn|>", "7"),
    ("<unused94>thought\n8<unused95>7", "7"),
    ("<|open|>think<|sep|>8<|close|>think<|sep|><|open|>response<|sep|>7", "7"),
    (
        "<|channel|>analysis<|message|>8<|end|><|start|>assistant"
        "<|channel|>final<|message|>7<|return|>",
        "7",
    ),
    ("<|channel|>final <|constrain|>json<|message|>7<|return|>", "7"),
    ("Here is my thought process: 8. Here is my response: 7", " 7"),
    ("7<|im_end|>\n", "7"),
    ("7<end_of_turn>", "7"),
    ("7</s></s> ", "7"),
    ("<|im_start|>assistant\n7<|im_end|>", "7"),
    ("7<|im_end|>\n<|im_start|>user\nAnd 8?", "7"),
    ("7<end_of_turn>\n<start_of_turn>user\n8", "7"),
    ("7<|endoftext|>Human: 8", "7"),
    # What only looks like a mark.
    ("text.split('</think>')[-1]", "text.split('</think>')[-1]"),
    ("pair = 'a</think>b'", "pair = 'a</think>b'"),
    ("I close the tag `<think>` here: 7", "I close the tag `<think>` here: 7"),
    ('It says "<|end|>" and goes on', 'It says "<|end|>" and goes on'),
    ("It ends at <|end|>\nand goes on", "It ends at <|end|>\nand goes on"),
    ("x < think > y", "x < think > y"),
    ("I don't know.</think>It's 7", "It's 7"),  # an apostrophe is no quote
    ("[THINKING HARD] 7", "[THINKING HARD] 7"),
]
NEVER_ENDS = [
    "<think>7",
    "Okay.\n<think>7",
    "<think>8</think>9<think>7",
    "<analysis>so it is 7",
    "<thought>7</think",
    "[THINK]7",
    "<|begin_of_thought|>7",
    "<|START_THINKING|>7",
    "<|channel>thought\n7",
    "<|channel|>analysis<|message|>7",
    "<|channel|>analysis<|message|>7<|end|>",  # closed, and no final channel
    "<|channel|>final<|message|>8<|end|><|channel|>analysis<|message|>7",
    "Here's my thought process: 7",
]


@pytest.mark.parametrize(("completion", "said"), SAID)
def test_what_follows_the_last_thought_is_said(completion: str, said: str) -> None:
    assert spoken(completion) == said


@pytest.mark.parametrize("completion", NEVER_ENDS)
def test_a_thought_that_never_ends_is_followed_by_nothing(completion: str) -> None:
    assert spoken(completion) is None


def test_a_thought_that_says_nothing_after_it_leaves_nothing() -> None:
    assert spoken("<think>7</think>") == ""
    assert spoken("7</think>") == ""
