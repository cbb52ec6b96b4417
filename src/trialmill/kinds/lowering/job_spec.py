"""Reads a batch/v1 Job: Kubernetes' defaults, and what its API server would refuse."""

from dataclasses import dataclass
from typing import Final

from trialmill.api.problem import Problems
from trialmill.api.tree import Json, JsonObject, Path, get, get_list, get_object, get_string, is_object, kind_name
from trialmill.kinds.lowering.companions import Companions
from trialmill.kinds.lowering.container_run import RestartPolicy
from trialmill.kinds.lowering.downward import FieldRef
from trialmill.kinds.lowering.environment import Variable
from trialmill.kinds.lowering.indexes import parse_indexes
from trialmill.kinds.lowering.job import INDEX_KEY, JobWorkload
from trialmill.kinds.lowering.job_rules import UNLIMITED, FailureRule, JobRules, SuccessRule
from trialmill.kinds.lowering.listed import read_list
from trialmill.kinds.lowering.naming import derived_uid
from trialmill.kinds.lowering.pod_template import read_pod_template

_DEFAULT_BACKOFF_LIMIT: Final = 6
_ACTIONS: Final = ("FailJob", "Ignore", "Count", "FailIndex")
_OWN_CONTROLLER: Final = "kubernetes.io/job-controller"
_INDEX_VARIABLE: Final = Variable("JOB_COMPLETION_INDEX", field=FieldRef("metadata.annotations", INDEX_KEY))


def lower_job(resource: JsonObject, companions: Companions, problems: Problems, base: Path) -> JobWorkload:
    """The Job at `base`. The result is of use only if nothing refused was reported."""
    name = get_string(resource, "metadata", "name") or "job"
    namespace = get_string(resource, "metadata", "namespace") or "default"
    spec = get_object(resource, "spec")
    path = (*base, "spec")
    reader = _JobReader(spec, path, problems)
    indexed = reader.is_indexed()
    reader.check_suspended()
    template = read_pod_template(
        get_object(spec, "template"),
        companions,
        problems,
        (*path, "template"),
        restart=reader.restart_policy(),
        extra=(_INDEX_VARIABLE,) if indexed else (),
    )
    limit_per_index = reader.count("backoffLimitPerIndex")
    parallelism, completions = reader.sizes(indexed)
    backoff_limit = reader.count("backoffLimit")
    if backoff_limit is None:
        backoff_limit = _DEFAULT_BACKOFF_LIMIT if limit_per_index is None else UNLIMITED
    deadline = reader.count("activeDeadlineSeconds")
    rules = JobRules(
        name=name,
        namespace=namespace,
        pod=template.rules,
        parallelism=parallelism,
        completions=completions,
        indexed=indexed,
        backoff_limit=backoff_limit,
        backoff_limit_per_index=limit_per_index,
        max_failed_indexes=reader.count("maxFailedIndexes"),
        deadline=None if deadline is None else float(deadline),
        failure_policy=reader.failure_policy({c.name for c in template.containers}),
        success_policy=reader.success_policy(completions or 0),
    )
    reader.check_indexed_only(indexed)
    uid = get_string(resource, "metadata", "uid") or derived_uid(namespace, "Job", name)
    return JobWorkload(rules, template, uid)


