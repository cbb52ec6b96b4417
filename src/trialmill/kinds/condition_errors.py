"""User's conditions that make no sense on a resource as it is: a text compared with a number, a path to a list.

They are not met, as what is not there is not met; but what is not there may come, and these never will. GJSON and the
conditions of a type have no such errors.
"""

from trialmill.api.experiment import When
from trialmill.api.tree import Json
from trialmill.api.verdict import ConditionError
from trialmill.kinds.conditions import without_stale_conditions
from trialmill.kinds.verdict import Policy
from trialmill.kinds.when import error_on, met


def condition_errors(resource: Json, policy: Policy) -> tuple[ConditionError, ...]:
    """Those of the conditions that a verdict on this resource asks: failure first, and success where that is not met.
    Pure; never raises.
    """
    labelled = (("failureWhen", policy.failure), ("successWhen", policy.success))
    asked = [(label, condition) for label, condition in labelled if isinstance(condition, When)]
    if not asked or not isinstance(resource, dict):
        return ()
    current = without_stale_conditions(resource)
    found = []
    for label, condition in asked:
        if error := error_on(current, condition):
            found.append(ConditionError(f"{label} {condition}", error))
        elif met(current, condition):
            break
    return tuple(found)
