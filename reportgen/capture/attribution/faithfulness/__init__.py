"""How faithful each method's order of sentences is: the target with the first sentences of the order taken out, and with them alone left in."""

from reportgen.capture.attribution.faithfulness.curves import Faithfulness, measure_faithfulness, tokens_planned
from reportgen.capture.attribution.faithfulness.taking_out import planned

__all__ = ["Faithfulness", "measure_faithfulness", "planned", "tokens_planned"]
