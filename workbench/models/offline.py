"""What to say of a run in which abacus was asked something that it cannot know."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from workbench.arithmetic import in_family
from workbench.models.registry import ABACUS


def note(models: Iterable[str], prompts: Sequence[str]) -> str | None:
    """A sentence on prompts outside abacus's family, None where there are none or abacus had no part."""
    named = [m for m in models if m in ABACUS]
    foreign = sum(not in_family(p) for p in prompts)
    if not named or not foreign:
        return None
    return (
        f"{' and '.join(named)} {'knows' if len(named) == 1 else 'know'} only the built-in sums of products "
        f'(load_tasks("arithmetic")); {foreign} of {len(prompts)} tasks are something else, and its answers to them mean nothing.'
    )
