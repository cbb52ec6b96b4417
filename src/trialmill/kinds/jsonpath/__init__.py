"""JSONPath as kubectl has it (k8s.io/client-go/util/jsonpath), one expression over a parsed JSON tree.

`parse` takes a text apart once; `Path.find` walks a tree. Missing fields are no errors: they find nothing.
"""

from trialmill.kinds.jsonpath.parse import JsonPathError, parse
from trialmill.kinds.jsonpath.steps import Steps, find

__all__ = ["JsonPathError", "Steps", "find", "parse"]
