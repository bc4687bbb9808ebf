"""Writes a model of Llama 3.1's shape with random weights, some 17 million, and Llama 3.1's own tokenizer.

Run by vLLM's environment: `python build_model.py FOLDER`. The vocabulary comes from the wheel `llama-models`; the chat
template here says in a few lines what Meta's documentation says of the format, for text messages. What the model
writes means nothing, but brackets and sentence ends are made likely in it, so that a constraint has something to hold.
"""

import base64
import importlib.util
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import torch
from tokenizers import AddedToken, Regex, Tokenizer, decoders, pre_tokenizers
from tokenizers.models import BPE
from transformers import LlamaConfig, LlamaForCausalLM

SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
SPECIAL = [
    *("<|begin_of_text|>", "<|end_of_text|>", "<|reserved_special_token_0|>", "<|reserved_special_token_1|>"),
    *("<|finetune_right_pad_id|>", "<|reserved_special_token_2|>", "<|start_header_id|>", "<|end_header_id|>"),
    *("<|eom_id|>", "<|eot_id|>", "<|python_tag|>"),
    *(f"<|reserved_special_token_{number}|>" for number in range(3, 248)),
]
ENDS = [128001, 128008, 128009]
CHAT_TEMPLATE = r"""{{- bos_token }}
{%- if messages[0]['role'] == 'system' %}
    {%- set system = messages[0]['content'] | trim %}
    {%- set messages = messages[1:] %}
{%- else %}
    {%- set system = '' %}
{%- endif %}
{{- '<|start_header_id|>system<|end_header_id|>\n\n' }}
{{- 'Cutting Knowledge Date: December 2023\nToday Date: ' + date_string | default('26 Jul 2024') + '\n\n' }}
{{- system + '<|eot_id|>' }}
{%- for message in messages %}
    {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n' + message['content'] | trim + '<|eot_id|>' }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|start_header_id|>assistant<|end_header_id|>\n\n' }}
{%- endif %}
"""
SEED = 1
# How much likelier than others a token is that holds a bracket or ends a sentence.
LIKELIER = 1.5


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = folder / "tokenizer.model"
    shutil.copyfile(_vocabulary(), vocabulary)
    ranks = _ranks(vocabulary)
    _write_tokenizer(ranks, folder)
    _write_weights(ranks, folder)


def _vocabulary() -> Path:
    spec = importlib.util.find_spec("llama_models")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("llama-models is not installed here: run make test-vllm")
    return Path(spec.submodule_search_locations[0]) / "llama3" / "tokenizer.model"


def _ranks(vocabulary: Path) -> dict[bytes, int]:
    """Each token's bytes and its rank, which is its id, from lines of base64 and rank (tiktoken's form)."""
    pairs = (line.split() for line in vocabulary.read_bytes().splitlines() if line)
    return {base64.b64decode(token): int(rank) for token, rank in pairs}


def _write_tokenizer(ranks: dict[bytes, int], folder: Path) -> None:
    letters = _letters()
    written = {token: "".join(letters[byte] for byte in token) for token in ranks}
    vocab = {written[token]: rank for token, rank in ranks.items()}
    merges = [(written[left], written[right]) for left, right in _merges(ranks)]
    tokenizer = Tokenizer(BPE(vocab, merges, fuse_unk=False, byte_fallback=False, ignore_merges=True))
    split = pre_tokenizers.Split(Regex(SPLIT), behavior="isolated")
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split, byte_level])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in SPECIAL])
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": SPECIAL[0],
        "eos_token": "<|eot_id|>",
        "clean_up_tokenization_spaces": False,
        "model_input_names": ["input_ids", "attention_mask"],
        "model_max_length": 131072,
        "chat_template": CHAT_TEMPLATE,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=1))


def _merges(ranks: dict[bytes, int]) -> list[tuple[bytes, bytes]]:
    """The pairs that byte-pair encoding joins, in its order: each token by the two parts that it is made of."""
    found = []
    for token, rank in ranks.items():
        pairs = ((token[:at], token[at:]) for at in range(1, len(token)))
        known = [(ranks[left], ranks[right], left, right) for left, right in pairs if left in ranks and right in ranks]
        found += [(rank, *pair) for pair in sorted(known)]
    return [(left, right) for _, _, _, left, right in sorted(found)]


def _letters() -> dict[int, str]:
    """Byte-level BPE's letter for each byte: itself where it prints, else one from U+0100 on (GPT-2's table)."""
    printing = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printing]
    return {byte: chr(byte) for byte in printing} | {byte: chr(256 + place) for place, byte in enumerate(others)}


def _write_weights(ranks: dict[bytes, int], folder: Path) -> None:
    torch.manual_seed(SEED)
    shape: dict[str, Any] = {
        "vocab_size": len(ranks) + len(SPECIAL),
        "hidden_size": 64,
        "intermediate_size": 128,
        # Deep, so that an answer takes seconds on any machine: with two layers it is over before anybody looks.
        "num_hidden_layers": 20,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "head_dim": 32,
        "max_position_embeddings": 131072,
        "rms_norm_eps": 1e-5,
        "rope_parameters": {
            "rope_type": "llama3",
            "rope_theta": 500000.0,
            "factor": 8.0,
            "low_freq_factor": 1.0,
            "high_freq_factor": 4.0,
            "original_max_position_embeddings": 8192,
        },
        "tie_word_embeddings": False,
        # Large enough that each token decides the next: a small one repeats the same few for ever.
        "initializer_range": 0.5,
        "bos_token_id": 128000,
        "eos_token_id": ENDS,
    }
    model = LlamaForCausalLM(LlamaConfig(**shape))
    model.bfloat16()
    marked = [rank for token, rank in ranks.items() if b"[" in token or b"]" in token or token.endswith((b".", b".\n"))]
    with torch.no_grad():
        model.lm_head.weight[marked] *= LIKELIER
        # No control token, so that an answer goes on until its length is reached.
        model.lm_head.weight[len(ranks) :] = 0.0
    model.save_pretrained(folder)


if __name__ == "__main__":
    main()
