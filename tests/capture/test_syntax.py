"""Accuracy of heads at syntax against the plain formula over the model's own eager attention, by any cutting into blocks, and in windows."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_folders import byte_level

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parent.parent / "syntax"))
from annotated import syntax
from elsewhere import elsewhere, moved
from hand_parsed import HandPipeline, to_the_verb
from test_coreference import MODELS, made_up_pairs
from tiny import FLOAT32, arrays_of, made_up_layout, reference_of, tiny_gpt2

from reportgen.capture import MeasureOptions, annotations, measure
from reportgen.capture.layout import TextLayout, layout_of
from reportgen.documents import document_from_text
from reportgen.measurements import Measurements
from reportgen.sentences import split_sentences
from reportgen.syntax import Parser, SyntaxWords, place_words
from reportgen.windows import tokenise_windows

RELATIONS = ("det", "nsubj", "dobj", "pobj", "never")


def made_up_words(layout: TextLayout, seed: int = 0) -> SyntaxWords:
    """Words of one to three tokens in the sentences, some tokens of none, heads anywhere in the sentence; no word is in the last relation."""
    random = np.random.default_rng(seed)
    free = np.flatnonzero((layout.sentence_of_token >= 0) & ~np.isin(np.arange(layout.tokens), layout.sinks) & (random.random(layout.tokens) < 0.9))
    members = layout.sentence_of_token[free]
    begins = (random.random(len(free)) < 0.6) | (np.diff(members, prepend=-1) != 0)
    word_of_token = np.cumsum(begins) - 1
    sentence = members[begins]
    head = np.array([random.choice(np.flatnonzero(sentence == one)) for one in sentence])
    head[head == np.arange(len(head))] = -1
    relation = np.where(random.random(len(head)) < 0.2, -1, random.integers(0, len(RELATIONS) - 1, len(head)))
    return SyntaxWords(tokens=free, word_of_token=word_of_token, sentence=sentence, head=head, relation=relation, relations=RELATIONS)


def with_words(tokens: int = 131, sentences: int = 11, seed: int = 0) -> TextLayout:
    layout = made_up_layout(tokens=tokens, sentences=sentences, seed=seed)
    return layout.changed(syntax=made_up_words(layout, seed))


def assert_equal(arrays: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    assert {name for name in arrays if "syntax" in name} == {*expected, "syntax_example"}
    for name, values in expected.items():
        np.testing.assert_allclose(arrays[name], values, rtol=FLOAT32, atol=FLOAT32, err_msg=name)


@pytest.mark.parametrize("name", MODELS)
def test_every_array_equals_the_formula_on_eager_attention(name: str) -> None:
    model, layout = MODELS[name](), with_words()
    arrays, reference = arrays_of(model, layout), reference_of(model, layout)
    assert_equal(arrays, syntax(reference, layout.syntax))
    assert np.isnan(arrays["syntax_accuracy"][..., -1]).all()
    assert 0 < np.nanmax(arrays["syntax_accuracy"]) <= 1


@pytest.mark.parametrize("name", MODELS)
def test_an_example_is_a_word_that_looks_at_its_head_most(name: str) -> None:
    model, layout = MODELS[name](), with_words()
    arrays, p, text = arrays_of(model, layout), reference_of(model, layout).p, layout.syntax
    words = [text.tokens[text.word_of_token == word] for word in range(len(text.head))]
    number = {int(tokens[0]): word for word, tokens in enumerate(words)}
    for layer, head, relation in np.ndindex(arrays["syntax_accuracy"].shape):
        query, key = arrays["syntax_example"][layer, head, relation].tolist()
        right = np.nan_to_num(arrays["syntax_accuracy"][layer, head, relation])
        assert (query < 0) == (right == 0)
        if query >= 0:
            word = number[query]
            assert text.relation[word] == relation
            assert text.head[word] == number[key]
            others = [other for other in range(len(words)) if text.sentence[other] == text.sentence[word] and other != word]
            assert max(others, key=lambda other: p[layer, head][np.ix_(words[word], words[other])].sum(1).mean()) == number[key]


def test_a_model_elsewhere_has_the_numbers_that_it_has_on_the_cpu() -> None:
    layout = with_words()
    layout = layout.changed(mentions=made_up_pairs(layout))
    expected = arrays_of(tiny_gpt2(), layout)
    with elsewhere():
        found = arrays_of(moved(tiny_gpt2()), layout)
    for name in (name for name in expected if "syntax" in name or "coreference" in name):
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-3, atol=1e-5, err_msg=name)


def test_sentences_that_do_not_count_are_left_out() -> None:
    layout = with_words()
    layout = layout.changed(counted=layout.sentence_of_token >= 4)
    model = tiny_gpt2()
    assert_equal(arrays_of(model, layout), syntax(reference_of(model, layout), layout.syntax))


@given(rows=st.integers(1, 60), of_a_piece=st.integers(1, 60), cells=st.sampled_from([1, 300, 1 << 20]), seed=st.integers(0, 3))
@settings(max_examples=7, deadline=None)
def test_any_cutting_into_blocks_gives_the_same_numbers(rows: int, of_a_piece: int, cells: int, seed: int) -> None:
    from reportgen.capture import taking
    from reportgen.capture.reducers import syntax as reducer

    model, layout = tiny_gpt2(), with_words(tokens=61, sentences=5, seed=seed)
    whole = arrays_of(model, layout, rows_at_most=layout.tokens)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reducer, "CELLS_AT_ONCE", cells)
        patch.setattr(taking, "ROWS_OF_A_PIECE", of_a_piece)
        cut = arrays_of(model, layout, rows_at_most=rows)
    for name in (name for name in whole if "syntax" in name):
        np.testing.assert_allclose(cut[name], whole[name], rtol=1e-5, err_msg=name)


def test_the_previous_word_by_hand() -> None:
    """Attention that falls off with distance: the word before is looked at most, so a relation whose head is there is always right, and offset -1 as good."""
    layout = made_up_layout(tokens=13, sentences=2).changed(sentence_of_token=np.repeat([0, 1], [5, 8]).astype(np.int32), sinks=np.array([0]))
    words = SyntaxWords(
        tokens=np.array([1, 2, 3, 4, 6, 7, 8, 9, 10, 11]),
        word_of_token=np.array([0, 1, 2, 3, 4, 4, 5, 6, 7, 7]),
        sentence=np.array([0, 0, 0, 0, 1, 1, 1, 1]),
        head=np.array([-1, 0, 1, 1, 5, -1, 5, 6]),
        relation=np.array([-1, 0, 0, 1, 1, -1, 0, 0]),
        relations=("near", "far"),
    )
    model = tiny_gpt2()
    found = arrays_of(model, layout.changed(syntax=words))
    assert found["syntax_pairs"].tolist() == [4, 1]
    assert found["syntax_reverse_pairs"].tolist() == [0, 1]
    assert found["syntax_baseline"].tolist() == [1, 1]
    assert found["syntax_offsets"][:, 8:10].tolist() == [[0, 1], [1, 0]]
    assert found["syntax_reverse_offsets"][1, 10] == 1


TEXT = " ".join(f"The ship number {index} left the harbour{' and his waters' * (index % 3)}." for index in range(1, 14))


@pytest.fixture
def parser(monkeypatch: pytest.MonkeyPatch) -> Parser:
    found = Parser(pipeline=HandPipeline(rule=to_the_verb), name="by hand")
    monkeypatch.setattr(annotations, "load_parser", lambda name: found)
    monkeypatch.setattr(Parser, "versions", {"pipeline": "by hand"})
    return found


def measured(positions: int, text: str = TEXT) -> Measurements:
    model = tiny_gpt2(vocab_size=len(byte_level()), n_positions=positions)
    return measure(document_from_text(text), model, byte_level(), options=MeasureOptions(attribution="none", probes=False, syntax="by hand"))


def test_metadata_name_the_relations_and_the_parser(parser: Parser) -> None:
    found = measured(700)
    assert found.metadata["syntax"] == {
        "pipeline": "by hand",
        "relations": ["det", "dobj", "nsubj"],
        "offsets": [*range(-10, 0), *range(1, 11)],
        "left_out": [],
    }
    assert found["*.syntax_accuracy"].shape == (3, 7, 3)
    assert "--syntax" not in " ".join(found.notices)


def test_windows_are_merged_by_the_words_that_count_in_each(parser: Parser) -> None:
    found, document = measured(120), document_from_text(TEXT)
    sentences = split_sentences(document)
    windows = tokenise_windows(document, sentences, byte_level(), 120)
    assert len(windows.windows) > 2
    words, model = parser.parse(document, sentences), tiny_gpt2(vocab_size=len(byte_level()), n_positions=120)
    right, pairs, offsets = np.zeros((3, 7, 3)), np.zeros(3), np.zeros((3, 20))
    for part, counted in zip(windows.parts, windows.counted, strict=True):
        placed = place_words(words, ("det", "dobj", "nsubj"), document.text, part)
        expected = syntax(reference_of(model, layout_of(part, np.array([], np.int64)).changed(counted=counted)), placed)
        right += np.nan_to_num(expected["syntax_accuracy"]) * expected["syntax_pairs"]
        offsets += np.nan_to_num(expected["syntax_offsets"]) * expected["syntax_pairs"][:, None]
        pairs += expected["syntax_pairs"]
    with np.errstate(invalid="ignore"):
        np.testing.assert_allclose(found["*.syntax_accuracy"], right / pairs, rtol=1e-5)
        np.testing.assert_allclose(found["*.syntax_baseline"], (offsets / pairs[:, None]).max(1), rtol=1e-5)
    assert found["*.syntax_pairs"].tolist() == pairs.tolist()
    spans = found["token_spans"][found["*.syntax_example"][found["*.syntax_example"][..., 0] >= 0]]
    assert (spans[:, 0, 0] > spans[:, 1, 0]).all()


def test_a_text_with_few_words_of_every_relation_says_so(parser: Parser) -> None:
    found = measured(700, "The ship soon left. It was dawn.")
    assert not [name for name in found.arrays if "syntax" in name]
    assert "no dependency relation has 10 words in the text" in " ".join(found.notices)
