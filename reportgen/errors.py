"""The errors a reader of the command line is meant to see: one sentence each, exit code 2."""


class ReportgenError(Exception):
    """Something outside the program is wrong: the message says what, with the values, then what to do."""


class DocumentError(ReportgenError):
    """A document that cannot be read or is not fit to be measured."""


class ModelError(ReportgenError):
    """A model that cannot be found, loaded, or read exactly."""


class MeasurementsError(ReportgenError):
    """A measurements file that is damaged or is not one."""


class SelectionError(ReportgenError):
    """A stack, sentence or head that a measurements file does not hold, or that is not named as it should be."""


class OutputError(ReportgenError):
    """A place that cannot be written to."""


class SiteError(ReportgenError):
    """A site's source that cannot be built, a place that holds other files, or pages that point to what is not there."""


class BatchError(ReportgenError):
    """A run over many documents that cannot be begun or gone on with as it is asked for."""


class ComparisonError(ReportgenError):
    """Two measurements files that cannot be held against each other."""


class BundleError(ReportgenError):
    """A bundle that cannot be read, or must not be."""
