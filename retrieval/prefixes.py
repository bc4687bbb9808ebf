"""What a model wants before a query and before a passage: "query: " and "passage: " for the E5 family, for instance.

Knows nothing of how a text is embedded, or of what an index was made with. A sentence-transformers model says it in a
file of its own; of others only their makers' page does, and the operator has to.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

CONFIG = "config_sentence_transformers.json"
# As the library's `encode_query` and `encode_document` look for them.
_QUERY = ("query",)
_DOCUMENT = ("document", "passage", "corpus")


@dataclass(frozen=True, slots=True)
class Prefixes:
    """What goes before a query, and before a passage; "" for nothing. A blank between them and the text is theirs."""

    query: str = ""
    document: str = ""

    def or_else(self, other: "Prefixes") -> "Prefixes":
        """These, and the other's on a side where there is none."""
        return Prefixes(self.query or other.query, self.document or other.document)

    def __str__(self) -> str:
        sides = (("queries", self.query), ("passages", self.document))
        return ", ".join(f"{text!r} before {side}" for side, text in sides if text)


NO_PREFIXES = Prefixes()


def from_prompts(prompts: Mapping[str, str | None], default: str | None) -> Prefixes:
    """What a sentence-transformers model's prompts come to, and the name of its default one.

    The default is for models that name neither side. An empty prompt counts as none: the library adds empty ones of its
    own, and then finds no "passage" behind its empty "document".
    """
    query, document = (next(filter(None, map(prompts.get, names)), "") for names in (_QUERY, _DOCUMENT))
    usual = prompts.get(default or "") or ""
    return Prefixes(query, document) if query or document else Prefixes(usual, usual)


def prefixes_of(model: str, kept: Mapping[str, str] | None) -> Prefixes | None:
    """What `model` says, a folder or a name on the hub. `kept`: what was kept of it when it was converted.

    A folder is read each time: it may say otherwise today. None where nothing is known: nothing is downloaded. Raises
    ValueError for a file that is not JSON.
    """
    if Path(model).is_dir():
        return _read(Path(model) / CONFIG)
    if kept is not None:
        return Prefixes(**kept)
    if Path(model).is_absolute():
        return None
    from huggingface_hub import try_to_load_from_cache  # noqa: PLC0415 - only for what an older release converted

    file = try_to_load_from_cache(model, CONFIG)
    return _read(Path(file)) if isinstance(file, str) else None


def _read(file: Path) -> Prefixes:
    if not file.is_file():
        return NO_PREFIXES
    said = json.loads(file.read_text(encoding="utf-8"))
    return from_prompts(said.get("prompts") or {}, said.get("default_prompt_name"))
