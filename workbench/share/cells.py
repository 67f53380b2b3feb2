"""Cells: a notebook's words, code and results as HTML that can do nothing but be read; widgets become places for live views."""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Callable, Mapping
from typing import Any

Live = Callable[[Mapping[str, Any]], str | None]
"""From an output's MIME data to the name of a live view, None where nothing can be brought to life."""

ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
PICTURES = ("image/png", "image/jpeg", "image/gif", "image/webp")
MAX_TEXT_CHARS = 200_000  # of one output; the notebook has the rest
TAGS = [
    "a", "b", "blockquote", "br", "caption", "code", "col", "colgroup", "dd", "del", "details", "div", "dl", "dt",
    "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "img", "li", "ol", "p", "pre", "s", "small", "span",
    "strong", "sub", "summary", "sup", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "ul",
]  # fmt: skip
ATTRIBUTES = {"a": ["href", "title"], "img": ["src", "alt", "width", "height"], "td": ["colspan", "rowspan"],
              "th": ["colspan", "rowspan", "scope"], "details": ["open"], "span": ["class"]}  # fmt: skip


def cell_html(cell: Mapping[str, Any], live: Live) -> str:
    """One cell; raw cells are left out, as every viewer does."""
    source = _text(cell.get("source"))
    if cell.get("cell_type") == "markdown":
        return f"<section>{_markdown(source, cell.get('attachments') or {})}</section>"
    if cell.get("cell_type") != "code":
        return ""
    tags = (cell.get("metadata") or {}).get("tags") or ()
    shown = "" if not source.strip() or "hide-input" in tags else f'<pre class="code">{_code(source)}</pre>'
    outputs = "".join(_output(output, live) for output in cell.get("outputs") or ())
    return f"<section>{shown}{outputs}</section>" if shown or outputs else ""


def _output(output: Mapping[str, Any], live: Live) -> str:
    kind = output.get("output_type")
    if kind == "stream":
        return _pre(_text(output.get("text")), "err" if output.get("name") == "stderr" else "out")
    if kind == "error":
        return _pre("\n".join(map(str, output.get("traceback") or [output.get("ename"), output.get("evalue")])), "err")
    data = output.get("data")
    if not isinstance(data, Mapping):
        return ""
    picture = _picture(data)
    if name := live(data):
        table = safe_html(_text(data["text/html"])) if "text/html" in data else ""
        return f'{table}<div data-view="{html.escape(name)}">{picture}</div>'
    if "text/html" in data:
        return f'<div class="html">{safe_html(_text(data["text/html"]))}</div>{picture}'
    if "text/markdown" in data:
        return _markdown(_text(data["text/markdown"]), {})
    return picture or _pre(_text(data.get("text/latex") or data.get("text/plain") or ""), "out")


def _picture(data: Mapping[str, Any]) -> str:
    alt = html.escape(_text(data.get("text/plain"))[:500].strip() or "a picture")
    for kind in PICTURES:
        if kind in data:
            body = re.sub(r"[^A-Za-z0-9+/=]", "", _text(data[kind]))
            return f'<img alt="{alt}" src="data:{kind};base64,{body}">'
    if "image/svg+xml" in data:  # as an image it runs no script and loads nothing
        body = base64.b64encode(_text(data["image/svg+xml"]).encode("utf-8", "replace")).decode()
        return f'<img alt="{alt}" src="data:image/svg+xml;base64,{body}">'
    return ""


def safe_html(markup: str) -> str:
    """Markup with only the tags of running text and tables; links to the web stay links, pictures must be in the page."""
    from nbconvert.preprocessors.sanitize import SanitizeHTML

    bare = re.sub(r"(?is)<(script|style)\b.*?(</\1\s*>|$)", "", markup)
    clean = SanitizeHTML(tags=TAGS, attributes=ATTRIBUTES, strip=True).sanitize_html_tags(bare)
    return re.sub(r'(<img[^>]*?) src="(?!data:image/)[^"]*"', r"\1", str(clean))


def _markdown(source: str, attachments: Mapping[str, Any]) -> str:
    from nbconvert.filters.markdown_mistune import markdown2html_mistune

    for name, data in attachments.items():
        found = re.search(r'src="([^"]*)"', _picture(data) if isinstance(data, Mapping) else "")
        source = source.replace(f"attachment:{name}", found[1] if found else "")
    made = markdown2html_mistune(source)
    return safe_html(re.sub(r'<a class="anchor-link".*?</a>', "", made))


def _code(source: str) -> str:
    """Highlighted by classes, which the page's style names."""
    from nbconvert.filters.highlight import Highlight2HTML

    made = str(Highlight2HTML(pygments_lexer="python")(source.strip("\n")))
    found = re.search(r"<pre>(?:<span></span>)?(.*?)\n?</pre>", made, re.S)
    return found[1] if found else html.escape(source)


def _pre(text: str, name: str) -> str:
    bare = UNSEEN.sub("", ANSI.sub("", text)).rstrip()
    if len(bare) > MAX_TEXT_CHARS:
        bare = f"{bare[:MAX_TEXT_CHARS]}\n… {len(bare) - MAX_TEXT_CHARS:,} more characters in the notebook"
    return f'<pre class="{name}">{html.escape(bare)}</pre>' if bare else ""


def _text(value: Any) -> str:
    """Notebooks keep text as one string or as lines."""
    return "".join(map(str, value)) if isinstance(value, list) else "" if value is None else str(value)
