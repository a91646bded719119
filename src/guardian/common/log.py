"""Structured logs: JSON lines, with priorities for the journal, colours on a terminal; no personal data, no secrets."""

import json
import logging
import os
import re
import sys
from typing import Any

import structlog

# Up to the last @: passwords that people forgot to encode hold @ and / themselves.
# sd-daemon(3)
_PRIORITY = {"critical": 2, "error": 3, "exception": 3, "warning": 4, "info": 6, "debug": 7}
_OF_THE_JOURNAL = frozenset({"event", "level", "timestamp", "service"})
_USERINFO = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*://)\S+@", re.IGNORECASE)


def redact(text: str) -> str:
    """Take user and password out of every URL in a text."""
    return _USERINFO.sub(r"\g<scheme>***@", text)


def _redact_values(_: Any, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    return {key: redact(value) if isinstance(value, str) else value for key, value in event.items()}


def _for_journal(_: Any, __: str, event: structlog.typing.EventDict) -> str:
    """What happened first, its priority for `journalctl -p`; time and unit are the journal's own to tell."""
    level = str(event.get("level", "info"))
    told = {"event": event.get("event"), **{key: value for key, value in event.items() if key not in _OF_THE_JOURNAL}}
    return f"<{_PRIORITY.get(level, 6)}>{json.dumps(told | {'level': level}, default=repr)}"


def setup(service: str, level: str = "info") -> None:
    """Send this process's logs to stderr, each line naming `service`."""
    terminal = sys.stderr.isatty()
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _redact_values,
    ]
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer()
        if terminal
        else _for_journal
        if "JOURNAL_STREAM" in os.environ
        else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for noisy in ("uvicorn", "uvicorn.error", "uvicorn.access", "libav", "asyncio", "httpx", "alembic"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    structlog.contextvars.bind_contextvars(service=service)


def set_level(level: str) -> None:
    """From now on."""
    logging.getLogger().setLevel(level.upper())


def get(name: str) -> structlog.stdlib.BoundLogger:
    """A logger; events are a small closed set of snake_case words, values go beside them."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger
