"""The group ``calwarden claims``."""

from typing import Annotated

import typer

from calwarden.cli.options import group

app = group(
    "Claims: their dates of service, what holds them, what to do, files to and from payers."
)

Ref = Annotated[str, typer.Argument(metavar="REF", help="Ref of the claim.")]
