"""The way to the cluster of an experiment, and back to it later: a kubeconfig's context, or a pod's service account.

An experiment goes on where it was started, and nowhere else. Files move, credentials are handed out anew, a context is
called otherwise; so a later command takes the first way that leads to the same cluster:

1. the context that is remembered, in what KUBECONFIG names now;
2. that context in the files that are remembered;
3. without KUBECONFIG, that context where kubectl looks, which may be the pod's service account;
4. whatever kubectl would take now.

The same cluster has the same address and certificate authority. Where none of the ways has both, the first one is taken
if the namespace `kube-system` has the uid there that is remembered. Whether it has is asked in any case: behind the
address of a tunnel, or of a cluster that was made anew, there may be another.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from trialmill.api.tree import get_string
from trialmill.kube.api import KubeApi, KubeError, ResourceType, UnreachableError
from trialmill.kube.configuration import Access, KubeConfigError, Server
from trialmill.kube.connect import home_of
from trialmill.kube.kubeconfig import find_access
from trialmill.kube.pem import digest_of
from trialmill.root.creating import ClusterChoice
from trialmill.root.errors import InputError

_NAMESPACE: Final = ResourceType("", "v1", "Namespace", "namespaces", namespaced=False)
_OLDEST: Final = "kube-system"
"""The namespace that each cluster has from its beginning to its end: its uid stands for the cluster."""
_KUBECONFIG: Final = "KUBECONFIG"


@dataclass(frozen=True, slots=True)
class Way:
    """How a cluster is reached. `is_certain`: its address and authority are those that are remembered."""

    access: Access
    is_certain: bool


def way_to(choice: ClusterChoice, environment: Mapping[str, str]) -> Way:
    """The way to a cluster that is chosen now, or back to one that is remembered. No request is made. Raises
    InputError where there is none, and where the only ways lead to another cluster.
    """
    reasons: list[KubeConfigError] = []
    elsewhere: list[Access] = []
    for kubeconfig, context in dict.fromkeys(_candidates(choice, environment)):
        try:
            _refuse_what_is_gone(choice, kubeconfig)
            access = _access(kubeconfig, context, environment)
            if not choice.server or _is_same(choice, access.server):
                return Way(access, True)
        except KubeConfigError as error:
            reasons.append(error)
            continue
        elsewhere.append(access)
    if elsewhere and choice.uid:
        return Way(elsewhere[0], False)
    if elsewhere:
        raise _another(choice, elsewhere[0].server.url)
    raise _none(choice, reasons)


def by_this_way(choice: ClusterChoice, access: Access) -> ClusterChoice:
    """The choice with what is to be remembered of the way. Raises InputError for an authority that cannot be read."""
    try:
        authority = _authority(access.server)
    except KubeConfigError as error:
        raise InputError(error.message, error.remedy) from error
    files = os.pathsep.join(str(file) for file in access.files)
    return replace(choice, context=access.context, kubeconfig=files, server=access.server.url, authority=authority)


async def uid_of(api: KubeApi) -> str:
    """What stands for the cluster itself; empty where this user may not read it, or nobody answers."""
    try:
        return get_string(await api.get(_NAMESPACE, _OLDEST), "metadata", "uid")
    except (KubeError, UnreachableError):
        return ""


async def confirm(api: KubeApi, choice: ClusterChoice, way: Way) -> None:
    """Make sure that the way leads to the cluster that is remembered. Raises InputError."""
    if not choice.uid:
        return
    uid = await uid_of(api)
    if uid != choice.uid and (uid or not way.is_certain):
        raise _another(choice, api.server, asked=not uid)


def _candidates(choice: ClusterChoice, environment: Mapping[str, str]) -> Iterator[tuple[str, str | None]]:
    """Pairs of what KUBECONFIG is to say, and of a context."""
    present, context = environment.get(_KUBECONFIG, ""), choice.context or None
    if not choice.server:  # chosen right now, so there is nothing else to look for
        yield choice.kubeconfig or present, context
        return
    if present:
        yield present, context
    yield choice.kubeconfig, context
    if not present:
        yield "", context
    yield present, None


def _refuse_what_is_gone(choice: ClusterChoice, kubeconfig: str) -> None:
    """Remembered files are not what the environment says, and so it must not be said that it is."""
    is_remembered = bool(choice.server) and kubeconfig == choice.kubeconfig
    if is_remembered and kubeconfig and not any(map(os.path.exists, kubeconfig.split(os.pathsep))):
        raise KubeConfigError(f"the kubeconfig {kubeconfig}, which led there, is not there any more")


def _access(kubeconfig: str, context: str | None, environment: Mapping[str, str]) -> Access:
    return find_access(context, environment={**environment, _KUBECONFIG: kubeconfig}, home=home_of(environment))


def _is_same(choice: ClusterChoice, server: Server) -> bool:
    return (choice.server, choice.authority) == (server.url, _authority(server))


def _authority(server: Server) -> str:
    return digest_of(server.ca.read("certificate authority"))


def _another(choice: ClusterChoice, server: str, *, asked: bool = False) -> InputError:
    if asked:
        message = f"it cannot be seen whether {server} is the cluster that the experiment runs on, {choice.server}"
        remedy = "a user is needed there who may get the namespace kube-system"
        return InputError(message, f"{remedy}; or set KUBECONFIG to a file for {choice.server}")
    same = " now" if server == choice.server else ""
    message = f"the experiment runs on the cluster {choice.server}, and {server} is{same} another one"
    return InputError(message, "set KUBECONFIG to a file that leads to its own cluster")


def _none(choice: ClusterChoice, reasons: list[KubeConfigError]) -> InputError:
    first = reasons[0]
    if not choice.server:
        return InputError(first.message, first.remedy)
    said = "; ".join(dict.fromkeys(error.message for error in reasons))
    message = f"there is no way to the cluster {choice.server}, which the experiment runs on: {said}"
    remedy = f"set KUBECONFIG to a file with the context {choice.context!r}, or another that leads there"
    return InputError(message, remedy)
