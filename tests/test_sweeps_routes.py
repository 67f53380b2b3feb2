"""A sweep over models becomes a file that LiteLLM's own Router loads."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.sweeping import notebook
from workbench import Sweep, UsageError
from workbench.sweeps.routes import routes, write_routes

ANSWERS = """import re
import workbench as wb
good = {'m/a': 'sums', 'm/b': 'words'}[mix]
tasks = [wb.Task(f'{c}{i}', f'{c} {i}', str(i), category=c) for c in ('sums', 'words') for i in range(20)]
def say(request):
    found = re.search(r'(sums|words) (\\d+)', request.user_text)
    return f'The answer is {found[2] if found[1] == good else 99}'
run = await wb.run(tasks, 'single', {mix: 1}, out=out, grade='numeric', models={mix: wb.Scripted(say, name=mix)})
wb.conclude(run)"""


def test_each_category_goes_to_the_model_that_is_best_at_it(tmp_path: Path) -> None:
    path = notebook(tmp_path / "n.ipynb", ANSWERS, parameters="mix = 'm/a'\nout = None\nother = 1")
    sweep = Sweep(path, {"mix": ["m/a", "m/b"]}, out=tmp_path / "out").run()
    assert set(sweep.frame()["status"]) == {"done"}, sweep.frame()["error"].tolist()
    found = write_routes(sweep, tmp_path / "litellm.yaml")
    assert found["sums"][0] == "m/a" and found["words"][0] == "m/b"
    written = yaml.safe_load((tmp_path / "litellm.yaml").read_text())
    assert {"route/sums", "route/words"} <= {entry["model_name"] for entry in written["model_list"]}
    with pytest.raises(UsageError, match=r"no parameter 'model'"):
        routes(sweep, "model")
    mixed = Sweep(path, {"mix": ["m/a"], "other": [1, 2]}, out=tmp_path / "mixed").run()
    with pytest.raises(UsageError, match="also differ in other"):
        routes(mixed)
