"""One row for each rule: one thing wrong with a good Experiment, and the one problem that is found, in its line."""

from typing import Final, NamedTuple

import pytest
from check_samples import GOOD, check, edited

from trialmill.api.problem import Severity


class Row(NamedTuple):
    """`at` is text of the line that the problem names: the first line that holds it. `also` are further edits."""

    name: str
    old: str
    new: str
    at: str
    code: str
    severity: Severity = Severity.ERROR
    also: tuple[tuple[str, str], ...] = ()


_WARNING, _NOTE, _UNAVAILABLE = Severity.WARNING, Severity.NOTE, Severity.UNAVAILABLE
_MEDIAN: Final = 'algorithmName: medianstop\n    algorithmSettings:\n      - name: start_step\n        value: "2"'
_LAYERS: Final = 'min: "1"\n        max: "8"'
_SUCCESS: Final = 'successCondition: status.conditions.#(type=="Complete")#|#(status=="True")#'
_FAILURE: Final = 'failureCondition: status.conditions.#(type=="Failed")#|#(status=="True")#'
_FILE: Final = "path: /var/log/metrics.log\n        kind: File\n        format: TEXT"
_FILTER: Final = '      filter:\n        metricsFormat:\n          - "(\\\\w+)=([0-9.]+)"\n'
_COLLECTOR: Final = f"collector:\n      kind: File\n    source:\n      fileSystemPath:\n        {_FILE}\n{_FILTER}"
_FIELDS: Final = '      metricFields:\n        - {name: accuracy, path: "status.result"}\n'
_OUTPUTS: Final = (
    'collector:\n      kind: Outputs\n    source:\n      metricFields:\n        - {name: %s, path: "%s"}\n'
)
_SPEC: Final = "            restartPolicy: Never\n            containers:"

