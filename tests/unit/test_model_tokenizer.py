"""Counting tokens by words: the same as the tokenizer counts, and only where that adds up."""

import json
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer, ByteLevel

from retrieval.model_tokenizer import adds_up, by_words, token_counter


def bert() -> Tokenizer:
    letters = ["[UNK]", "[SEP]", "a", "b", "ab", "##a", "##b", "##bb", ".", "##e", "e", "漢", "[", "]"]
    tokenizer = Tokenizer(WordPiece({letter: number for number, letter in enumerate(letters)}, unk_token="[UNK]"))
    tokenizer.normalizer = BertNormalizer()
    tokenizer.pre_tokenizer = BertPreTokenizer()
    tokenizer.add_special_tokens(["[SEP]"])
    return tokenizer


# With what Python takes for white space and BERT does not, and with what joins the letters beside it.
ODD = st.sampled_from([*"abAé漢. \n\r\t\f\v\x1c\x85\xa0\u2028\u3000\u200b\u0301", "[SEP]", "ab" * 30])


@given(st.lists(ODD, max_size=30).map("".join))
def test_a_text_has_as_many_tokens_as_its_words(text: str) -> None:
    tokenizer = bert()

    def count(piece: str) -> int:
        return len(tokenizer.encode(piece, add_special_tokens=False).ids)

    assert adds_up(json.loads(tokenizer.to_str()))
    assert by_words(count)(text) == count(text)


def test_a_tokenizer_that_looks_at_white_space_is_always_asked(tmp_path: Path) -> None:
    tokenizer = bert()
    tokenizer.pre_tokenizer = ByteLevel(add_prefix_space=False)
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    assert token_counter(tmp_path)("a  b") == len(tokenizer.encode("a  b").ids) != 2


def test_a_mark_with_a_space_in_it_adds_up_to_less_than_its_words() -> None:
    tokenizer = bert()
    tokenizer.add_special_tokens(["a b"])
    assert not adds_up(json.loads(tokenizer.to_str()))


def test_a_word_is_tokenized_once() -> None:
    asked: list[str] = []

    def count(piece: str) -> int:
        asked.append(piece)
        return 1

    counted = by_words(count)
    assert [counted("a b a"), counted("b\na c"), counted(""), counted("c " + "x" * 41)] == [3, 3, 0, 1]
    assert asked == ["a", "b", "c", "c " + "x" * 41]
