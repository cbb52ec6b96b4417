"""Knative serving: a Service answers requests until it is deleted."""

from typing import Final

from trialmill.kinds.profile import KindProfile

PROFILES: Final = (KindProfile(group="serving.knative.dev", kind="Service", versions=("v1",), finite=False),)
