"""Figures in Markdown files: what a run measured stands between two marks, with the machine that it ran on."""

import os
import platform
import re
from collections.abc import Sequence
from pathlib import Path

CPU = Path("/proc/cpuinfo")
# What a processor may compute bf16 with, the fastest first, by its flags.
BF16 = {"amx_bf16": "bf16 by AMX", "avx512_bf16": "bf16 by AVX-512"}


def write(path: Path, *, command: str, parts: Sequence[str]) -> None:
    """Put the parts, below a line about this machine, between the marks of `command` in the file, or make it."""
    begin, end = f"<!-- figures: written by {command} -->", "<!-- end of figures -->"
    text = path.read_text(encoding="utf-8") if path.exists() else f"# Figures\n\n{begin}\n{end}\n"
    figures = "\n\n".join([begin, f"Machine: {machine()}.", *parts, end])
    written, found = re.subn(f"{re.escape(begin)}.*?{re.escape(end)}", lambda _: figures, text, flags=re.DOTALL)
    if not found:
        raise ValueError(f"{path} has no place for the figures of {command}.")
    path.write_text(written, encoding="utf-8")


def machine() -> str:
    """The processor, what it computes bf16 with, and what runs on it."""
    said = CPU.read_text(encoding="utf-8") if CPU.exists() else ""
    model = re.search(r"^model name\s*:\s*(.+)$", said, re.MULTILINE)
    name = f"{model.group(1)}, {platform.machine()}" if model else platform.machine()
    bf16 = next((name for flag, name in BF16.items() if re.search(rf"\b{flag}\b", said)), "no bf16")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} processors ({name}, {bf16}), {memory:.0f} GiB, Python {platform.python_version()}"