_METADATA: Final = [
    Row("a name in capitals", "name: mnist", "name: MNIST", "name: MNIST", "invalid-name"),
    Row("a name with an underscore", "name: mnist", "name: my_mnist", "name: my_mnist", "invalid-name"),
    Row("a name that ends with a hyphen", "name: mnist", "name: mnist-", "name: mnist-", "invalid-name"),
    Row("a name with a dot", "name: mnist", "name: my.mnist", "name: my.mnist", "invalid-name", _WARNING),
    Row("a name with a digit first", "name: mnist", "name: 3mnist", "name: 3mnist", "invalid-name", _NOTE),
    Row("a name too long for Katib", "name: mnist", f"name: {'m' * 41}", "name: mmm", "name-too-long", _NOTE),
    Row("a name too long for trials", "name: mnist", f"name: {'m' * 55}", "name: mmm", "name-too-long"),
    Row("a namespace in capitals", "namespace: team", "namespace: Team", "namespace: Team", "invalid-name"),
]
_BUDGETS: Final = [
    Row("no trial at once", "parallelTrialCount: 2", "parallelTrialCount: 0", "parallelTrialCount", "out-of-range"),
    Row(
        "more at once than in all", "parallelTrialCount: 2", "parallelTrialCount: 13", "parallel", "parallel-above-max"
    ),
    Row("no trial in all", "maxTrialCount: 12", "maxTrialCount: 0", "maxTrialCount", "out-of-range"),
    Row("fewer than no failures", "TrialCount: 3", "TrialCount: -1", "maxFailedTrialCount", "out-of-range"),
    Row("more failures than trials", "TrialCount: 3", "TrialCount: 13", "maxFailed", "failed-above-max"),
    Row("no time", "  parallelTrialCount: 2", "  timeout: 0s\n  parallelTrialCount: 2", "timeout", "out-of-range"),
    Row(
        "a trial without time",
        "    primaryContainerName",
        "    activeDeadlineSeconds: 0\n    primaryContainerName",
        "activeDeadlineSeconds",
        "out-of-range",
    ),
    Row(
        "fewer than no retries",
        "    primaryContainerName",
        "    retry:\n      limit: -1\n    primaryContainerName",
        "limit: -1",
        "out-of-range",
    ),
    Row(
        "no end",
        "  maxTrialCount: 12\n",
        "",
        "  objective: # 2",
        "no-end",
        _NOTE,
        (("    goal: 0.99\n", ""), ("  objective:", "  objective: # 2")),
    ),
    Row(
        "a default of Katib's above the maximum",
        "  parallelTrialCount: 2\n  maxTrialCount: 12\n  maxFailedTrialCount: 3\n",
        "  maxTrialCount: 2\n",
        "maxTrialCount",
        "parallel-above-max",
        _NOTE,
    ),
]
_OBJECTIVE: Final = [
    Row("the objective among the others", "- loss", "- accuracy", "- accuracy", "objective-among-additional"),
    Row("a metric twice", "- loss", "- loss\n      - loss # again", "# again", "duplicate-metric", _WARNING),
    Row("a metric without a name", "- loss", '- ""', '- ""', "empty-name", _WARNING),
    Row("a strategy for nothing", "- name: accuracy", "- name: acuracy", "name: acuracy", "unknown-metric", _WARNING),
    Row(
        "two strategies for one metric",
        "value: latest",
        "value: latest\n      - name: accuracy # again\n        value: max",
        "# again",
        "duplicate-strategy",
        _WARNING,
    ),
]
_ALGORITHM: Final = [
    Row("a misspelt algorithm", "algorithmName: random", "algorithmName: randon", "randon", "unknown-algorithm"),
    Row(
        "an algorithm to come",
        'algorithmName: random\n    algorithmSettings:\n      - name: random_state\n        value: "7"',
        "algorithmName: hyperband",
        "hyperband",
        "not-available-yet",
        _UNAVAILABLE,
    ),
    Row("a misspelt setting", "name: random_state", "name: random_sate", "random_sate", "unknown-setting"),
    Row("a wrong setting", 'value: "7"', 'value: "-7"', 'value: "-7"', "invalid-setting"),
    Row("a misspelt rule", "algorithmName: medianstop", "algorithmName: medianstob", "stob", "unknown-algorithm"),
    Row("a rule to come", _MEDIAN, "algorithmName: asha", "asha", "not-available-yet", _UNAVAILABLE),
    Row("a setting that medianstop has not", "name: start_step", "name: start", "name: start", "unknown-setting"),
    Row("a wrong setting of medianstop", 'value: "2"', 'value: "0"', 'value: "0"', "invalid-setting"),
    Row(
        "a grid over a double without a step",
        'algorithmName: random\n    algorithmSettings:\n      - name: random_state\n        value: "7"\n',
        "algorithmName: grid\n",
        "feasibleSpace: # lr",
        "grid-needs-step",
        also=(("feasibleSpace:", "feasibleSpace: # lr"), ('        step: "0.01"\n', "")),
    ),
]
_COLLECTION: Final = [
    Row("a relative path", "path: /var/log/metrics.log", "path: metrics.log", "path: m", "path-not-absolute"),
    Row("a folder", "kind: File\n        format", "kind: Directory\n        format", "Directory", "wrong-source-kind"),
    Row("a filter for JSON", "format: TEXT", "format: JSON", "filter:", "filter-with-json"),
    Row("a filter with one group", "=([0-9.]+)", "=[0-9.]+", "[0-9.]", "invalid-filter"),
    Row("a filter that Go refuses", "=([0-9.]+)", "(?=)([0-9.]+)", "[0-9.]", "invalid-filter"),
    Row("a path for StdOut", "kind: File", "kind: StdOut", "fileSystemPath", "no-effect", _WARNING),
    Row(
        "a path to a metric that leads nowhere",
        *(_COLLECTOR, _OUTPUTS % ("accuracy", "status.#(a"), "status.#(a", "invalid-path"),
    ),
    Row(
        "a field for another metric",
        *(_COLLECTOR, _OUTPUTS % ("accurcy", "status.result"), "- {name: accurcy", "required"),
    ),
    Row("metrics in fields for a file", _FILTER, _FIELDS, "metricFields", "no-effect", _WARNING),
    Row("a collector that is none", "kind: File", "kind: Files", "kind: Files", "unknown-value"),
    Row("pushed metrics", _COLLECTOR, "collector:\n      kind: Push\n", "Push", "not-available-yet", _UNAVAILABLE),
]
_PARAMETERS: Final = [
    Row(
        "two of one name",
        "- name: layers\n      parameterType",
        "- name: lr # 2\n      parameterType",
        "# 2",
        "duplicate-name",
    ),
    Row("a type that is none", "parameterType: double", "parameterType: float", "float", "unknown-value"),
    Row("a type unknown to Katib too", "parameterType: double", "parameterType: unknown", "unknown", "unknown-value"),
    Row("min above max", 'min: "1"', 'min: "9"', 'min: "9"', "min-above-max"),
    Row("min missing", f"feasibleSpace:\n        {_LAYERS}", 'feasibleSpace: # 2\n        max: "8"', "# 2", "required"),
    Row("max missing", f"feasibleSpace:\n        {_LAYERS}", 'feasibleSpace: # 2\n        min: "1"', "# 2", "required"),
    Row("min no number", 'min: "1"', 'min: "one"', 'min: "one"', "not-a-number"),
    Row("an int with a fraction", 'max: "8"', 'max: "8.5"', 'max: "8.5"', "not-a-number"),
    Row("a single value", 'max: "8"', 'max: "1"', 'max: "1"', "one-value-only", _NOTE),
    Row("a step of nothing", 'step: "0.01"', 'step: "0"', 'step: "0"', "invalid-step"),
    Row("a step back", 'step: "0.01"', 'step: "-0.01"', 'step: "-0.01"', "invalid-step"),
    Row("a step too large", 'step: "0.01"', 'step: "2"', 'step: "2"', "step-above-range", _WARNING),
    Row("a logarithm of nothing", 'min: "0.01"', 'min: "0"', 'min: "0"', "log-needs-positive"),
    Row("a list for a range", _LAYERS, f'{_LAYERS}\n        list: ["1"]', 'list: ["1"]', "misplaced-field"),
    Row(
        "a range for a list",
        'list: ["16", "32"]',
        'list: ["16", "32"]\n        max: "3"',
        'max: "3"',
        "misplaced-field",
    ),
    Row("a list of nothing", "list: [sgd, adam]", "list: []", "list: []", "required"),
    Row("a word among numbers", '["16", "32"]', '["16", "many"]', "many", "not-a-number"),
    Row("a value twice", "[sgd, adam]", "[sgd, adam, sgd]", "list: [sgd", "duplicate-value", _WARNING),
    Row("a number in two spellings", '["16", "32"]', '["16", "16.0"]', "16.0", "duplicate-value", _WARNING),
    Row(
        "a distribution of words",
        "list: [sgd, adam]",
        "list: [sgd, adam]\n        distribution: normal",
        "distribution: normal",
        "no-effect",
        _WARNING,
    ),
    Row("a number as text", 'max: "8"', "max: 8", "max: 8", "number-as-text", _NOTE),
    Row(
        "a parameter that no trial sees",
        "  trialTemplate:",
        "    - name: unseen\n      parameterType: int\n      feasibleSpace: {min: '1', max: '2'}\n  trialTemplate:",
        "name: unseen",
        "unused-parameter",
    ),
]
_TEMPLATE: Final = [
    Row(
        "a placeholder that is not declared",
        "${trialParameters.batch}",
        "${trialParameters.x} ${trialParameters.batch}",
        "x}",
        "undeclared-placeholder",
    ),
    Row(
        "a misspelt placeholder",
        "${trialParameters.learningRate}",
        "${trialParameters.learningRat}",
        "--lr",
        "undeclared-placeholder",
    ),
    Row("a misspelt reference", "reference: optimizer", "reference: optimiser", "optimiser", "unknown-reference"),
    Row(
        "a trial parameter that is not used",
        "--layers=${trialParameters.layers}",
        "--layers=3",
        "- name: layers # 2",
        "unused-trial-parameter",
        also=(("- name: layers\n        reference", "- name: layers # 2\n        reference"),),
    ),
    Row(
        "a placeholder in parentheses",
        "image: mnist",
        "image: mnist$(trialParameters.layers)",
        "image: mnist",
        "placeholder-lookalike",
        _WARNING,
    ),
    Row(
        "a name of its own",
        "kind: Job\n",
        "kind: Job\n      metadata:\n        name: own\n",
        "name: own",
        "owned-metadata",
        _NOTE,
    ),
    Row("a misspelt kind", "kind: Job", "kind: Jbo", "kind: Jbo", "unknown-kind"),
    Row("a wrong version", "apiVersion: batch/v1\n", "apiVersion: v1\n", "apiVersion: v1", "unknown-api-version"),
    Row(
        "an old version",
        "apiVersion: batch/v1\n",
        "apiVersion: batch/v1beta1\n",
        "batch/v1beta1",
        "unknown-api-version",
    ),
    Row("a word among integers", "backoffLimit: 0", 'backoffLimit: "4"', "backoffLimit", "wrong-type"),
    Row("a number among words", 'command: ["true"]', "command: [5]", "command: [5]", "wrong-type"),
    Row("a misspelt field", "image: logger", "imgae: logger", "imgae", "unknown-field"),
    Row("a misspelt field that is required", "containers:", "contaners:", "contaners", "unknown-field"),
    Row("a misspelt policy", "restartPolicy: Never", "restartPolicy: never", "restartPolicy", "unknown-value"),
    Row(
        "a misspelt field that has no default",
        "restartPolicy: Never",
        "restartPolcy: Never",
        "restartPolcy",
        "unknown-field",
    ),
    Row("a container without a name", "- name: logger\n                image", "- image", "- image", "required"),
    Row(
        "no restart policy", f"{_SPEC}", "            containers:", "            containers:", "restart-policy-invalid"
    ),
    Row(
        "a volume that is none",
        "image: logger",
        "image: logger\n                volumeMounts: [{name: data, mountPath: /data}]",
        "volumeMounts",
        "volume-unknown",
    ),
    Row(
        "a ConfigMap that is not there",
        "image: logger",
        "image: logger\n                envFrom: [{configMapRef: {name: settings}}]",
        "envFrom",
        "config-map-missing",
    ),
    Row("no image", "image: logger\n                command", "command", "- name: logger", "no-image", _NOTE),
    Row(
        "a variable that only Katib adds",
        "image: logger",
        "image: logger\n                args: [--out=$(KATIB_TRIAL_NAME)]",
        "--out=",
        "katib-trial-name",
        _NOTE,
    ),
    Row("a resource that is none", "cpu: 500m", "cpus: 500m", "cpus", "unknown-resource"),
    Row("an amount that is none", "cpu: 500m", "cpu: 500 m", "cpu: 500 m", "quantity-invalid"),
]
_PRIMARY: Final = [
    Row("a misspelt container", "ContainerName: training", "ContainerName: trainig", "trainig", "unknown-container"),
    Row("no container named", "    primaryContainerName: training\n", "", "trialTemplate:", "required"),
    Row(
        "a label that no pod has",
        "PodLabels:\n      role: training",
        "PodLabels:\n      role: master",
        "role: master",
        "unknown-label",
    ),
]
_CONDITIONS: Final = [
    Row(
        "a success that is no GJSON",
        _SUCCESS,
        'successCondition: status.conditions.#(type=="Complete"',
        "success",
        "invalid-condition",
    ),
    Row(
        "a failure that is no GJSON",
        _FAILURE,
        'failureCondition: status.conditions.#(type=="Failed"',
        "failure",
        "invalid-condition",
        _WARNING,
    ),
    Row("a success that is never met", "Complete", "Completed", "success", "condition-never-met"),
    Row("a success that is a word", _SUCCESS, "successCondition: status.succeeded", "success", "condition-never-met"),
    Row("a failure that is never met", '"Failed"', '"Fail"', "failure", "condition-never-met", _WARNING),
    Row(
        "a failure that is met by success",
        _FAILURE,
        'failureCondition: status.conditions.#(status=="True")#',
        "failure",
        "condition-too-wide",
    ),
    Row(
        "a success that is met by failure",
        _SUCCESS,
        'successCondition: status.conditions.#(status=="True")#',
        "success",
        "condition-too-wide",
        _WARNING,
        also=(('"Failed"', '"Fail"'),),
    ),
]
_ROWS: Final = [
    *_METADATA,
    *_BUDGETS,
    *_OBJECTIVE,
    *_ALGORITHM,
    *_COLLECTION,
    *_PARAMETERS,
    *_TEMPLATE,
    *_PRIMARY,
    *_CONDITIONS,
]


@pytest.mark.parametrize("row", _ROWS, ids=lambda row: row.name)
def test_finds_the_one_thing_that_is_wrong_in_its_line(row: Row) -> None:
    text = edited((row.old, row.new), *row.also)
    line = next(n for n, each in enumerate(text.splitlines(), start=1) if row.at in each)

    _, problems = check(text)

    assert [(p.code, p.severity, p.line) for p in problems] == [(row.code, row.severity, line)]


def test_a_good_experiment_has_no_problems_at_all() -> None:
    checked, problems = check(GOOD)

    assert problems == []
    assert checked is not None
    assert checked.space.names == ("lr", "layers", "batch", "optimizer")
    assert checked.primary_container == "training"
