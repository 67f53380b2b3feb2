"""Page: one trace as one HTML file that is alive, offline: module and data inlined, every connection forbidden."""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Iterable
from typing import Any

from workbench.layout import layout
from workbench.spans import Span
from workbench.widgets.data import detail, head
from workbench.widgets.trace import STATIC

MAX_DETAIL_CHARS = 20_000  # per text, so that a page of long answers can still be mailed
MAX_DETAILS_CHARS = 20_000_000

STYLE = (
    "body{margin:0;padding:24px;font:14px/1.5 system-ui,sans-serif;background:#fff;color:#1f2933}"
    "main{max-width:1280px;margin:auto}img{max-width:100%;height:auto}"
    "p[data-title]{margin:22px 24px -6px;font-weight:600}"
    "@media(prefers-color-scheme:dark){body{background:#111418;color:#e6e9ed}}"
)


def trace_page(spans: Iterable[Span], title: str | None = None) -> str:
    """The whole page of one trace."""
    view = trace_view(list(spans))
    return page(title or view["state"]["head"]["text"]["title"], '<div data-view="trace"></div>', {"trace": view})


def trace_view(spans: list[Span], by: str = "time", critical: bool = False) -> dict[str, Any]:
    """One trace as the shim's model: its state, and the stories of its spans."""
    of = layout(spans)
    by_id = {span.span_id: span for span in spans}
    details, used = {}, 0
    for row, span_id in enumerate(of.ids):
        found = detail(by_id[span_id], MAX_DETAIL_CHARS)
        used += sum(len(text) for _, text in found["texts"])
        if used > MAX_DETAILS_CHARS:
            found["texts"] = [
                ["text", "left out of this page: its texts together would be too long; they are in the record"]
            ]
        details[row] = found
    state = {"head": head(of), "marks": base64.b64encode(of.packed()).decode(), "by": by, "critical": critical}
    return {"state": state, "details": details}


def page(title: str, body: str, data: dict[str, Any], style: str = "") -> str:
    """A page from its parts; the policy lets run what is in it by hash, and nothing come in or go out."""
    look = STYLE + style
    names = sorted({"trace", *(view.get("module", "trace") for view in data.values())})
    modules = {name: (STATIC / f"{name}.js").read_text(encoding="utf-8") for name in names}
    shim = (STATIC / "shim.js").read_text(encoding="utf-8")
    policy = (
        f"default-src 'none'; script-src 'sha256-{_sha(shim)}' blob:; style-src 'sha256-{_sha(look)}'; img-src data:; "
        "connect-src 'none'; form-action 'none'; base-uri 'none'"
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="referrer" content="no-referrer">'
        f"<title>{html.escape(title)}</title><style>{look}</style></head>\n<body><main>{body}</main>\n"
        f'<script type="application/json" id="data">{_inline(json.dumps(data, ensure_ascii=True))}</script>\n'
        + "".join(
            f'<script type="text/plain" data-module="{n}">{_module(text)}</script>\n' for n, text in modules.items()
        )
        + f'<script type="module">{shim}</script>\n</body></html>\n'
    )


def _inline(text: str) -> str:
    """JSON that no text in it can break out of."""
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _module(text: str) -> str:
    if "</script" in text.lower() or "<!--" in text:
        raise AssertionError("the bundle holds a tag that would end its script element")
    return text


def _sha(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
