"""The first sentence read with the target: of the window that holds all of its sentences."""

from __future__ import annotations

import numpy as np
import pytest
from made_up import made_up
from test_windowed_measurements import in_windows

from reportgen.analyses.agreement.reading import compared
from reportgen.analyses.agreement.target import first_read_with_target
from reportgen.analyses.link_effects.hidden import hidden_links

LINKS = np.array([[4, 2, 0.5], [4, 0, 0.25], [3, 2, 0.125]], np.float32)


@pytest.mark.parametrize("target", [{"sentence": 4}, {"sentence": 2, "last_sentence": 3}, {"sentence": None}])
def test_in_windows_the_links_and_the_methods_have_the_same_first_sentence(target: dict[str, int | None]) -> None:
    found = in_windows(
        {"attribution.link_effect": LINKS, "attribution.link_drop": LINKS[:, 2]}, drop=("attribution.link_sample",), target=target | {"description": "x"}
    )
    assert first_read_with_target(found) == 2
    assert hidden_links(found).first.tolist() == [True, False, True]
    sink = compared(found, flow=False)
    assert sink.sentences[sink.sink].tolist() == ([] if target["sentence"] == 2 else [2])


def test_a_document_that_was_read_at_once_begins_with_its_first_sentence() -> None:
    assert first_read_with_target(made_up()) == 0
