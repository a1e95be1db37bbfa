"""From measurements to a site: an index that can be searched, the reports, and pages that line them up by document, model and tag."""

from reportgen.website.adding import MEASUREMENTS, Said, add_reports
from reportgen.website.entries import Entry
from reportgen.website.source import ReportSource, SiteSource, read_source
from reportgen.website.writing import Built, SiteSettings, write_site

__all__ = ["MEASUREMENTS", "Built", "Entry", "ReportSource", "Said", "SiteSettings", "SiteSource", "add_reports", "read_source", "write_site"]
