"""The page itself: a search box, answers with buttons, the state of the service, and where the rollout is. Pure.

It is whole without JavaScript. The script and the style are in it, and nothing else may run or be loaded (CSP).
"""

from __future__ import annotations

import base64
import hashlib
from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from mlops.status_page.rollout import rollout_html

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mlops.recommendation import Hit
    from mlops.status_page.rollout import Rollout

# What a person may say of a recipe: the field of a form, and the words on its button.
SAYINGS = {"clicked": "Looks good", "cooked": "I cooked it", "disliked": "Not for me"}
_FOLDER = files("mlops.status_page")
_STYLE = (_FOLDER / "page.css").read_text(encoding="utf-8")
_SCRIPT = (_FOLDER / "page.js").read_text(encoding="utf-8")


def _source(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


HEADERS = {
    "content-type": "text/html; charset=utf-8",
    "cache-control": "no-store",
    "content-security-policy": (
        f"default-src 'none'; script-src {_source(_SCRIPT)}; style-src {_source(_STYLE)}; connect-src 'self'; "
        "img-src data:; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'self'"
    ),
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
}


def page(model: str, health: Mapping[str, Any], *, query: str = "", answer: str = "") -> str:
    """The whole page. `health` is the body of GET /health; `answer` is HTML made here, for `query`."""
    address = f"/models/{quote(model, safe='')}/rollout"
    return _framed(
        f"Recipe Recommender: {model}",
        "<a class=skip href='#answer'>Skip to the answer</a>"
        f"<header><h1>Recipe Recommender</h1></header><main>{_search(query)}"
        f"<section id=answer aria-live=polite aria-label=Answer>{answer}</section>"
        "<div class=columns>"
        f"<section aria-labelledby=state><h2 id=state>Service</h2><div id=health>{_health(health)}</div></section>"
        "<section aria-labelledby=going><h2 id=going>Rollout</h2>"
        f"<div id=rollout data-from='{address}'>"
        f"<noscript><iframe src='{address}' title='Rollout' width='100%' height=400></iframe></noscript>"
        "</div></section>"
        "</div></main>",
        script=True,
    )


def rollout_page(rollout: Rollout) -> str:
    """The rollout by itself: what the page takes in, and what is seen without JavaScript."""
    title = f"Rollout of {rollout.model}"
    return _framed(title, f"<main><h1>{escape(title)}</h1><div id=rollout>{rollout_html(rollout)}</div></main>")


def fault(detail: str) -> str:
    """What stands in place of an answer."""
    return f"<p class=fault role=alert>{escape(detail)}</p>"


def thanks(said: str) -> str:
    """What stands where a button was pressed."""
    return f"<p role=status>Thank you, noted: “{escape(SAYINGS[said])}”.</p>"


def answered(
    recommendation_id: str, version: str, milliseconds: float, language: str, hits: Sequence[Hit], notes: Iterable[str]
) -> str:
    """An answer, with the version that gave it and buttons for each recipe."""
    told = "".join(f"<p class=note>{escape(note)}</p>" for note in notes)
    found = "".join(f"<li>{_recipe(hit, recommendation_id)}</li>" for hit in hits)
    head = f"<h2>Answer <small>by version <strong>{escape(version)}</strong> in {milliseconds:.0f} ms</small></h2>"
    body = f"<ol class=recipes lang={escape(language)}>{found}</ol>" if hits else "<p>No recipe fits.</p>"
    return head + told + body


def _search(query: str) -> str:
    return (
        "<form class=search method=post action=/search role=search>"
        "<label>What would you like to cook?"
        f"<input type=search name=query required maxlength=500 autocomplete=off value='{escape(query)}'></label>"
        "<button>Search</button></form>"
    )


def _recipe(hit: Hit, recommendation_id: str) -> str:
    title, minutes = str(hit.recipe.get("title", hit.id)), hit.recipe.get("minutes")
    ingredients = ", ".join(str(each) for each in hit.recipe.get("ingredients", ())[:8])
    why = ", ".join(f"{signal.name} {signal.rank}" for signal in hit.signals if signal.rank is not None)
    takes = f" <small>{escape(str(minutes))} min</small>" if minutes is not None else ""
    buttons = "".join(
        f"<button name=said value={said} aria-label='{words}: {escape(title)}'>{words}</button>"
        for said, words in SAYINGS.items()
    )
    return (
        f"<h3>{escape(title)}{takes}</h3><p>{escape(ingredients)}</p>"
        f"<p lang=en><small>Score {hit.score:.3f}; ranks: {escape(why)}</small></p>"
        "<form class=told method=post action=/search/feedback lang=en>"
        f"<input type=hidden name=recommendation_id value='{escape(recommendation_id)}'>"
        f"<input type=hidden name=recipe value='{escape(hit.id)}'>{buttons}</form>"
    )


def _health(health: Mapping[str, Any]) -> str:
    status = escape(health["status"])
    shares = "".join(
        f"<li>{escape(each['name'])} <strong>{escape(each['version'])}</strong>: {each['weight']} %, "
        f"{each['recipes']} recipes</li>"
        for each in health["traffic"]
    )
    alerts = "".join(
        f"<li class={escape(each['severity'])}><strong>{escape(each['alert'])}</strong> ({escape(each['severity'])}) "
        f"{escape(each['subject'])}: {escape(each['reason'])}, since {escape(each['since'])}</li>"
        for each in health["alerts"]
    )
    rows = "".join(
        f"<tr><th scope=row>{escape(name)}<td class={escape(each['status'])}>{escape(each['status'])}"
        f"<td>{escape(each['reason'])}"
        for name, each in health["components"].items()
    )
    return (
        f"<p>State: <strong class={status}>{status}</strong></p>"
        f"<h3>Who answers</h3>{f'<ul>{shares}</ul>' if shares else '<p>Nobody.</p>'}"
        f"<h3>Alerts</h3>{f'<ul>{alerts}</ul>' if alerts else '<p>None.</p>'}"
        "<div class=wide tabindex=0 role=region aria-label=Parts><table><caption>Parts</caption>"
        f"<tbody>{rows}</tbody></table></div>"
    )


def _framed(title: str, body: str, *, script: bool = False) -> str:
    return (
        "<!doctype html><html lang=en><head><meta charset=utf-8>"
        "<meta name=viewport content='width=device-width, initial-scale=1'>"
        f"<link rel=icon href='data:,'><title>{escape(title)}</title><style>{_STYLE}</style></head><body>{body}"
        + (f"<script>{_SCRIPT}</script>" if script else "")
        + "</body></html>"
    )
