"""What all algorithms that suggest one assignment at a time have in common."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final, TypeAlias

from trialmill.api.history import Exhausted, History, NewTrial, Suggestions, TrialStatus, TrialView
from trialmill.api.space import Value

USED_UP: Final = Exhausted("every assignment of the space was tried")

SuggestOne: TypeAlias = Callable[[History, int], dict[str, Value] | None]
"""(history, number) -> the assignment of suggestion `number`; None when the space is used up."""


def ask_one_by_one(suggest: SuggestOne, history: History, first: int, count: int) -> Suggestions | Exhausted:
    """Ask `count` times, each time with the earlier answers as running trials.

    So a suggestion is the same whether it was asked for alone or among others. When the space ends on the way, the
    answer is what was found until then.
    """
    items: list[NewTrial] = []
    for number in range(first, first + count):
        assignment = suggest(history, number)
        if assignment is None:
            break
        items.append(NewTrial(assignment))
        pending = TrialView(number, assignment, TrialStatus.ACTIVE)
        history = replace(history, trials=(*history.trials, pending))
    return Suggestions(tuple(items)) if items or count == 0 else USED_UP
