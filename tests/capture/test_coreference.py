"""Coreference against the plain formula over the model's own eager attention, by any cutting into blocks, in windows, and where it says nothing."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_folders import byte_level
from transformers import GPT2LMHeadModel

sys.path.insert(0, str(Path(__file__).parent))
from annotated import coreference, mention_sums
from made_up import Sizes, made_up
from tiny import FLOAT16, FLOAT32, arrays_of, made_up_layout, reference_of, tiny_gpt2, tiny_mistral

from reportgen.analyses.roles.definitions import ROLES
from reportgen.analyses.roles.linguistic import coreference_evidence
from reportgen.analyses.roles.resampling import draws
from reportgen.capture import MeasureOptions, measure
from reportgen.capture.layout import TextLayout, layout_of
from reportgen.documents import Document, document_from_text
from reportgen.measurements import Measurements
from reportgen.mentions import MentionPairs, mentions_of
from reportgen.sentences import split_sentences
from reportgen.windows import tokenise_windows

STORY = (
    "Jonas Lund left the harbour with Mary Dent. Dent saw that Lund had his coat and his hat. She gave Lund her lamp, and he thanked her for it. "
    "By noon the ship was a point on the horizon. Dent slept. Lund kept his watch until she called him from below. The wind had turned, said Dent."
)


def made_up_pairs(layout: TextLayout, seed: int = 0) -> MentionPairs:
    """Mentions of one or two tokens of three entities, some of them pronouns, and tokens of random kinds."""
    random = np.random.default_rng(seed)
    begins = np.arange(3, layout.tokens - 2, 4)
    mentions = [(begin, begin + int(random.integers(1, 3)), int(random.integers(3)), bool(random.integers(2))) for begin in begins.tolist()]
    rows = [
        (query, key, start, pronoun and not before_pronoun)
        for index, (start, stop, entity, pronoun) in enumerate(mentions)
        for query in range(start, stop)
        for before, until, other, before_pronoun in mentions[:index]
        if other == entity
        for key in range(before, until)
    ]
    queries, keys, starts, pronouns = (np.array(column) for column in zip(*rows, strict=True))
    kinds = random.integers(-1, 3, layout.tokens)
    return MentionPairs(queries=queries, keys=keys, begins=starts, pronoun_to_name=pronouns, kind_of_token=kinds)


def with_mentions(tokens: int = 131, sentences: int = 11, seed: int = 0) -> TextLayout:
    layout = made_up_layout(tokens=tokens, sentences=sentences, seed=seed)
    return layout.changed(mentions=made_up_pairs(layout, seed))


def assert_equal(arrays: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    assert {name for name in arrays if "coreference" in name} == set(expected)
    for name, values in expected.items():
        tolerance = FLOAT16 if arrays[name].dtype == np.float16 else FLOAT32
        np.testing.assert_allclose(arrays[name], values, rtol=tolerance, atol=tolerance, err_msg=name)


def tiny_encoder():
    from transformers import BertConfig, BertModel

    sizes = {"num_hidden_layers": 3, "num_attention_heads": 7, "hidden_size": 77, "intermediate_size": 32}
    return BertModel(BertConfig(**sizes, vocab_size=101, initializer_range=0.3)).eval()


MODELS = {"gpt2": tiny_gpt2, "mistral with a window of 23": lambda: tiny_mistral(23), "an encoder": tiny_encoder}


@pytest.mark.parametrize("name", MODELS)
def test_every_array_equals_the_formula_on_eager_attention(name: str) -> None:
    model, layout = MODELS[name](), with_mentions()
    assert_equal(arrays_of(model, layout), coreference(reference_of(model, layout), layout.mentions))


def test_queries_that_do_not_count_are_left_out() -> None:
    layout = with_mentions().changed(counted=np.arange(131) >= 60)
    model = tiny_gpt2()
    assert_equal(arrays_of(model, layout), coreference(reference_of(model, layout), layout.mentions))


def with_a_head_that_looks_at_the_first_token_alone(sharpness: float):
    """Head 2 of layer 0 asks for what the first token is, whatever the query: what it leaves others underflows until one comes that is alike enough."""
    model = tiny_gpt2()
    block, width, head = model.transformer.h[0], 77, slice(22, 33)
    with torch.no_grad():
        model.transformer.wpe.weight[0] *= 50
        asked = block.attn.c_attn.weight[:, width : 2 * width][:, head]
        first = block.ln_1(model.transformer.wpe.weight[0])
        block.attn.c_attn.bias[:width][head] = sharpness * (first @ asked)
    return model


def test_rows_of_which_the_sinks_leave_nothing_are_left_out_by_head() -> None:
    model, layout = with_a_head_that_looks_at_the_first_token_alone(10), with_mentions()
    found = arrays_of(model, layout)
    assert_equal(found, coreference(reference_of(model, layout), layout.mentions))
    rows, rows_left = found["coreference_queries"][0], found["coreference_without_sink_queries"][0]
    assert (rows_left[[0, 1, 3, 4, 5, 6]] == rows).all()
    assert 0 < rows_left[2].sum() < rows.sum()
    nothing = (rows > 0) & (rows_left[2] == 0)
    assert nothing.any()
    assert np.isnan(found["coreference_without_sink_by_sentence"][0, 2, nothing]).all()


def resampled_by_hand(model: GPT2LMHeadModel, layout: TextLayout, without_sink: bool) -> np.ndarray:
    """The lift in documents made of sentences drawn again, one after the other, from the model's own eager attention in double precision."""
    reference = reference_of(model.double(), layout)
    p = reference.without_sink() if without_sink else reference.p
    found = []
    sums = mention_sums(reference, p, layout.mentions)  # (sentence, attention on earlier mentions, the same on controls) of each query, by layer
    for drawn in draws(11).astype(int):
        document = np.repeat(np.arange(11), drawn)
        rows = [[row for sentence in document for row in of_layer if row[0] == sentence] for of_layer in sums]
        found.append([np.mean([row[1] for row in of_layer], 0) / np.mean([row[2] for row in of_layer], 0) for of_layer in rows])
    return np.array(found)


