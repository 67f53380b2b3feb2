"""A notebook says the same on every kind of kernel, and nothing passes from one to the next."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from tests.sweeping import notebook, outputs, text
from workbench import Sweep, UsageError
from workbench.sweeps.parameters import load_notebook
from workbench.sweeps.warm import choose

ALL_SORTS = (
    "import sys, os, logging, warnings, asyncio, threading, subprocess\nprint('out', a)\nprint('err', file=sys.stderr)",
    "from IPython.display import display, HTML, clear_output\nprint('before')\nh = display(HTML('<b>1</b>'), display_id='d')"
    "\nprint('after')",
    "h.update(HTML('<b>2</b>'))\nprint('gone')\nclear_output()\nprint('stays')\n{'x': [1, 2]}",
    "await asyncio.sleep(0.01)\nasync def f():\n    print('task')\n    return 5\ntask = asyncio.create_task(f())\nawait task",
    "os.system('echo from the system')\nsubprocess.run(['echo', 'a subprocess'])\nNone",
    "!echo a shell line",
    "%%bash\necho a cell of bash",
    "logging.getLogger('x').warning('logged')\nwarnings.warn('careful')",
    "t = threading.Thread(target=lambda: print('a thread'))\nt.start(); t.join()",
    "import multiprocessing\ndef g(x):\n    print('forked', flush=True)\n    return x * 2\n"
    "p = multiprocessing.get_context('fork').Process(target=g, args=(3,)); p.start(); p.join(); p.exitcode",
    "import ipywidgets as w\ns = w.IntSlider(3)\no = w.Output()\nwith o:\n    print('inside')\ndisplay(s, o)",
    "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.title('t');",
    "try:\n    input('?')\nexcept Exception as e:\n    print(type(e).__name__)",
    "float('nan'), '\\ud800'.encode('utf8', 'replace'), _",
    "%config InlineBackend.figure_format",
    "import pandas as pd\npd.DataFrame({'a': [a, 2]})",
    "%%html\n<i>x</i>",
    "print('x' * 100_000)",
    "In[1][:5], Out[16][1], __name__, sys.path[0], sys.argv[1:0]",
    "import pickle\nclass K:\n    pass\npickle.loads(pickle.dumps(K())).__class__.__module__",
    "def deep(n):\n    return 1 / n if n == 0 else deep(n - 1)\ndeep(2)",
    "print('never')",
)


def same(path: str) -> Any:
    """What an executed notebook holds, without what differs between any two executions."""
    content = json.loads(Path(path).read_text())
    state = content["metadata"].get("widgets", {}).get("application/vnd.jupyter.widget-state+json", {}).get("state", {})
    plain = [re.sub(r"[0-9a-f]{32}(_\d+_\d+)?", "id", json.dumps(s, sort_keys=True)) for s in state.values()]
    raw = re.sub(r"ipykernel_\d+/\d+", "ipykernel", json.dumps([outputs(path), sorted(plain)]))
    return json.loads(re.sub(r"[0-9a-f]{32}(_\d+_\d+)?", "id", re.sub(r"0x[0-9a-f]+", "0x", raw)))


@pytest.fixture(scope="module")
def cold(tmp_path_factory: pytest.TempPathFactory) -> Sweep:
    """All sorts of cells, run cold."""
    folder = tmp_path_factory.mktemp("cold")
    kept = os.environ.pop("PYTEST_CURRENT_TEST", "")  # it makes ipykernel leave the file descriptors alone
    sweep = Sweep(notebook(folder / "n.ipynb", *ALL_SORTS), {"a": [7]}, out=folder / "out")
    sweep.run(kernel="cold", timeout_s=120)
    os.environ["PYTEST_CURRENT_TEST"] = kept
    return sweep


@pytest.mark.parametrize("kind", ["bare", "fork"])
def test_a_warm_notebook_says_what_a_cold_one_says(
    cold: Sweep, tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTEST_CURRENT_TEST")
    warm = Sweep(cold.notebook, {"a": [7]}, out=tmp_path / "warm").run(kernel=kind, timeout_s=120).frame()
    before = cold.frame()
    assert warm["error"][0] == before["error"][0] == "ZeroDivisionError: division by zero (cell 23)"
    assert outputs(warm["notebook"][0])[-1] == [] and "never" not in text(warm["notebook"][0])
    for a, b in zip(same(before["notebook"][0]), same(warm["notebook"][0]), strict=True):
        assert a == b


def test_every_kernel_draws_its_own_numbers_and_shares_nothing(tmp_path: Path) -> None:
    path = notebook(
        tmp_path / "n.ipynb",
        "import os, random, asyncio, uuid, tempfile\nimport numpy as np",
        "assert 'left' not in globals() and 'LEFT' not in os.environ and not hasattr(np, 'left')\n"
        "left = np.left = 1; os.environ['LEFT'] = '1'",
        "d = '/proc/self/fd/'\nfiles = [os.readlink(d + f) for f in os.listdir(d) if os.path.lexists(d + f)]",
        "from workbench import conclude\n"
        "conclude(drawn=f'{random.random()} {np.random.rand()} {np.random.default_rng().random()}', pid=os.getpid(),\n"
        "  sockets=' '.join(sorted(f for f in files if f.startswith(('socket', 'anon_inode')))),\n"
        "  loop=str(asyncio.get_running_loop()), product=float(np.ones((200, 200)) @ np.ones(200) @ np.ones(200)))",
    )
    frame = Sweep(path, {"a": list(range(6))}, out=tmp_path / "out").run(kernel="bare", jobs=3).frame()
    assert list(frame["status"]) == ["done"] * 6, frame["error"].tolist()
    for column in zip(*(row.split() for row in frame["drawn"]), strict=True):
        assert len(set(column)) == 6
    assert frame["pid"].nunique() == 6
    shared = [set(row.split()) for row in frame["sockets"]]
    own = [{s for s in row if s.startswith("socket")} for row in shared]
    assert all(a.isdisjoint(b) for i, a in enumerate(own) for b in own[:i])
    assert set(frame["product"]) == {40_000.0}


def test_what_a_notebook_wrote_is_on_disk_when_its_cell_is_done(tmp_path: Path) -> None:
    path = notebook(
        tmp_path / "n.ipynb",
        f"import atexit\nf = open(r'{tmp_path}/left-open', 'w'); f.write('text')\n"
        f"atexit.register(lambda: open(r'{tmp_path}/at-exit', 'w').write('ran'))\n"
        f"class D:\n    def __del__(self):\n        with open(r'{tmp_path}/deleted', 'w') as g: g.write('gone')\nd = D()",
    )
    assert Sweep(path, {"a": [1]}, out=tmp_path / "out").run(kernel="bare").frame()["status"][0] == "done"
    assert (tmp_path / "left-open").read_text() == "text"
    assert (tmp_path / "at-exit").read_text() == "ran"
    assert (tmp_path / "deleted").read_text() == "gone"


def test_a_module_that_prints_or_starts_a_thread_is_left_to_the_notebook(tmp_path: Path) -> None:
    from workbench.sweeps.server import ForkServer

    server = ForkServer("bare", ["this", "json"])
    try:
        answer, connection = server.ask()
        connection.close()
        assert answer["unfit"] == ["this"]
    finally:
        server.close()
    assert not server.alive


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        ("import json, workbench as wb\nwb.answers", "bare", "needs no more"),
        ("%gui qt", "fork", "cell 2 uses a magic"),
        ("%matplotlib widget", "fork", "interactive matplotlib"),
        ("import ipyparallel", "fork", "talks to the kernel's sockets"),
    ],
)
def test_the_rule_says_which_kernel_and_why(tmp_path: Path, code: str, kind: str, words: str) -> None:
    choice = choose("auto", load_notebook(notebook(tmp_path / "n.ipynb", code)))
    assert choice.kind == kind and (words in choice.reason or "needs more" in choice.reason)
    assert choose("cold", load_notebook(tmp_path / "n.ipynb")).kind == "cold"


def test_only_installed_modules_are_preloaded_and_none_after_the_environment_was_set(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("")
    code = "import mine, json, no_such_module\nfrom workbench import answers\nimport workbench as wb\nwb.calls"
    content = load_notebook(notebook(tmp_path / "n.ipynb", code))
    assert choose("auto", content).modules == ("json", "workbench", "workbench:answers", "workbench:calls")
    content = load_notebook(notebook(tmp_path / "n.ipynb", "import os\nos.environ['X'] = '1'\nimport json"))
    assert choose("auto", content).modules == ()


def test_another_language_runs_cold_or_not_at_all(tmp_path: Path) -> None:
    spec = {"name": "ir", "display_name": "R", "language": "R"}
    content = load_notebook(notebook(tmp_path / "n.ipynb", spec=spec))
    assert choose("auto", content).kind == "cold"
    with pytest.raises(UsageError, match="asks for the kernel 'ir'"):
        choose("bare", content)
    with pytest.raises(UsageError, match="unknown kernel 'warm'"):
        choose("warm", content)
