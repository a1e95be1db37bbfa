"""A bundle's description for machines: RO-Crate 1.1, JSON-LD."""

from __future__ import annotations

import json
import mimetypes
from collections.abc import Mapping
from typing import Any

from reportgen.measurements import Measurements
from reportgen.units import LEVELS

CONTEXT = "https://w3id.org/ro/crate/1.1/context"
SPECIFICATION = "https://w3id.org/ro/crate/1.1"
APACHE = "https://spdx.org/licenses/Apache-2.0"
NO_DATE = "1980-01-01"  # the first that a zip archive can hold
SOFTWARE, MODEL, DOCUMENT, RUN = "#reportgen", "#model", "#document", "#measurement"
LICENCE, MEASUREMENTS = "LICENCE.txt", "measurements.npz"
OWN_KINDS = {".npz": "application/zip", ".bib": "application/x-bibtex", ".tex": "application/x-tex", ".md": "text/markdown", ".csv": "text/csv"}


def describe(files: Mapping[str, bytes], measurements: Measurements, date: str | None) -> bytes:
    """`ro-crate-metadata.json` for these files. Same files, same bytes: where no date of publication is given, there is the fixed date of the archive, and it says so."""
    graph = [_descriptor(), _root(files, measurements, date), *_around(files, measurements), *(_file(name, data) for name, data in sorted(files.items()))]
    return (json.dumps({"@context": CONTEXT, "@graph": graph}, ensure_ascii=False, indent=1) + "\n").encode("utf-8")


def _descriptor() -> dict[str, Any]:
    return {"@id": "ro-crate-metadata.json", "@type": "CreativeWork", "conformsTo": {"@id": SPECIFICATION}, "about": {"@id": "./"}}


def _root(files: Mapping[str, bytes], measurements: Measurements, date: str | None) -> dict[str, Any]:
    metadata = measurements.metadata
    level = metadata.get("level", LEVELS[0])
    undated = "" if date else f" datePublished is the fixed date {NO_DATE} of reproducible archives, not that of publication, which was not given."
    return {
        "@id": "./",
        "@type": "Dataset",
        "name": f"Attention of {metadata['model']} over: {metadata['title']}",
        "description": f"What the attention of a transformer does over a document, {level} by {level}: report, numbers, figures, tables.{undated}",
        "datePublished": date or NO_DATE,
        "license": {"@id": LICENCE},
        "hasPart": [{"@id": name} for name in sorted(files)],
        "about": {"@id": DOCUMENT},
        "mentions": [{"@id": one} for one in (MODEL, RUN)],
    }


def _around(files: Mapping[str, bytes], measurements: Measurements) -> list[dict[str, Any]]:
    metadata = measurements.metadata
    version = metadata["libraries"].get("reportgen", "")
    made = {"result": {"@id": MEASUREMENTS}} if MEASUREMENTS in files else {}
    return [
        {
            "@id": SOFTWARE,
            "@type": "SoftwareApplication",
            "name": "reportgen",
            **({"version": version, "softwareVersion": version} if version else {}),
            "license": {"@id": APACHE},
        },
        {"@id": APACHE, "@type": "CreativeWork", "name": "Apache License 2.0", "identifier": "Apache-2.0"},
        {
            "@id": MODEL,
            "@type": ["CreativeWork", "SoftwareSourceCode"],
            "name": metadata["model"],
            "version": metadata["revision"],
            "description": f"A transformer of the family {metadata['family']}, {metadata['layers']} layers of {metadata['heads']} heads.",
        },
        {"@id": DOCUMENT, "@type": "CreativeWork", "name": metadata["title"], "inLanguage": metadata["language"], "identifier": f"sha256:{metadata['sha256']}"},
        {"@id": RUN, "@type": "CreateAction", "name": "Measurement", "instrument": [{"@id": SOFTWARE}, {"@id": MODEL}], "object": {"@id": DOCUMENT}, **made},
    ]


def _file(name: str, data: bytes) -> dict[str, Any]:
    ending = "." + name.rpartition(".")[2]
    kind = OWN_KINDS.get(ending) or mimetypes.types_map.get(ending, "application/octet-stream")
    own = {"@type": ["File", "CreativeWork"]} if name == LICENCE else {"@type": "File"}
    return {"@id": name, **own, "name": name.rpartition("/")[2], "encodingFormat": kind, "contentSize": str(len(data))}