@pytest.mark.parametrize("without_sink", [False, True])
def test_intervals_are_those_of_the_eager_attention_of_documents_drawn_again(without_sink: bool) -> None:
    model, layout = with_a_head_that_looks_at_the_first_token_alone(1), with_mentions()
    arrays = {f"decoder.{name}": values for name, values in arrays_of(model, layout).items() if "coreference" in name}
    measurements = made_up(sizes=Sizes(layers=3, heads=7, sentences=11, tokens=131), replaced=arrays)
    evidence = coreference_evidence(measurements, next(role for role in ROLES if role.name == "coreference"))
    found, other = (evidence.without_sink, evidence.all_keys) if without_sink else (evidence.all_keys, evidence.without_sink)
    expected = resampled_by_hand(model, layout, without_sink)
    low, high = np.quantile(expected, [0.025, 0.975], axis=0)
    np.testing.assert_allclose(found.low, low, rtol=FLOAT16)
    np.testing.assert_allclose(found.high, high, rtol=FLOAT16)
    np.testing.assert_allclose(found.confidence, (expected > 2).mean(0), atol=0.011)
    assert ((found.low < found.values) & (found.values < found.high)).all()
    assert not np.allclose(found.low, other.low, rtol=0.05)


@given(rows=st.integers(1, 60), of_a_piece=st.integers(1, 60), cells=st.sampled_from([1, 5000, 1 << 20]), seed=st.integers(0, 3))
@settings(max_examples=7, deadline=None)
def test_any_cutting_into_blocks_gives_the_same_numbers(rows: int, of_a_piece: int, cells: int, seed: int) -> None:
    from reportgen.capture import taking
    from reportgen.capture.reducers import coreference as reducer

    model, layout = tiny_gpt2(), with_mentions(tokens=61, sentences=5, seed=seed)
    whole = arrays_of(model, layout, rows_at_most=layout.tokens)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reducer, "CELLS_AT_ONCE", cells)
        patch.setattr(taking, "ROWS_OF_A_PIECE", of_a_piece)
        cut = arrays_of(model, layout, rows_at_most=rows)
    for name in (name for name in whole if "coreference" in name):
        np.testing.assert_allclose(cut[name], whole[name], rtol=1e-3, atol=1e-5, err_msg=name)


def test_even_attention_is_what_is_expected() -> None:
    model = tiny_gpt2()
    for layer in model.transformer.h:
        layer.attn.c_attn.weight.data.zero_()
    found = arrays_of(model, with_mentions())
    for name in ("coreference", "pronoun_coreference"):
        np.testing.assert_allclose(found[name], found[f"{name}_expected"], rtol=1e-5)
    np.testing.assert_allclose(found["coreference_without_sink"], found["coreference_expected_without_sink"], rtol=1e-5)


