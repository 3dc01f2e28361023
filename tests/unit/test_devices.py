"""GPUs: what a trainer and a replica take; the GPUs are fakes, for there are none here."""

from __future__ import annotations

from typing import Any

import pytest
from transformers import TrainingArguments

from rlvr.engine import vllm
from rlvr.engine.devices import one_gpu


def test_a_trainer_takes_one_gpu_of_those_that_torch_sees(tmp_path: Any) -> None:
    """TRL refuses a trainer that has several in one process."""
    arguments = TrainingArguments(output_dir=str(tmp_path), use_cpu=True)
    assert one_gpu(arguments).n_gpu == 0
    arguments._n_gpu = 2  # what transformers sets where torch sees two
    assert arguments.n_gpu == 2 and one_gpu(arguments).n_gpu == 1


def test_each_replica_gets_the_gpus_of_all_its_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vllm, "on_gpu", lambda: True)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    parts = {"tensor_parallel_size": 2, "pipeline_parallel_size": 2}
    found = [
        vllm.child_environment(parts, replica, 2)["CUDA_VISIBLE_DEVICES"] for replica in (0, 1)
    ]
    assert found == ["0,1,2,3", "4,5,6,7"]
