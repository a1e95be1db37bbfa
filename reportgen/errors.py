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


class BundleError(ReportgenError):
    """A bundle that cannot be read, or must not be."""