def test_one_pair_by_hand() -> None:
    """Token 9 looks at token 5; of the tokens 2 to 8 away (5 is 4 away, give or take two), 6 is of its kind and 7 is not, 3 is of the entity."""
    kinds = np.full(13, -1)
    kinds[[3, 5, 6]], kinds[7] = 1, 0
    pairs = MentionPairs(queries=np.array([9, 9]), keys=np.array([3, 5]), begins=np.array([9, 9]), pronoun_to_name=np.array([False, True]), kind_of_token=kinds)
    layout = made_up_layout(tokens=13, sentences=2).changed(mentions=pairs, sinks=np.array([0]), sentence_of_token=np.repeat([0, 1], [5, 8]).astype(np.int32))
    model = tiny_gpt2()
    p, found = reference_of(model, layout).p, arrays_of(model, layout)
    # 3 is 6 away, 4 to 8 with its reach: tokens 1 to 5, of which none of its kind is left, so that pair does not count
    np.testing.assert_allclose(found["coreference"], p[:, :, 9, 5], rtol=1e-4)
    np.testing.assert_allclose(found["coreference_expected"], p[:, :, 9, 6], rtol=1e-4)
    np.testing.assert_allclose(found["pronoun_coreference_expected"], p[:, :, 9, 6], rtol=1e-4)
    assert (found["coreference_example"] == [9, 5]).all()
    assert found["coreference_queries"].tolist() == [[0, 1]] * 3


def story(**options) -> Measurements:
    model = tiny_gpt2(vocab_size=len(byte_level()), n_positions=options.pop("positions", 700))
    return measure(document_from_text(STORY), model, byte_level(), options=MeasureOptions(attribution="none", probes=False, **options))


def test_a_story_is_measured_with_what_was_found_in_it() -> None:
    found = story()
    counts = found.metadata["mentions"]["decoder"]
    assert counts == {"names": 8, "pronouns": 9, "entities": 2, "later": 15, "without_antecedent": 0}
    query, key = (found.text[slice(*found["token_spans"][token])] for token in found["*.coreference_example"][0, 0])
    assert query
    assert key
    assert_means_of_their_values_by_sentence(found)


def assert_means_of_their_values_by_sentence(found: Measurements) -> None:
    for suffix, inside in (("", found["*.coreference_queries"][:, None]), ("_without_sink", found["*.coreference_without_sink_queries"])):
        for name in (f"*.coreference{suffix}", f"*.coreference_expected{suffix}"):
            weighted = np.nansum(found[f"{name}_by_sentence"].astype(float) * inside, 2) / inside.sum(2)
            np.testing.assert_allclose(weighted, found[name], rtol=FLOAT16, err_msg=name)


def test_windows_are_merged_by_what_each_number_is_over() -> None:
    found, document = story(positions=190), document_from_text(STORY)
    sentences = split_sentences(document)
    windows = tokenise_windows(document, sentences, byte_level(), 190)
    assert len(windows.windows) > 1
    mentions, model = mentions_of(document, sentences), tiny_gpt2(vocab_size=len(byte_level()), n_positions=190)
    sums, rows, best = np.zeros((2, 3, 7)), 0, np.zeros((3, 7))
    for part, counted in zip(windows.parts, windows.counted, strict=True):
        layout = layout_of(part, np.array([], np.int64)).changed(mentions=mentions.pairs(part), counted=counted)
        expected = coreference(reference_of(model, layout), layout.mentions)
        number = expected["coreference_queries"][0].sum()
        sums += number * np.nan_to_num([expected["coreference"], expected["coreference_expected"]])
        rows += number
        examples = expected["coreference_example"].astype(int)
        best = np.maximum(best, reference_of(model, layout).p[np.arange(3)[:, None], np.arange(7), examples[..., 0], examples[..., 1]])
    np.testing.assert_allclose(found["*.coreference"], sums[0] / rows, rtol=1e-4)
    np.testing.assert_allclose(found["*.coreference_expected"], sums[1] / rows, rtol=1e-4)
    assert found["*.coreference_queries"].sum() == 3 * rows
    assert found["*.coreference_without_sink_queries"].sum() == 3 * 7 * rows
    assert_means_of_their_values_by_sentence(found)
    spans = found["token_spans"][found["*.coreference_example"]]
    words = {found.text[start:end].strip() for start, end in spans.reshape(-1, 2).tolist()}
    assert words
    assert all(word in "Jonas Lund Mary Dent his She her he him she" for word in words)


def test_a_text_without_names_and_one_in_another_language_say_why_there_is_nothing() -> None:
    plain = measure(
        document_from_text("The ship left. It was dawn."), tiny_gpt2(vocab_size=len(byte_level())), byte_level(), options=MeasureOptions(probes=False)
    )
    assert not [name for name in plain.arrays if "coreference" in name]
    assert plain.metadata["mentions"] == {}
    assert "the text has 0 mentions of something named before by the heuristic, and it takes 10: coreference." in " ".join(plain.notices)
    document = document_from_text(STORY)
    german = Document(**{**vars(document), "language": "de"})
    assert "in English alone, not in 'de'" in mentions_of(german, split_sentences(document)).absence
