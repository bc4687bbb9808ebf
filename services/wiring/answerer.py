"""The answerer, with or without a language model. Knows nothing of HTTP."""

from functools import partial

from retrieval.answering import Answerer
from retrieval.breaker import RetryBudget
from retrieval.entailment import EntailmentModel, load_entailment
from retrieval.errors import InvalidInputError
from retrieval.evidence import Strictness
from retrieval.llm import ChatModel, Timeouts
from retrieval.replicas import HEDGE_SECONDS, Model, Replicas
from retrieval.retriever import Retriever
from retrieval.token_counting import EstimatedTokens, LateTokens, TokenCounter, load_chat_tokenizer
from services.settings import Settings
from services.wiring.core import revealed


def answerer(settings: Settings, retriever: Retriever) -> Answerer:
    """Answers are extractive where the settings name no model."""
    model = chat_model(settings)
    return Answerer(
        retriever,
        model=model,
        strictness=Strictness(settings.refusal),
        show_unsupported=settings.show_unsupported,
        entailment=entailment_model(settings) if model else None,
        tokens=_tokens(settings),
    )


def chat_model(settings: Settings) -> Model | None:
    """The model that the settings name, at one server or several; None: they name none."""
    addresses = [address for address in map(str.strip, settings.llm_url.split(",")) if address]
    # Of several replicas it is another one that is asked again, which `Replicas` counts.
    retries = None if len(addresses) == 1 else RetryBudget.none
    timeouts = Timeouts(
        first_token=settings.llm_first_token_seconds,
        between_tokens=settings.llm_token_seconds,
        total=settings.llm_answer_seconds,
    )
    servers = [
        ChatModel(
            base_url=address,
            model=settings.llm_model,
            api_key=revealed(settings.llm_api_key),
            context_tokens=settings.llm_context_tokens or None,
            timeouts=timeouts,
            retries=retries() if retries else None,
        )
        for address in addresses
    ]
    if len(servers) > 1:
        # A model that is given long to think would be asked twice for every answer.
        hedge = max(HEDGE_SECONDS, timeouts.first_token / 4)
        return Replicas(servers, hedge_seconds=hedge, first_seconds=timeouts.before_text)
    return servers[0] if servers else None


def _tokens(settings: Settings) -> TokenCounter:
    """Needed with a model only: its tokenizer takes a second and 100 MB to load."""
    if not (settings.llm_url and settings.llm_tokenizer):
        return EstimatedTokens()
    return LateTokens(partial(load_chat_tokenizer, settings.llm_tokenizer))


def entailment_model(settings: Settings) -> EntailmentModel | None:
    """The one that the support check asks, if any. Raises InvalidInputError for one that cannot be loaded."""
    if not settings.support_model:
        return None
    try:
        return load_entailment(settings.support_model)
    except InvalidInputError as error:
        raise InvalidInputError(f"FOOTNOTE_SUPPORT_MODEL: {error.message}", code=error.code) from error
