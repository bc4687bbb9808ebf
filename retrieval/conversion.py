"""Converts a sentence-transformers model to OpenVINO, once: `python -m retrieval.conversion MODEL FOLDER`.

Knows nothing of how the result is run. A program of its own, so that PyTorch's memory goes with it. Pooling and
normalisation are part of the converted graph, and the result is compared with the original before it is kept.
"""

import json
import shutil
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import openvino
import torch
from sentence_transformers import SentenceTransformer

from retrieval.prefixes import from_prompts

PROBES = ["A short sentence.", "Employees may claim up to 45 euros a day for meals while they travel. " * 8]
MIN_COSINE = 0.999


class _Pooled(torch.nn.Module):
    """Token ids and mask in, normalised sentence vectors out."""

    def __init__(self, model: SentenceTransformer) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        features = {"input_ids": input_ids, "attention_mask": attention_mask}
        if "token_type_ids" in self.model.tokenizer.model_input_names:
            features["token_type_ids"] = torch.zeros_like(input_ids)
        out: torch.Tensor = self.model(features)["sentence_embedding"]
        return torch.nn.functional.normalize(out, p=2, dim=1)


def convert(name: str, folder: Path) -> None:
    """Write model.xml, tokenizer.json and footnote.json to `folder`, all or nothing.

    Raises RuntimeError where the converted model's vectors differ from the original's.
    """
    model = SentenceTransformer(name, device="cpu").eval()
    pooled = _Pooled(model).eval()
    batch: dict[str, Any] = model.tokenizer(PROBES, padding=True, truncation=True, return_tensors="pt")
    example = (batch["input_ids"], batch["attention_mask"])
    with torch.no_grad():
        graph = openvino.convert_model(pooled, example_input=example)
        expected = pooled(*example).numpy()
    got = openvino.Core().compile_model(graph, "CPU")([tensor.numpy() for tensor in example])[0]
    cosine = float(np.min(np.sum(expected * got, axis=1)))
    if not cosine >= MIN_COSINE:
        raise RuntimeError(f"the converted model differs from the original: cosine {cosine:.5f}")
    folder.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".converting-"))
    openvino.save_model(graph, scratch / "model.xml", compress_to_fp16=False)
    model.tokenizer.backend_tokenizer.save(str(scratch / "tokenizer.json"))
    shape = {
        "dimension": expected.shape[1],
        "max_tokens": int(model.max_seq_length or 512),
        "prefixes": asdict(from_prompts(model.prompts, model.default_prompt_name)),
    }
    (scratch / "footnote.json").write_text(json.dumps(shape))
    try:
        scratch.rename(folder)
    except OSError:
        shutil.rmtree(scratch)
        if not (folder / "footnote.json").exists():  # not another process that was first: a real fault
            raise


if __name__ == "__main__":
    convert(sys.argv[1], Path(sys.argv[2]))
