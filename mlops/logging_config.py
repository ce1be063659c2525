"""Logging as JSON lines: the product's five loggers, and what other libraries log through the standard module.

To daily files `NAME_YYYYMMDD.log` (UTC) where a folder is given, else to standard output. `configure_logging` is called
once, by a composition root; modules only ask `structlog.stdlib.get_logger` for one of LOGGERS.
"""

from __future__ import annotations

import json
import logging
import logging.config
import re
import sys
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import orjson
import structlog
from structlog.tracebacks import ExceptionDictTransformer

if TYPE_CHECKING:
    from collections.abc import Mapping
    from io import FileIO
    from pathlib import Path

    from structlog.typing import EventDict, Processor, WrappedLogger

LOGGERS = ("app", "mlops", "monitoring", "model_training", "retraining")

# Values under these keys are what a user typed or a secret: never written above DEBUG, whoever passes them by mistake.
PRIVATE_KEYS = frozenset({"query", "query_en", "text", "user_id", "authorization", "token", "password", "salt"})


@dataclass(frozen=True, slots=True, kw_only=True)
class LogConfig:
    """Where logs go and how much of them.

    `levels` overrides `level` for single loggers, the product's or any library's. Files older than `keep_days` are
    removed when a new day's file is opened.
    """

    folder: Path | None = None
    level: str = "INFO"
    levels: Mapping[str, str] = field(default_factory=dict)
    keep_days: int = 14


class LinesHandler(logging.Handler, ABC):
    """A handler that also takes lines which are rendered already."""

    def write(self, at: float, lines: bytes) -> None:
        """Write `lines` of the day of `at` (Unix seconds); faults go where those of `emit` go."""
        self.acquire()
        try:
            self.write_bytes(at, lines)
        except Exception:  # noqa: BLE001 - the contract of logging.Handler.emit: report by handleError, never raise
            self.handleError(logging.makeLogRecord({"msg": "lines are lost"}))
        finally:
            self.release()

    @abstractmethod
    def write_bytes(self, at: float, lines: bytes) -> None:
        """Write, or raise."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line; a full disk must not take the service down, so faults go to `logging.raiseExceptions`."""
        try:
            self.write_bytes(record.created, f"{self.format(record)}\n".encode("utf-8", "backslashreplace"))
        except Exception:  # noqa: BLE001 - as above
            self.handleError(record)


class StandardOutputHandler(LinesHandler):
    """Writes to standard output, as it is when a line is written."""

    def write_bytes(self, at: float, lines: bytes) -> None:  # noqa: ARG002 - its base's
        """See `LinesHandler`."""
        sys.stdout.write(lines.decode())
        sys.stdout.flush()


class DailyFileHandler(LinesHandler):
    """Appends to `NAME_YYYYMMDD.log`, by the UTC day of each record, and removes files past their days.

    The standard TimedRotatingFileHandler renames the file it has been writing to, so that today's file has no date.
    """

    def __init__(self, folder: Path, name: str, *, keep_days: int) -> None:
        super().__init__()
        self._folder = folder
        self._name = name
        self._keep_days = keep_days
        self._day = ""
        # Without a buffer: what a full disk refused is lost at once, and does not fail again at the next line or day.
        self._stream: FileIO | None = None

    def write_bytes(self, at: float, lines: bytes) -> None:
        """See `LinesHandler`."""
        self._stream_for(at).write(lines)

    def close(self) -> None:
        """Close the day's file."""
        self.acquire()
        try:
            if self._stream is not None:
                self._stream.close()
                self._stream = None
        finally:
            self.release()
        super().close()

    def _stream_for(self, created: float) -> FileIO:
        moment = datetime.fromtimestamp(created, UTC)
        day = f"{moment:%Y%m%d}"
        if self._stream is None or day != self._day:
            if self._stream is not None:
                self._stream.close()
            self._folder.mkdir(parents=True, exist_ok=True)
            self._remove_before(f"{moment - timedelta(days=self._keep_days):%Y%m%d}")
            self._stream = (self._folder / f"{self._name}_{day}.log").open("ab", buffering=0)
            self._day = day
        return self._stream

    def _remove_before(self, day: str) -> None:
        dated = re.compile(rf"{re.escape(self._name)}_(\d{{8}})\.log")
        for path in self._folder.glob(f"{self._name}_*.log"):
            if (match := dated.fullmatch(path.name)) and match[1] < day:
                path.unlink(missing_ok=True)


def configure_logging(config: LogConfig) -> None:
    """Set up structlog and the standard module for this process; safe to call again."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_shared(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        # Not cached: levels change at run time, and tests capture.
        cache_logger_on_first_use=False,
    )
    logging.config.dictConfig(logging_dict(config))
    logging.captureWarnings(capture=True)


def logging_dict(config: LogConfig) -> dict[str, Any]:
    """Return the argument of `logging.config.dictConfig`: a file for each of LOGGERS, everything else in app's."""

    def handler(name: str) -> dict[str, Any]:
        if config.folder is None:
            return {"()": StandardOutputHandler, "formatter": "json"}
        return {
            "()": DailyFileHandler,
            "folder": config.folder,
            "name": name,
            "keep_days": config.keep_days,
            "formatter": "json",
        }

    own = {
        name: {"handlers": [name], "level": config.levels.get(name, config.level), "propagate": False}
        for name in LOGGERS
    }
    others = {name: {"level": level} for name, level in config.levels.items() if name not in LOGGERS}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "json": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": _shared(),
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    structlog.processors.JSONRenderer(serializer=_dumps),
                ],
            }
        },
        "handlers": {name: handler(name) for name in LOGGERS},
        "loggers": own | others,
        "root": {"handlers": ["app"], "level": config.level},
    }


def _shared() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        hide_private,
        # Without locals: they hold the very texts that hide_private keeps out.
        structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False)),
    ]


def hide_private(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Replace the values of PRIVATE_KEYS on every line above DEBUG."""
    if event.get("level") == "debug":
        return event
    return {key: "[hidden]" if key in PRIVATE_KEYS else value for key, value in event.items()}


def _dumps(event: EventDict, **_: object) -> str:
    try:
        return orjson.dumps(event, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
    except orjson.JSONEncodeError:
        # Lone surrogates and integers beyond 64 bits: a line that cannot be written fast is still written.
        return json.dumps(event, default=str)
