"""Keys never reach a file, in whatever form they come; ordinary text is left alone."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.redact import MASK, Redactor

KEYS = [
    "sk-proj-0123456789abcdefABCDEF",
    "Authorization: Bearer abcdef0123456789",
    "bearer  abc.def-ghi_0123",
    "AKIAIOSFODNN7EXAMPLE",
    "AIza" + "x" * 35,
    "ghp_" + "a1" * 18,
    "hf_" + "b2" * 17,
    "xoxb-123456789012-abc",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abcdefghij",
    'api_key="0123456789abcdef"',
    "x-api-key: 0123456789abcdef",
    "AUTHORIZATION=Basic0123456789",
]


@pytest.mark.parametrize("key", KEYS)
def test_what_looks_like_a_key_is_struck_out(key: str) -> None:
    for text in (f"before {key} after", json.dumps({"error": key}), json.dumps(json.dumps({"error": key}))):
        said = Redactor().text(text)
        secret = max(key.replace('"', " ").replace("=", " ").split(), key=len)
        assert secret not in said and MASK.decode() in said


def test_this_machines_keys_are_struck_out_whatever_they_look_like(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_PROVIDER_API_KEY", "plainlookingwords")
    monkeypatch.setenv("SHORT_KEY", "abc")
    said = Redactor().text("it said plainlookingwords and abc")
    assert said == "it said [redacted] and abc"


@pytest.mark.parametrize(
    "text",
    [
        "the task-0123456789abcdefghij is at risk-free rates",
        '{"key":"workbench.call.key","value":{"stringValue":"0123456789abcdef01234567"}}',
        "What is 47 * 6? The key idea: the weights are right.",
        "a bearer of news",
    ],
)
def test_ordinary_text_stays(text: str) -> None:
    assert Redactor().text(text) == text


@given(st.text(max_size=300))
def test_striking_out_twice_changes_nothing_more(text: str) -> None:
    redact = Redactor()
    once = redact.text(text)
    assert redact.text(once) == once
