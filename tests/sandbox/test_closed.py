"""Descriptors that the shell has closed, under a command that starts a verifier or the sandbox."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.command import shell

PROGRAM = {
    "completion": "def f():\n    return 3\n",
    "entry_point": "f",
    "tests": [{"expected": 3}],
}


@pytest.mark.parametrize(
    ("command", "code", "words"),
    [
        ("score - --verifier exact <&-", 2, "standard input is closed"),
        ("score in.jsonl --verifier exact >&-", 2, "standard output is closed"),
        ("score in.jsonl --verifier exact 2>&-", 0, '"correct"'),
        ("score in.jsonl --verifier exact <&- 2>&-", 0, '"correct"'),
        ("score in.jsonl --verifier exact <&- -o out.jsonl", 0, "1 verdict in"),
        ("score programs.jsonl --verifier code <&- 2>&-", 0, '"correct"'),
        ("check exact <&- 2>&-", 0, "ok"),
        ("score in.jsonl --verifier exact >/dev/full", 1, "No space left"),
    ],
)
def test_closed_descriptors(tmp_path: Path, command: str, code: int, words: str) -> None:
    (tmp_path / "in.jsonl").write_text('{"completion": "1", "answer": "1"}\n')
    (tmp_path / "programs.jsonl").write_text(json.dumps(PROGRAM) + "\n")
    found, lines = shell(command, tmp_path)
    assert found == code and any(words in line for line in lines), lines
