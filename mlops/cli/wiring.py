"""The pieces that several verbs need, built from the settings: composition for the command line."""

from __future__ import annotations

import os
import pwd
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import uuid4

from mlops.embedded.home import Home
from mlops.translation.opening import open_translator

if TYPE_CHECKING:
    from mlops.config import Settings
    from mlops.model_registry import ModelRegistry
    from mlops.translation.translator import Translator


def now() -> datetime:
    """The clock of the command line."""
    return datetime.now(UTC)  # noqa: TID251 - a composition root


def user() -> str:
    """Who runs this process, as the kernel knows it: the environment could claim anybody."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return f"uid-{os.geteuid()}"


def new_id() -> str:
    """A name that nothing else has."""
    return str(uuid4())


def translator_of(settings: Settings) -> Translator:
    """The translator that the settings name."""
    return open_translator(settings.translator, target=settings.translator_target)


def registry_of(settings: Settings) -> ModelRegistry:
    """The registry: a running `recipes up` first, because a database has one owner; else as the settings say."""
    from mlops.model_registry import open_registry  # noqa: PLC0415 - verbs without a registry start faster

    return open_registry(Home(settings.home).running_registry() or settings.registry_uri, clock=now)
