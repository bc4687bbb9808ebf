"""The answerer, with or without a language model. Knows nothing of HTTP."""

from retrieval.answering import Answerer
from retrieval.evidence import Strictness
from retrieval.llm import ChatModel
from retrieval.retriever import Retriever
from services.settings import Settings
from services.wiring.core import revealed


def answerer(settings: Settings, retriever: Retriever) -> Answerer:
    """Answers are extractive where the settings name no model."""
    model = None
    if settings.llm_url:
        key = revealed(settings.llm_api_key)
        model = ChatModel(base_url=settings.llm_url, model=settings.llm_model, api_key=key)
    return Answerer(
        retriever,
        model=model,
        strictness=Strictness(settings.refusal),
        show_unsupported=settings.show_unsupported,
    )
