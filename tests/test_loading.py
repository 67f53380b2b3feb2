"""load_tasks: every usual shape, and errors that name file, line and field; nothing is half-loaded."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pandas as pd
import pytest

import workbench as wb
from workbench.errors import DataError, UsageError


def lines(path: Path, *rows: object) -> Path:
    path.write_text("\n".join(r if isinstance(r, str) else json.dumps(r) for r in rows))
    return path


def test_json_lines_csv_json_and_frames_load_the_same(tmp_path: Path) -> None:
    rows = [{"id": "a", "question": "1+1?", "gold": "2"}, {"id": "b", "question": "2+2?", "gold": "4"}]
    (tmp_path / "t.csv").write_text("id,question,gold\na,1+1?,2\nb,2+2?,4\n")
    (tmp_path / "t.json").write_text(json.dumps(rows))
    (tmp_path / "t.jsonl.gz").write_bytes(gzip.compress("\n".join(map(json.dumps, rows)).encode()))
    want = wb.load_tasks(lines(tmp_path / "t.jsonl", *rows))
    assert [(t.id, t.prompt, t.target) for t in want] == [("a", "1+1?", "2"), ("b", "2+2?", "4")]
    sources = [tmp_path / "t.csv", tmp_path / "t.json", tmp_path / "t.jsonl.gz", pd.DataFrame(rows), rows]
    assert all(wb.load_tasks(source) == want for source in sources)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"id": "b", "answer": "4"}, "line 2.*prompt is missing.*The line has: id, answer"),
        ({"id": "b", "prompt": 7}, "line 2, field prompt: must be a text"),
        ({"id": "b", "prompt": ["x"]}, "line 2, field prompt: must be a text, got list"),
        ({"id": "a", "prompt": "y"}, "line 2, field id: 'a' was already used in line 1"),
        ({"id": "b", "prompt": "y", "target": {"v": 1}}, "line 2, field target: must be a text, got dict"),
        ({"id": "b", "prompt": "y", "choices": "ABC"}, "line 2, field choices"),
        ('{"id": "b", "prompt": ', "line 2: broken JSON"),
        ("[1, 2]", "line 2: a task must be an object"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, row: object, words: str) -> None:
    path = lines(tmp_path / "t.jsonl", {"id": "a", "prompt": "x"}, row)
    with pytest.raises(DataError, match=words) as error:
        wb.load_tasks(path)
    assert str(path) in str(error.value)


def test_missing_empty_and_binary_files_say_so(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no such task file.*arithmetic"):
        wb.load_tasks("aritmetic")
    with pytest.raises(DataError, match="no tasks"):
        wb.load_tasks(lines(tmp_path / "e.jsonl", ""))
    (tmp_path / "b.jsonl").write_bytes(bytes(range(256)))
    with pytest.raises(DataError, match="not a text file"):
        wb.load_tasks(tmp_path / "b.jsonl")
    (tmp_path / "d.jsonl").write_text("[" * 100_000)
    with pytest.raises(DataError, match="broken JSON"):
        wb.load_tasks(tmp_path / "d.jsonl")


def test_fields_can_be_mapped_and_a_wrong_name_is_told(tmp_path: Path) -> None:
    path = lines(tmp_path / "t.jsonl", {"text": "1+1?", "label": 2, "hard": 3})
    tasks = wb.load_tasks(path, fields={"prompt": "text", "target": "label", "difficulty": "hard"})
    assert tasks[0].prompt == "1+1?" and tasks[0].target == "2" and tasks[0].difficulty == 3
    with pytest.raises(UsageError, match="did you mean 'prompt'"):
        wb.load_tasks(path, fields={"promt": "text"})
    with pytest.raises(DataError, match="to be read from 'nope'"):
        wb.load_tasks(path, fields={"prompt": "nope"})


def test_choices_stand_in_the_prompt_with_their_letters(tmp_path: Path) -> None:
    (task,) = wb.load_tasks([{"question": "Which?", "options": ["x", "y"], "gold": "B"}])
    assert task.prompt == "Which?\nA. x\nB. y" and task.choices == ("x", "y")


def test_difficulty_filters_and_n_cuts(tmp_path: Path) -> None:
    rows = [{"id": str(i), "prompt": "x", "level": f"Level {i % 5 + 1}"} for i in range(20)]
    assert {t.difficulty for t in wb.load_tasks(rows, difficulty=(2, 3))} == {2, 3}
    assert len(wb.load_tasks(rows, n=7)) == 7
    with pytest.raises(DataError, match="no task has a difficulty"):
        wb.load_tasks(rows, difficulty=9)
    with pytest.raises(UsageError, match="low to high"):
        wb.load_tasks(rows, difficulty=(3, 2))


@pytest.mark.parametrize(
    ("file", "tasks", "samples", "single"),
    [
        ("votes_verifycot/date.jsonl.gz", 191, 10, 0.612),
        ("tot_branching/game24_cot100.jsonl.gz", 52, 100, 0.046),
        ("votes_qwenmath_rm/math_cot_100x8.jsonl.gz", 49, 8, 0.918),
        ("votes_routellm/gsm8k_two_models.jsonl.gz", 674, 2, 0.735),
        ("tasks_gsm8k/model_solutions_4models.jsonl.gz", 674, 4, 0.375),
    ],
)
def test_recorded_samples_load_with_their_judgement(
    shared: Path, file: str, tasks: int, samples: int, single: float
) -> None:
    from workbench.grading import grader_for

    loaded = wb.load_tasks(shared / "data" / file)
    assert len(loaded) == tasks
    assert {sum(len(s) for s in t.samples.values()) for t in loaded} == {samples}
    g = grader_for(loaded)
    scores = [g.score(g.read(s, t), t) or 0 for t in loaded for many in t.samples.values() for s in many]
    assert sum(scores) / len(scores) == pytest.approx(single, abs=0.002)
