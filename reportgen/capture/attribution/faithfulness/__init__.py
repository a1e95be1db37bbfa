"""How faithful each method's order of sentences is: the target with the first sentences of the order taken out, and with them alone left in."""

from reportgen.capture.attribution.faithfulness.curves import Faithfulness, measure_faithfulness
from reportgen.capture.attribution.faithfulness.plan import passes_planned

__all__ = ["Faithfulness", "measure_faithfulness", "passes_planned"]
