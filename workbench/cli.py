"""`workbench …`: a thin skin over the public names; a command's module is imported only when it is used."""

from __future__ import annotations

import sys
from importlib import import_module

import click

from workbench import __version__
from workbench.errors import WorkbenchError

COMMANDS = {
    "demo": ("workbench.commands.demo:demo_cmd", "Run the main job offline: a table, a report, pictures."),
    "run": ("workbench.commands.run:run_cmd", "Put tasks to a strategy's agents."),
    "probe": ("workbench.commands.probe:probe_cmd", "Put a model through long episodes with tools, faults and rules."),
    "sweep": ("workbench.commands.sweep:sweep_cmd", "Run a notebook over a grid of choices."),
    "notebooks": ("workbench.commands.sweep:notebooks_cmd", "The stored experiments and their parameters."),
    "drift": ("workbench.commands.drift:drift_cmd", "What moved between two runs, or since a run was made."),
    "router": ("workbench.commands.sweep:router_cmd", "What a sweep found, as a file for LiteLLM's Router."),
    "show": ("workbench.commands.look:show_cmd", "A run, or one task's threads as a picture."),
    "share": ("workbench.commands.look:share_cmd", "A run's threads as one interactive page."),
    "answers": ("workbench.commands.look:answers_cmd", "One row per task of a run."),
    "agentic": ("workbench.commands.agentic:agentic_cmd", "How a run's agents hold up over many steps."),
    "doctor": ("workbench.commands.doctor:doctor_cmd", "What works here, and what to do about what does not."),
    "models": ("workbench.commands.look:models_cmd", "The models that can be run."),
    "runs": ("workbench.commands.traces:runs_group", "List, verify, seal and remove runs."),
    "import": ("workbench.commands.traces:import_cmd", "Open other tools' traces."),
    "export": ("workbench.commands.traces:export_cmd", "Give a run to other tools."),
    "sql": ("workbench.commands.traces:sql_cmd", "Ask runs a question in SQL."),
    "plan": ("workbench.planner.command:plan", "How many agents GPUs carry, how fast, at what price."),
}
"""Name -> where the command is, and its line in the list."""


class _Lazy(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[name][0].partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from workbench.errors import nearest

            raise click.UsageError(f"no command {args[0]!r}{nearest(args[0], COMMANDS)}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, words) for name, (_, words) in COMMANDS.items()])


@click.group(cls=_Lazy, epilog="Start with:  workbench demo")
@click.version_option(__version__, prog_name="workbench")
def cli() -> None:
    """How many agents, which strategy, which models, on which GPUs: at what quality, cost and latency."""


def main() -> None:
    """The entry point: errors of ours are one clear line and exit status 2, an interrupt leaves quietly."""
    try:
        cli(standalone_mode=False)
    except click.Abort:
        click.echo("interrupted", err=True)
        sys.exit(130)
    except click.ClickException as e:
        e.show()
        sys.exit(e.exit_code)
    except KeyboardInterrupt:
        click.echo("interrupted; the run's record is complete up to here, and -o FOLDER goes on with it", err=True)
        sys.exit(130)
    except WorkbenchError as e:
        click.echo(f"Error: {e}", err=True)
        sys.exit(2)
    except click.exceptions.Exit as e:
        sys.exit(e.exit_code)
