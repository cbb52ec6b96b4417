"""What containers ask for: CPU, memory and GPUs."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from trialmill.api.problem import Problems
from trialmill.api.tree import Json, JsonObject, Path, get_object
from trialmill.kinds.lowering.quantities import NANO, ceiling, parse_quantity
from trialmill.kinds.plan import Resources, Role


@dataclass(frozen=True, slots=True)
class ContainerResources:
    """`resources` of a container, in billionths; requests that are missing are the limits."""

    limits: Mapping[str, int] = field(default_factory=dict)
    requests: Mapping[str, int] = field(default_factory=dict)

    def asked(self) -> Resources:
        return Resources(
            cpu=self.requests.get("cpu", 0) / NANO,
            memory=ceiling(self.requests.get("memory", 0), NANO),
            gpus=sum(ceiling(amount, NANO) for name, amount in self.requests.items() if name.endswith("/gpu")),
        )


def read_resources(container: JsonObject, problems: Problems, path: Path) -> ContainerResources:
    """`resources` of a container; what is no quantity, or more than its limit, is a problem."""
    given = get_object(container, "resources")
    limits = _amounts(given.get("limits"), problems, (*path, "resources", "limits"))
    requests = _amounts(given.get("requests"), problems, (*path, "resources", "requests"))
    for name, amount in requests.items():
        if name in limits and amount > limits[name]:
            problems.add(
                "request-above-limit",
                f"The request of {name} is larger than its limit.",
                (*path, "resources", "requests", name),
            )
    return ContainerResources(limits, {**limits, **requests})


def _amounts(given: Json, problems: Problems, path: Path) -> dict[str, int]:
    amounts: dict[str, int] = {}
    for name, value in given.items() if isinstance(given, dict) else ():
        amount = parse_quantity(value)
        if amount is None or amount < 0:
            problems.add(
                "quantity-invalid",
                f"The amount of {name} is no quantity.",
                (*path, name),
                found=str(value),
                expected="a quantity such as 500m, 2 or 1Gi",
            )
        else:
            amounts[name] = amount
    return amounts


def most_at_once(containers: Iterable[tuple[Role, Resources]]) -> Resources:
    """The most that a pod uses at once: each init container runs with the sidecars before it, the others together."""
    sidecars = Resources()
    initial = Resources()
    main = Resources()
    for role, asked in containers:
        match role:
            case Role.SIDECAR:
                sidecars = _sum(sidecars, asked)
                initial = _most(initial, sidecars)
            case Role.INIT:
                initial = _most(initial, _sum(sidecars, asked))
            case Role.MAIN:
                main = _sum(main, asked)
    return _most(initial, _sum(sidecars, main))


def _sum(a: Resources, b: Resources) -> Resources:
    return Resources(a.cpu + b.cpu, a.memory + b.memory, a.gpus + b.gpus)


def _most(a: Resources, b: Resources) -> Resources:
    return Resources(max(a.cpu, b.cpu), max(a.memory, b.memory), max(a.gpus, b.gpus))
