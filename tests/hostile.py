"""Texts that want to be more than text: markup, scripts, links, bidi and control characters, ANSI codes, endless lines."""

from __future__ import annotations

TEXTS = {
    "script": "<script>window.hacked=1;fetch('http://127.0.0.1:9/x')</script>",
    "image": '<img src=http://127.0.0.1:9/i.png onerror="window.hacked=1">',
    "svg": "<svg onload=window.hacked=1><use href='http://127.0.0.1:9/#a'/></svg>",
    "end of script": "</script></textarea></title><script>window.hacked=1</script><!--",
    "link": "[click](javascript:window.hacked=1) <a href='javascript:window.hacked=1'>x</a>",
    "style": "<style>*{display:none}@import 'http://127.0.0.1:9/s.css'</style>",
    "frame": "<iframe srcdoc='<script>parent.hacked=1</script>'></iframe>",
    "bidi": "\u202e562\u2066 abc \u2069\u200f\u061c",
    "control": "a\x00b\x07c\x1b[31mred\x1b[0m\x9b31m\ufeff\u2028",
    "surrogate": "half \ud800 pair",
    "entities": "&lt;b&gt; &amp; &#x3c;script&#x3e;",
    "template": "${window.hacked=1} {{constructor.constructor('window.hacked=1')()}} $(\\alert)",
    "wide": "w" * 5_000,
    "tall": "line\n" * 3_000,
    "combining": "a" + "\u0301" * 400,
}