@dataclass(frozen=True, slots=True)
class _JobReader:
    """The fields of a Job's spec, each with what can be wrong with it."""

    spec: JsonObject
    path: Path
    problems: Problems

    def count(self, field: str) -> int | None:
        """A whole number of 0 or more, None where the field is not set."""
        value = self.spec.get(field)
        if value is None:
            return None
        if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            return value
        self.problems.add(
            "count-invalid",
            f"{field} is {kind_name(value)}." if not isinstance(value, int) else f"{field} is negative.",
            (*self.path, field),
            found=str(value),
            expected="a whole number, 0 or more",
        )
        return None

    def is_indexed(self) -> bool:
        mode = self.spec.get("completionMode", "NonIndexed")
        if mode not in ("NonIndexed", "Indexed", None):
            self.problems.add(
                "completion-mode-unknown",
                f"There is no completionMode {mode}.",
                (*self.path, "completionMode"),
                found=str(mode),
                expected="NonIndexed or Indexed",
            )
        return mode == "Indexed"

    def sizes(self, indexed: bool) -> tuple[int, int | None]:
        """Parallelism and completions. With neither the Job is one pod; with parallelism alone it is a work queue."""
        parallelism, completions = self.count("parallelism"), self.count("completions")
        if indexed and self.spec.get("completions") is None:
            self.problems.add(
                "completions-missing",
                "A Job with completionMode Indexed says how many completions it needs.",
                (*self.path, "completionMode"),
                remedy="set completions",
            )
        if parallelism == 0 and completions != 0:
            self.problems.add(
                "parallelism-zero",
                "A Job with parallelism 0 starts no pod, so it never ends.",
                (*self.path, "parallelism"),
                found="0",
                expected="1 or more",
            )
        if parallelism is None and completions is None:
            return 1, 1
        return 1 if parallelism is None else parallelism, completions

    def restart_policy(self) -> RestartPolicy:
        policy = get(self.spec, "template", "spec", "restartPolicy")
        if policy in (RestartPolicy.NEVER, RestartPolicy.ON_FAILURE):
            if policy == RestartPolicy.ON_FAILURE and self.spec.get("podFailurePolicy"):
                self._refuse_restart(policy, "A podFailurePolicy needs the restartPolicy Never.", "Never")
            return RestartPolicy(str(policy))
        self._refuse_restart(
            policy,
            "The pods of a Job say when they are restarted."
            if policy is None
            else f"The pods of a Job cannot have the restartPolicy {policy}.",
            "OnFailure or Never",
        )
        return RestartPolicy.NEVER

    def _refuse_restart(self, policy: Json, message: str, expected: str) -> None:
        self.problems.add(
            "restart-policy-invalid",
            message,
            (*self.path, "template", "spec", "restartPolicy"),
            found="" if policy is None else str(policy),
            expected=expected,
            remedy="set restartPolicy: Never",
        )

    def check_suspended(self) -> None:
        if self.spec.get("suspend") is True:
            self.problems.add(
                "job-suspended",
                "The Job is created suspended, and nothing here would resume it.",
                (*self.path, "suspend"),
                found="true",
                remedy="remove suspend",
            )
        manager = self.spec.get("managedBy")
        if manager not in (None, _OWN_CONTROLLER):
            self.problems.warn(
                "no-effect-here",
                f"managedBy has no effect here: {manager} does not run on this machine.",
                (*self.path, "managedBy"),
            )

    def check_indexed_only(self, indexed: bool) -> None:
        for field in ("backoffLimitPerIndex", "maxFailedIndexes", "successPolicy"):
            if self.spec.get(field) is not None and not indexed:
                self.problems.add(
                    "indexed-only",
                    f"{field} needs the completionMode Indexed.",
                    (*self.path, field),
                    remedy="set completionMode: Indexed",
                )
        if self.spec.get("maxFailedIndexes") is not None and self.spec.get("backoffLimitPerIndex") is None:
            self.problems.add(
                "backoff-limit-per-index-missing",
                "maxFailedIndexes needs a backoffLimitPerIndex.",
                (*self.path, "maxFailedIndexes"),
            )

    def failure_policy(self, containers: set[str]) -> tuple[FailureRule, ...]:
        """The rules on exit codes. Rules on conditions of pods never match here: nothing evicts a pod."""
        found: list[FailureRule] = []
        for index, rule in enumerate(self._rules("podFailurePolicy")):
            place = (*self.path, "podFailurePolicy", "rules", index)
            action = get_string(rule, "action")
            if action not in _ACTIONS:
                self._malformed("action", action, (*place, "action"), ", ".join(_ACTIONS))
            elif action == "FailIndex" and self.spec.get("backoffLimitPerIndex") is None:
                self._malformed("action", action, (*place, "action"), "FailIndex only with backoffLimitPerIndex")
            elif is_object(codes := get(rule, "onExitCodes")):
                entry = self._exit_codes(index, action, codes, containers, (*place, "onExitCodes"))
                found += [entry] if entry else []
        return tuple(found)

    def _rules(self, policy: str) -> list[Json]:
        return read_list(self.spec.get(policy), "rules", self.problems, (*self.path, policy))

    def _exit_codes(
        self, index: int, action: str, codes: JsonObject, containers: set[str], path: Path
    ) -> FailureRule | None:
        operator, container = get_string(codes, "operator"), get_string(codes, "containerName")
        values = frozenset(v for v in get_list(codes, "values") if isinstance(v, int))
        if operator not in ("In", "NotIn"):
            self._malformed("operator", operator, (*path, "operator"), "In or NotIn")
        elif not values or (operator == "In" and 0 in values):
            self._malformed("values", str(get(codes, "values")), (*path, "values"), "exit codes other than 0")
        elif container and container not in containers:
            self._malformed("containerName", container, (*path, "containerName"), ", ".join(sorted(containers)))
        else:
            return FailureRule(index, action, values, operator == "In", container)
        return None

    def success_policy(self, completions: int) -> tuple[SuccessRule, ...]:
        found: list[SuccessRule] = []
        for index, rule in enumerate(self._rules("successPolicy")):
            place = (*self.path, "successPolicy", "rules", index)
            text, count = get(rule, "succeededIndexes"), get(rule, "succeededCount")
            indexes = parse_indexes(text, completions) if isinstance(text, str) else None
            if text is not None and indexes is None:
                self._malformed("succeededIndexes", str(text), (*place, "succeededIndexes"), "indexes such as 0-2,4")
            elif text is None and not isinstance(count, int):
                self._malformed("rule", str(rule), place, "succeededIndexes or succeededCount")
            else:
                found.append(SuccessRule(indexes, count if isinstance(count, int) else None))
        return tuple(found)

    def _malformed(self, what: str, found: str, path: Path, expected: str) -> None:
        self.problems.add(
            "policy-invalid", f"The {what} of this rule is not valid.", path, found=found, expected=expected
        )
