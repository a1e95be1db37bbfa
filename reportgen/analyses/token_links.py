"""From links between sentences down to their tokens: the strongest links of each token, and the query and key behind each shown link."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from reportgen.analyses.analysis import Analysis, Method
from reportgen.analyses.sentence_matrix import attention_views, expected_attention, opening_link
from reportgen.analyses.sinks import token_texts
from reportgen.analyses.token_level.behind import Behind, behind_links, heads_behind
from reportgen.analyses.token_level.places import InContext, Sink, TokenPlaces, find_sinks, in_context, token_places
from reportgen.contract import CONTRACT
from reportgen.errors import MeasurementsError
from reportgen.links import lift_of, rank_links
from reportgen.measurements import Measurements
from reportgen.wording import percent, significant

LISTED = 12  # strongest links between sentences whose token links stand in the table
KEPT_AT_MOST = 100_000  # links of tokens on a page


@dataclass(frozen=True, kw_only=True)
class TokenLink:
    """A token that looks and one that is looked at; `weight` is the mean over all layers and heads."""

    query: InContext
    key: InContext
    weight: float


@dataclass(frozen=True, kw_only=True)
class HeadLink:
    """The greatest single weight behind a link of sentence `query` to sentence `key`, its head and its two tokens; `weight` is None where it is not known."""

    query: int
    key: int
    head: str
    query_token: InContext
    key_token: InContext
    score: float
    weight: float | None


@dataclass(frozen=True, kw_only=True, eq=False)
class Result:
    """`keys` and `weights` are each token's strongest links, strongest first, -1 and 0 where there are fewer; `measured` is how many of each the file has.

    `texts` is what is shown of each token, white space made visible. `heads` is, by layer, head and sentence, the token looked at most where that is of another
    sentence, else -1; None where it was not measured. `behind` has the query and key of each shown link's greatest weight, None where none were stored.
    `kept` and `first` are means over the tokens in sentences after the first token: the share of attention in the links kept, and the share of the first token if it is among them.
    `opening` is the pair of sentences that the page opens on, `opening_links` its strongest token links; `listed` the strongest links by lift. `leading` is the
    head that stands behind most links, with their number, and of how many.
    """

    stack: str
    texts: tuple[str, ...]
    places: TokenPlaces
    sinks: tuple[Sink, ...]
    measured: int
    keys: Int[np.ndarray, "token rank"]
    weights: Float[np.ndarray, "token rank"]
    heads: Int[np.ndarray, "layer head sentence"] | None
    behind: Behind | None
    kept: float
    first: float
    opening: tuple[int, int]
    opening_links: tuple[TokenLink, ...]
    listed: tuple[HeadLink, ...]
    leading: tuple[str, int, int] | None


def analyse(measurements: Measurements) -> Result:
    """Links kept, their places, and what stands behind the strongest links between sentences."""
    links, members, texts = measurements["*.token_links"], measurements["token_sentences"], token_texts(measurements)
    _check(links["key"], len(members))
    ranks = max(1, min(links.shape[1], KEPT_AT_MOST // len(links)))
    keys, weights = links["key"][:, :ranks], links["weight"][:, :ranks]
    behind = behind_links(measurements)
    pairs, lift = measurements.by_pair.pairs, lift_of(attention_views(measurements)[:1], expected_attention(measurements))
    ranked = rank_links(lift, pairs)[1][0]
    opening, looking = opening_link(lift[0], pairs), (members >= 0) & (np.arange(len(members)) > 0)
    return Result(
        stack=measurements.stack,
        texts=texts,
        places=token_places(measurements),
        sinks=find_sinks(measurements),
        measured=links.shape[1],
        keys=keys,
        weights=weights,
        heads=_heads(measurements),
        behind=behind,
        kept=float(weights[looking].sum(1, dtype=np.float64).mean()) if looking.any() else np.nan,
        first=float((weights * (keys == 0))[looking].sum(1, dtype=np.float64).mean()) if looking.any() else np.nan,
        opening=opening,
        opening_links=_links_between(measurements, texts, keys, weights, opening),
        listed=_listed(measurements, texts, behind, [(int(pairs.queries[place]), int(pairs.keys[place])) for place in ranked[:LISTED] if place >= 0]),
        leading=(*next(heads_behind(behind)), len(behind.links)) if behind is not None and len(behind.links) else None,
    )


def _check(keys: Int[np.ndarray, "*shape"], tokens: int) -> None:
    if (keys < -1).any() or (keys >= tokens).any():
        raise MeasurementsError(f"The token links of this measurements file lead to tokens that are not among its {tokens}.")


def _heads(measurements: Measurements) -> Int[np.ndarray, "layer head sentence"] | None:
    if "*.strongest_key" not in measurements:
        return None
    found, members = measurements["*.strongest_key"], measurements["token_sentences"]
    _check(found, len(members))
    elsewhere = (found >= 0) & (members[found] >= 0) & (members[found] != np.arange(found.shape[2]))
    return np.where(elsewhere, found, -1)


def _links_between(
    measurements: Measurements, texts: tuple[str, ...], keys: Int[np.ndarray, "token rank"], weights: Float[np.ndarray, "token rank"], pair: tuple[int, int]
) -> tuple[TokenLink, ...]:
    """The strongest of the kept links from one sentence to another, as many as are kept of a token, equals in reading order."""
    members = measurements["token_sentences"]
    queries, ranks = np.nonzero((members == pair[0])[:, None] & (keys >= 0) & (members[keys] == pair[1]))
    order = np.lexsort((keys[queries, ranks], queries, -weights[queries, ranks]))[: keys.shape[1]]
    return tuple(
        TokenLink(
            query=in_context(measurements, query, texts[query]),
            key=in_context(measurements, int(keys[query, rank]), texts[keys[query, rank]]),
            weight=float(weights[query, rank]),
        )
        for query, rank in zip(queries[order].tolist(), ranks[order].tolist(), strict=True)
    )


def _listed(measurements: Measurements, texts: tuple[str, ...], behind: Behind | None, links: list[tuple[int, int]]) -> tuple[HeadLink, ...]:
    """What stands behind some links, those left out of which nothing is known."""
    places = [] if behind is None else [place for link in links if (place := behind.find(*link)) is not None]
    return tuple(_head_link(measurements, texts, behind, place) for place in places)


def _head_link(measurements: Measurements, texts: tuple[str, ...], behind: Behind, place: int) -> HeadLink:
    layer, head, query, key = behind.places[place].tolist()
    weight = float(behind.weights[place])
    return HeadLink(
        query=int(behind.links[place, 0]),
        key=int(behind.links[place, 1]),
        head=f"{layer}.{head}",
        query_token=in_context(measurements, query, texts[query]),
        key_token=in_context(measurements, key, texts[key]),
        score=float(behind.scores[place]),
        weight=None if np.isnan(weight) else weight,
    )


def draw(result: Result) -> Mapping[str, Mapping[str, Any]]:
    """Nothing: tokens are shown in the text, in lists and in a figure of the page's own."""
    return {}


