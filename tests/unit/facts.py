"""What a claim has that a passage lacks, for tests of whatever reads facts."""

from retrieval.facts import missing_facts, read_facts
from retrieval.terms import words


def missing(claim: str, passage: str) -> list[str]:
    return missing_facts(read_facts(claim), read_facts(passage, generous=True), set(words(passage)))
