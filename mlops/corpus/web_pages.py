"""The linked data of a web page: its `<script type="application/ld+json">` blocks. The one module that reads HTML."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from mlops.corpus.json_rows import JsonReader, rows_of
from mlops.corpus.rows import BadRow, shown
from mlops.corpus.schema_org import is_linked_data, recipes_in
from mlops.corpus.source import read_whole
from mlops.errors import Invalid, Permanent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlops.corpus.rows import Limits, RawRow
    from mlops.corpus.source import Source

# What old pages wrap a script in, so that older browsers still would not show it.
_WRAPPING = ("<!--", "-->", "//<![CDATA[", "<![CDATA[", "//]]>", "]]>")


def read_page(source: Source, limits: Limits) -> Iterator[RawRow | BadRow]:
    """Every schema.org Recipe that the page declares; `line` is where its script begins.

    A script that is not JSON is yielded as a bad row; raises Invalid for a page without any recipe.
    """
    found = False
    for line, script in _scripts(read_whole(source, limits.document)):
        try:
            document = JsonReader(strict=False).read(script)
        except ValueError as error:
            found = True
            yield BadRow(line=line, reason=f"the linked data {error}", raw=shown(script))
            continue
        for item in document if isinstance(document, list) else [document]:
            if is_linked_data(item) and recipes_in(item):
                found = True
                yield from rows_of(item, line)
    if not found:
        raise Invalid(
            f"{source.path} declares no schema.org Recipe in JSON-LD", hint="check that it is the page of a recipe"
        )


def _scripts(page: bytes) -> Iterator[tuple[int, str]]:
    """Line and text of each block of linked data; everything else of the page is never built in memory."""
    try:
        import bs4  # noqa: PLC0415 - of the `jobs` extra; other formats are read without it
        from bs4.filter import SoupStrainer  # noqa: PLC0415 - as above
    except ImportError as error:
        raise Permanent("HTML pages need beautifulsoup4", hint="pip install 'recipe-recommender[jobs]'") from error
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", bs4.XMLParsedAsHTMLWarning)  # XHTML is read well enough for its scripts
        soup = bs4.BeautifulSoup(page, "html.parser", parse_only=SoupStrainer("script"))
    for script in soup.find_all("script"):
        kind = script.get("type")
        if isinstance(kind, str) and "ld+json" in kind.lower():
            text = script.get_text().strip()
            for wrapping in _WRAPPING:
                text = text.removeprefix(wrapping).removesuffix(wrapping).strip()
            yield script.sourceline or 0, text
