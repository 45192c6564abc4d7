"""The version, for whoever writes it into results; nothing else, so that reading it loads nothing."""

from __future__ import annotations

__version__ = "0.1.0"
