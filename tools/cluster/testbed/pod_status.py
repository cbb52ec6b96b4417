"""What the stand-in node writes: pure functions from a pod to the status that a kubelet would give it.

A pod's annotations say how it ends; all are optional:
- `stand-in.trialmill.dev/seconds`: how long it runs, 0 if not said; `never`: until it is deleted;
- `stand-in.trialmill.dev/exit-code`: of every main container, 0 if not said;
- `stand-in.trialmill.dev/reason`: of a container that failed, for instance `OOMKilled`; `Error` if not said;
- `stand-in.trialmill.dev/log`: what its containers print.

Nothing is started again: every `restartPolicy` is taken for `Never`, but a pod with `Always` runs until it is deleted.
"""

import calendar
import time

from testbed.api import Object

PREFIX = "stand-in.trialmill.dev/"


def instant(now: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now))


def micro(now: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now % 1 * 1e6):06d}Z"


def said(pod: Object, name: str, otherwise: str) -> str:
    value: str = pod["metadata"].get("annotations", {}).get(PREFIX + name, otherwise)
    return value


def is_started(pod: Object) -> bool:
    return "startTime" in pod.get("status", {})


def is_finished(pod: Object) -> bool:
    return pod.get("status", {}).get("phase") in ("Succeeded", "Failed")


def ends_in(pod: Object, now: float) -> float | None:
    """Seconds until a started pod ends by itself; None: it does not."""
    if not is_started(pod):
        return None
    seconds = said(pod, "seconds", "never" if pod["spec"].get("restartPolicy") == "Always" else "0")
    if seconds == "never":
        return None
    began = time.strptime(pod["status"]["startTime"], "%Y-%m-%dT%H:%M:%SZ")
    # Times of Kubernetes have whole seconds: a pod of none ends at once, others at least as late as they say.
    return float(seconds) and calendar.timegm(began) + 1 + float(seconds) - now


def started(pod: Object, address: str, now: float) -> Object:
    when = instant(now)
    running = {"running": {"startedAt": when}}
    number = int(pod["metadata"]["uid"].replace("-", "")[:8], 16)
    ip = f"10.90.{number >> 8 & 255}.{number & 255}"
    return {
        "phase": "Running",
        "startTime": when,
        "hostIP": address,
        "podIP": ip,
        "podIPs": [{"ip": ip}],
        "conditions": _conditions(when, ready=True, reason=None),
        "initContainerStatuses": [
            _container(pod, it, running if _is_sidecar(it) else _ended(0, "Completed", when, when))
            for it in pod["spec"].get("initContainers", [])
        ],
        "containerStatuses": [_container(pod, it, running) for it in pod["spec"]["containers"]],
    }


def finished(pod: Object, now: float) -> Object:
    code = int(said(pod, "exit-code", "0"))
    return _over(pod, code, said(pod, "reason", "Error") if code else "Completed", now)


def killed(pod: Object, now: float) -> Object:
    """The status of a pod that was deleted before it ended: its containers took the signal."""
    return _over(pod, 143, "Error", now)


def node(address: str, port: int, now: float) -> Object:
    """The status of the node itself."""
    room = {"cpu": "100k", "memory": "1Pi", "ephemeral-storage": "1Pi", "pods": "100k", "nvidia.com/gpu": "10k"}
    ready = {"type": "Ready", "status": "True", "reason": "StandIn", "lastHeartbeatTime": instant(now)}
    return {
        "capacity": room,
        "allocatable": room,
        "conditions": [{**ready, "message": "nothing runs here, and every pod is said to have run"}],
        "addresses": [{"type": "InternalIP", "address": address}],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": port}},
    }


def _over(pod: Object, code: int, reason: str, now: float) -> Object:
    when = instant(now)
    began = pod.get("status", {}).get("startTime", when)
    state = _ended(code, reason, began, when)
    sidecar = _ended(0, "Completed", began, when)
    return {
        "phase": "Failed" if code else "Succeeded",
        "startTime": began,
        "conditions": _conditions(when, ready=False, reason="PodFailed" if code else "PodCompleted"),
        "initContainerStatuses": [_container(pod, it, sidecar) for it in pod["spec"].get("initContainers", [])],
        "containerStatuses": [_container(pod, it, state) for it in pod["spec"]["containers"]],
    }


def _container(pod: Object, container: Object, state: Object) -> Object:
    return {
        "name": container["name"],
        "image": container["image"],
        "imageID": container["image"],
        "containerID": f"stand-in://{pod['metadata']['uid']}/{container['name']}",
        "ready": "running" in state,
        "started": "running" in state,
        "restartCount": 0,
        "state": state,
    }


def _ended(code: int, reason: str, began: str, ended: str) -> Object:
    return {"terminated": {"exitCode": code, "reason": reason, "startedAt": began, "finishedAt": ended}}


def _conditions(when: str, *, ready: bool, reason: str | None) -> list[Object]:
    why = {"reason": reason} if reason else {}
    truth = "True" if ready else "False"
    return [
        {"type": "PodScheduled", "status": "True", "lastTransitionTime": when},
        {
            "type": "Initialized",
            "status": "True",
            "lastTransitionTime": when,
            **(why if reason == "PodCompleted" else {}),
        },
        {"type": "Ready", "status": truth, "lastTransitionTime": when, **why},
        {"type": "ContainersReady", "status": truth, "lastTransitionTime": when, **why},
    ]


def _is_sidecar(container: Object) -> bool:
    return bool(container.get("restartPolicy") == "Always")