def find(result: Result) -> str:
    """What stands behind the strongest link, which head most often does, and how much of a token's attention its strongest links are."""
    said = f"The {result.keys.shape[1]} strongest links of a token take {percent(result.kept)} of its attention on average, the first token alone {percent(result.first)}."
    if np.isnan(result.kept):
        said = "There is only one token, and so no link between tokens."
    if not result.listed or result.leading is None:
        return said
    strongest, (head, count, links) = result.listed[0], result.leading
    weight = "the greatest single weight" if strongest.weight is None else f"a single weight of {significant(strongest.weight)}"
    return (
        f"Behind the strongest link, from sentence {strongest.query + 1} to sentence {strongest.key + 1}, stands {weight}, which head {strongest.head} gives "
        f"“{strongest.key_token.token}” at “{strongest.query_token.token}”; no head stands behind more of the {links} links shown than {head} ({count}). {said}"
    )


def notices(result: Result) -> tuple[str, ...]:
    """What the page leaves out of what was measured."""
    ranks = result.keys.shape[1]
    if ranks == result.measured:
        return ()
    kept = "strongest link" if ranks == 1 else f"{ranks} strongest links"
    return (f"This page has the {kept} of each token, because there are {len(result.texts):,}; the measurements file has {result.measured}.",)


ANALYSIS = Analysis(
    name="token_links",
    question="Which tokens carry the links between sentences?",
    needs=("token_links", "sentence_attention|sentence_attention_by_layer", "sentence_expected"),
    analyse=analyse,
    draw=draw,
    find=find,
    notices=notices,
    caveat=(
        "A mean over all layers and heads hides what single heads do, and one greatest weight is one of very many: neither says that the model uses what is looked at. "
        "Only the strongest links of each token were kept; a link that is not listed is weaker than these, not absent. The dimensions of queries and keys have no names, "
        "and a rotation of both would change every product but not the sum."
    ),
    methods=(
        Method(name="Token links", formula=CONTRACT["*.token_links"].formula, source=CONTRACT["*.token_links"].source),
        Method(name="Token pair behind a link", formula=CONTRACT["*.query_key_pairs"].formula, source=CONTRACT["*.query_key_pairs"].source),
        Method(name="Query and key", formula=CONTRACT["*.query_key"].formula, source=CONTRACT["*.query_key"].source),
        Method(name="Token that a head looks at most", formula=CONTRACT["*.strongest_key"].formula, source=CONTRACT["*.strongest_key"].source),
    ),
)
