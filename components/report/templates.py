"""The templates of pages: what comes from data is escaped in them, and numbers are written as everywhere."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import jinja2

from components.report.drawings import place_check
from components.report.number_format import write_number, write_percent, write_points, write_probability, write_sentence

_HERE = Path(__file__).parent


@cache
def load_template(name: str, directory: Path = _HERE) -> jinja2.Template:
    """Return a template of a folder, which may use those of this one."""
    loader = jinja2.FileSystemLoader([directory, _HERE])
    environment = jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {
        "number": write_number,
        "percent": write_percent,
        "points": write_points,
        "probability": write_probability,
        "sentence": write_sentence,
    }
    environment.globals |= {"place_check": place_check}
    return environment.get_template(name)
