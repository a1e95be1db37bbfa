"""The commands about packaged models, and their models ready to load."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from reportgen.models.packaged import PackagedModel


def list_models() -> None:
    """The packaged models: name, size, licence, and whether they are already here."""
    from reportgen.memory import written_size
    from reportgen.models.packaged import DEFAULT, PACKAGED, kept_bytes

    for model in PACKAGED:
        kept = kept_bytes(model)
        here = f"{model.wheel_megabytes} MB to download" if kept is None else f"cached, {written_size(kept)} on disk"
        typer.echo(f"{model.name}{' (default)' if model is DEFAULT else ''}\t{model.title}\t{model.licence}\t{here}")


def fetch_model(name: Annotated[str, typer.Argument(help="default or a packaged model's short name.")] = "default") -> None:
    """Download a packaged model now and make it ready to load; prints its folder."""
    from reportgen.errors import ModelError
    from reportgen.models.packaged import PACKAGED, find_packaged

    known = find_packaged(name)
    if known is None:
        raise ModelError(f"There is no packaged model {name!r}; there are {', '.join(model.name for model in PACKAGED)}.")
    typer.echo(_fetched(known))


def prepare(model: str) -> None:
    """Quiet libraries, and a packaged model that is here."""
    from reportgen.models.packaged import find_packaged
    from reportgen.progress import quiet_libraries

    quiet_libraries()
    known = find_packaged(model)
    if known is not None:
        _fetched(known)


def _fetched(known: PackagedModel) -> Path:
    from reportgen.models.packaged import converted_folder, fetch
    from reportgen.progress import quiet_libraries

    quiet_libraries()
    if not converted_folder(known).is_dir():
        size = f"{known.wheel_megabytes} MB, {known.licence}"
        typer.echo(f"Downloading {known.title} ({size}) and keeping it ready to load ({known.disk_megabytes} MB on disk).", err=True)
    return fetch(known)
