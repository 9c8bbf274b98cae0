"""Fingerprints of what a stage runs, so that an edited source is never taken for the one that made a cached result."""

from __future__ import annotations

import ast
import hashlib
import json
from importlib import metadata
from pathlib import Path

# What a model is made by.
MODEL_SOURCES = ("components.example_gen", "components.transform", "components.trainer")

_ROOT = Path(__file__).resolve().parent.parent
_RELEASES = ("tfx", "tensorflow", "apache-beam")


def fingerprint_sources(*modules: str) -> str:
    """Return the SHA-256 of some modules of `components`, all that they import from there, and the stack's releases."""
    digest = hashlib.sha256()
    for path in sorted(_collect_sources(modules)):
        digest.update(path.relative_to(_ROOT).as_posix().encode() + b"\0" + path.read_bytes())
    for release in _RELEASES:
        digest.update(f"{release}=={metadata.version(release)}".encode())
    return digest.hexdigest()


def fingerprint_project() -> str:
    """Return the SHA-256 of all sources of the project, and the stack's releases."""
    sources = [path for folder in ("components", "pipeline") for path in (_ROOT / folder).rglob("*.py")]
    return fingerprint_sources(*sorted(".".join(path.relative_to(_ROOT).with_suffix("").parts) for path in sources))


def fingerprint_values(**values: object) -> str:
    """Return the SHA-256 of named values that JSON can hold."""
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def _collect_sources(modules: tuple[str, ...]) -> set[Path]:
    """Follow the imports of `components` modules; data files named like a module (schema.pbtxt) count as its source."""
    found: set[Path] = set()
    waiting = list(modules)
    while waiting:
        stem = _ROOT / waiting.pop().replace(".", "/")
        source = stem.with_suffix(".py")
        if source in found or not source.is_file():
            continue
        found.update(path for path in stem.parent.glob(f"{stem.name}.*") if path.is_file())
        for node in ast.walk(ast.parse(source.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("components"):
                waiting.append(str(node.module))
                waiting += [f"{node.module}.{alias.name}" for alias in node.names]
    return found
