"""Rules for the settings of algorithms and of early stopping, and reading settings that follow them."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from trialmill.api.experiment import Setting
from trialmill.api.history import Settings
from trialmill.api.problem import Severity


@dataclass(frozen=True, slots=True)
class SettingRule:
    """One setting: what it may be, in words and as a function that raises ValueError for anything else."""

    name: str
    rule: str
    parse: Callable[[str], float]
    default: str = ""
    summary: str = ""


@dataclass(frozen=True, slots=True)
class SettingProblem:
    """What is wrong with a setting. `setting_index` is its place in the list, None for the list as a whole."""

    setting_index: int | None
    code: str
    severity: Severity
    message: str
    remedy: str = ""


def whole_number(name: str, at_least: int, default: str = "", summary: str = "") -> SettingRule:
    def parse(text: str) -> float:
        number = int(text)
        if number < at_least:
            raise ValueError(text)
        return number

    return SettingRule(name, f"a whole number, {at_least} or more", parse, default, summary)


def positive_number(name: str, default: str = "", summary: str = "") -> SettingRule:
    def parse(text: str) -> float:
        number = float(text)
        if not (number > 0 and math.isfinite(number)):
            raise ValueError(text)
        return number

    return SettingRule(name, "a number above 0", parse, default, summary)


def number_between(name: str, low: float, high: float, default: str = "", summary: str = "") -> SettingRule:
    def parse(text: str) -> float:
        number = float(text)
        if not low < number < high:
            raise ValueError(text)
        return number

    return SettingRule(name, f"a number between {low:g} and {high:g}, both excluded", parse, default, summary)


def read_whole(settings: Settings, name: str, default: int) -> int:
    """The setting as an integer. Settings were checked before; one that is wrong after all counts as absent."""
    try:
        return int(settings[name])
    except (KeyError, ValueError):
        return default


def read_number(settings: Settings, name: str) -> float | None:
    """The setting as a float, None if absent; under the same terms as `read_whole`."""
    try:
        return float(settings[name])
    except (KeyError, ValueError):
        return None


def check_against(owner: str, rules: Sequence[SettingRule], settings: Sequence[Setting]) -> list[SettingProblem]:
    """Unknown, repeated and wrong settings of `owner`, an algorithm or early stopping."""
    known = {rule.name: rule for rule in rules}
    problems: list[SettingProblem] = []
    seen: set[str] = set()
    for index, setting in enumerate(settings):
        rule = known.get(setting.name)
        if rule is None:
            problems.append(_unknown(owner, index, setting.name, known))
        elif setting.name in seen:
            message = f"{setting.name} is set more than once; the last value counts"
            problems.append(SettingProblem(index, "duplicate-setting", Severity.WARNING, message, "keep one of them"))
        if rule is not None:
            problems += _wrong_value(index, rule, setting.value)
        seen.add(setting.name)
    return problems


def _unknown(owner: str, index: int, name: str, known: dict[str, SettingRule]) -> SettingProblem:
    from difflib import get_close_matches  # only for mistakes, not at every start

    near = get_close_matches(name.lower(), [n.lower() for n in known], n=1)
    match = next((n for n in known if near and n.lower() == near[0]), None)
    if match is not None:
        remedy = f"did you mean {match}?"
    elif known:
        remedy = f"{owner} has the settings {', '.join(known)}"
    else:
        remedy = f"{owner} has no settings"
    return SettingProblem(index, "unknown-setting", Severity.ERROR, f"{owner} has no setting {name!r}", remedy)


def _wrong_value(index: int, rule: SettingRule, value: str) -> list[SettingProblem]:
    try:
        rule.parse(value)
    except ValueError:
        message = f"{rule.name} must be {rule.rule}, not {value!r}"
        remedy = f"leave it out for the default, {rule.default}" if rule.default else ""
        return [SettingProblem(index, "invalid-setting", Severity.ERROR, message, remedy)]
    return []
