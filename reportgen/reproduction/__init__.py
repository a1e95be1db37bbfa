"""Whether a bundle is whole, and whether its numbers come out again."""

from reportgen.reproduction.bundles import MANIFEST, MEASUREMENTS, Bundle, opened
from reportgen.reproduction.checksums import Checked, check_files
from reportgen.reproduction.differences import Difference
from reportgen.reproduction.verdict import Reproduction, compare

__all__ = ["MANIFEST", "MEASUREMENTS", "Bundle", "Checked", "Difference", "Reproduction", "check_files", "compare", "opened"]
