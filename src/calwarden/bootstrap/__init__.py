"""The composition root: the one place that knows every part."""

from calwarden.bootstrap.application import Application
from calwarden.bootstrap.connectors import Connectors, UnknownConnector
from calwarden.bootstrap.installation import CONFIG_NAME, Installation, initialise
from calwarden.bootstrap.process import process_name, process_runs

__all__ = [
    "CONFIG_NAME",
    "Application",
    "Connectors",
    "Installation",
    "UnknownConnector",
    "initialise",
    "process_name",
    "process_runs",
]
