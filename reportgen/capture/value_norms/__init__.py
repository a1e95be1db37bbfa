"""Value-norm attention: how long a vector each token adds to the target's rows, which weights alone do not say."""

from reportgen.capture.value_norms.watching import ValueNorms, bytes_needed

__all__ = ["ValueNorms", "bytes_needed"]
