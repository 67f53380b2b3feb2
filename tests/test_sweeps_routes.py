"""A sweep over models becomes a file that LiteLLM's own Router loads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from tests.chat_server import ChatServer, Fault
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
    policy = sweep.policy()
    assert policy.table.set_index("category")["choice"].to_dict() | {"all tasks": ""} == {
        "sums": "mix=m/a",
        "words": "mix=m/b",
        "all tasks": "",
    }
    assert policy.table["separated"].tolist() == [True, True, False] and "sums: mix=m/a" in str(policy)
    assert [t.get_text() for t in policy.plot().get_yticklabels()] == ["all tasks (40)", "words (20)", "sums (20)"]
    with pytest.raises(UsageError, match=r"no parameter 'model'"):
        routes(sweep, "model")
    mixed = Sweep(path, {"mix": ["m/a"], "other": [1, 2]}, out=tmp_path / "mixed").run()
    with pytest.raises(UsageError, match="also differ in other"):
        routes(mixed)


SERVERS = """import workbench as wb
tasks = [wb.Task(f'{c}{i}', f'{c} {i}', str(i), category=c) for c in ('sums', 'words') for i in range(12)]
run = await wb.run(tasks, 'single', {mix: 1}, out=out, grade='numeric', api_base=bases[mix])
wb.conclude(run)"""


def answers(good: str) -> Any:
    """A server's answer: right for the category it is good at."""

    def say(body: dict[str, Any]) -> str:
        import re

        found = re.search(r"(sums|words) (\d+)", str(body["messages"]))
        return f"{good} says: the answer is {found[2] if found and found[1] == good else 99}"

    return say


async def test_from_servers_to_a_sweep_to_the_router_and_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two models on real servers, swept; the command's file in LiteLLM's own Router; and every request goes where it says."""
    monkeypatch.setenv("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-scripted-servers")
    with ChatServer(answer=answers("sums")) as sums, ChatServer(answer=answers("words")) as words:
        bases = {"openai/adder": sums.api_base, "openai/writer": words.api_base}
        parameters = f"mix = 'openai/adder'\nbases = {bases!r}\nout = None"
        path = notebook(tmp_path / "n.ipynb", SERVERS, parameters=parameters)
        sweep = Sweep(path, {"mix": list(bases)}, out=tmp_path / "out").run(timeout_s=120)
        assert set(sweep.frame()["status"]) == {"done"}, sweep.frame()["error"].tolist()
        assert sweep.frame()["accuracy"].tolist() == [0.5, 0.5]

        from workbench.commands.sweep import router_cmd

        target = tmp_path / "litellm.yaml"
        bases_given = [x for name, base in bases.items() for x in ("--api-base", f"{name}={base}")]
        said = CliRunner().invoke(router_cmd, [str(sweep.out), "-o", str(target), *bases_given])
        assert said.exit_code == 0 and "sums: openai/adder then openai/writer" in said.output, said.output
        assert "sk-of" not in target.read_text()

        import litellm

        config = yaml.safe_load(target.read_text())
        settings = {**config["router_settings"], "num_retries": 0}
        router = litellm.Router(model_list=config["model_list"], **settings)

        async def ask(route: str, text: str) -> str:
            reply = await router.acompletion(model=route, messages=[{"role": "user", "content": text}])
            return str(reply.choices[0].message.content)

        assert await ask("route/sums", "sums 5") == "sums says: the answer is 5"
        assert await ask("route/words", "words 7") == "words says: the answer is 7"
        assert (await ask("route/default", "words 7")).split()[0] in ("sums", "words")
        sums.fault = lambda n, body: Fault(status=500)
        before = len(words.requests)
        assert await ask("route/sums", "sums 5") == "words says: the answer is 99"
        assert len(words.requests) == before + 1
        assert await ask("route/words", "words 8") == "words says: the answer is 8"
