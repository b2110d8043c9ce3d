"""The synthetic campus: rendered photographs of students who do not exist."""

from data.sources.campus.config import CampusConfig, CampusConfigError, parse_campus_config
from data.sources.campus.render import render_photo
from data.sources.campus.source import CampusSource

__all__ = [
    "CampusConfig",
    "CampusConfigError",
    "CampusSource",
    "parse_campus_config",
    "render_photo",
]
