"""Translation by MarianMT models that the operator provides; none is shipped and none is downloaded.

The folder holds one folder per direction, `es-en` and `en-es`, each either converted for CTranslate2 (`model.bin` and
`source.spm`, `target.spm`) or as Hugging Face saves it (`config.json`, weights, tokenizer). The libraries are imported
when a translator is opened, because they are heavy and nobody else needs them.
"""

from __future__ import annotations

import hashlib
import importlib
import logging
import time
from threading import Lock
from typing import TYPE_CHECKING, Any, Protocol

from mlops.errors import Permanent
from mlops.translation.stream import plain
from mlops.translation.translator import QUERY_SECONDS, Health, Line, untranslated

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from mlops.recommendation import Language

NAME = "marian"
BATCH = 16
LAYOUT = (
    "the folder needs `es-en` and `en-es`, each with model.bin, source.spm and target.spm (CTranslate2) "
    "or as save_pretrained writes them (transformers)"
)

logger = logging.getLogger(__name__)


class Engine(Protocol):
    """One loaded model."""

    def __call__(self, lines: Sequence[str]) -> list[str]:
        """Translate one batch."""
        ...


class MarianTranslator:
    """Both directions from `folder`. Raises Permanent naming the missing folder, file or package."""

    name = NAME

    def __init__(self, folder: Path, *, clock: Callable[[], float] = time.monotonic) -> None:
        folders: dict[tuple[Language, Language], Path] = {
            ("es", "en"): folder / "es-en",
            ("en", "es"): folder / "en-es",
        }
        missing = [str(path) for path in folders.values() if not path.is_dir()]
        if missing:
            raise Permanent(f"no MarianMT weights in {', '.join(missing)}", hint=LAYOUT)
        self.version = _fingerprint(sorted(folders.values()))
        self._engines = {direction: _open(path) for direction, path in folders.items()}
        self._clock = clock
        self._lock = Lock()

    def translate(
        self, lines: Sequence[str], source: Language, target: Language, *, deadline: float = QUERY_SECONDS
    ) -> tuple[Line, ...]:
        """Translate batch by batch; batches that would begin after the deadline stay untranslated.

        A batch that has begun runs to its end: neither library can be interrupted.
        """
        engine = self._engines.get((source, target))
        if engine is None:
            return untranslated(lines, NAME)
        until = self._clock() + deadline
        answers: list[Line] = []
        for start in range(0, len(lines), BATCH):
            batch = lines[start : start + BATCH]
            answers += self._batch(engine, batch) if self._clock() < until else untranslated(batch, NAME)
        return tuple(answers)

    def healthy(self) -> Health:
        """Translate one word each way."""
        for (source, target), engine in self._engines.items():
            if self._batch(engine, ("sal" if source == "es" else "salt",))[0].status != "ok":
                return Health(ok=False, reason=f"the model from {source} to {target} failed; see the log")
        return Health(ok=bool(self._engines), reason="" if self._engines else "closed")

    def close(self) -> None:
        """Let the models go."""
        self._engines = {}

    def _batch(self, engine: Engine, lines: Sequence[str]) -> tuple[Line, ...]:
        try:
            with self._lock:
                texts = engine([plain(line) for line in lines])
        except Exception:  # foreign model code may raise anything, and content must never raise
            logger.exception("MarianMT failed on %d lines", len(lines))
            return untranslated(lines, NAME)
        return tuple(Line(text=text, status="ok", provider=NAME) for text in texts)


def _open(folder: Path) -> Engine:
    """Load the model in `folder` with the library it was saved for."""
    opener, package = (
        (_ctranslate2, "ctranslate2") if (folder / "model.bin").is_file() else (_transformers, "transformers")
    )
    try:
        return opener(folder)
    except ImportError as error:
        raise Permanent(
            f"{folder} needs the package {error.name or package}",
            hint=f"pip install {package} sentencepiece" + (" torch" if package == "transformers" else ""),
        ) from error
    except Exception as error:  # both libraries raise RuntimeError, ValueError and OSError alike for damaged files
        raise Permanent(f"the MarianMT model in {folder} cannot be loaded: {error}", hint=LAYOUT) from error


def _ctranslate2(folder: Path) -> Engine:
    ctranslate2 = importlib.import_module("ctranslate2")
    sentencepiece = importlib.import_module("sentencepiece")
    source = sentencepiece.SentencePieceProcessor(model_file=str(folder / "source.spm"))
    target = sentencepiece.SentencePieceProcessor(model_file=str(folder / "target.spm"))
    model = ctranslate2.Translator(str(folder), device="cpu", intra_threads=1)

    def engine(lines: Sequence[str]) -> list[str]:
        tokens = [[*source.encode(line, out_type=str), "</s>"] for line in lines]
        return [str(target.decode(result.hypotheses[0])) for result in model.translate_batch(tokens)]

    return engine


def _transformers(folder: Path) -> Engine:
    transformers = importlib.import_module("transformers")
    # Local files only: a typing error in a folder's name must not become a download.
    tokenizer: Any = transformers.AutoTokenizer.from_pretrained(str(folder), local_files_only=True)
    model: Any = transformers.AutoModelForSeq2SeqLM.from_pretrained(str(folder), local_files_only=True)

    def engine(lines: Sequence[str]) -> list[str]:
        inputs = tokenizer(list(lines), return_tensors="pt", padding=True, truncation=True)
        return [str(text) for text in tokenizer.batch_decode(model.generate(**inputs), skip_special_tokens=True)]

    return engine


def _fingerprint(folders: Sequence[Path]) -> str:
    """Of names and sizes: hashing hundreds of megabytes at every start would cost seconds."""
    digest = hashlib.sha256()
    for folder in folders:
        for path in sorted(folder.iterdir()):
            digest.update(f"{folder.name}/{path.name} {path.stat().st_size}\n".encode())
    return digest.hexdigest()[:12]
