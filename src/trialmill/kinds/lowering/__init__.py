"""Resources lowered to pods of one machine: a Job or a Pod becomes a `Workload` (`kinds.plan`).

`lower` reads a rendered manifest, reports everything that is wrong with it, and returns the workload. A workload is
made of three things: a template that resolves into pods (`pod_template`, `environment`, `volumes`), rules for how one
pod goes on (`container_run`), and rules for how pods add up (`job`, `pod`). Imports `api` and `kinds.plan` only.
"""

from trialmill.kinds.lowering.lower import lower

__all__ = ["lower"]
