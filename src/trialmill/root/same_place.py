"""An experiment stays where it was started: on this machine, or on its cluster, whatever that is called later."""

from dataclasses import replace

from trialmill.engine.records import ExperimentRecord
from trialmill.root.creating import ClusterChoice, Options, cluster_of, with_cluster
from trialmill.root.errors import RefusedError


def at_same_place(record: ExperimentRecord, options: Options) -> Options:
    """The options with all that is known of the cluster by now. Raises RefusedError where they mean another place."""
    began, now = cluster_of(record), options.cluster
    if began is None and now is None:
        return options
    if began is None or now is None or not is_same_cluster(began, now):
        where = f"on a cluster, by {place_of(began)}" if began else "on this machine"
        raise RefusedError(f"experiment {record.name} runs {where}", f"go on there: trialmill resume {record.name}")
    return replace(options, cluster=replace(now, uid=now.uid or began.uid))


async def identified(options: Options) -> Options:
    """The options with the cluster's own uid, by which it is known again. Raises InputError."""
    if options.cluster is None:
        return options
    from trialmill.root import clusters

    return replace(options, cluster=await clusters.identified(options.cluster))


async def found_again(record: ExperimentRecord) -> ExperimentRecord:
    """The record with the way that leads to its cluster now, which the next command takes too. Raises InputError."""
    choice = cluster_of(record)
    if choice is None:
        return record
    from trialmill.root import clusters

    return with_cluster(record, await clusters.found_again(choice))


def is_same_cluster(one: ClusterChoice, other: ClusterChoice) -> bool:
    """By their uids where both are known; else by address and authority, or, where nothing else is known, by name."""
    if one.uid and other.uid:
        return one.uid == other.uid
    if one.server and other.server:
        return (one.server, one.authority) == (other.server, other.authority)
    return one.context == other.context


def place_of(choice: ClusterChoice) -> str:
    """What a person calls the cluster."""
    way = f"the context {choice.context}" if choice.kubeconfig or not choice.server else "a pod's service account"
    return f"{way} ({choice.server})" if choice.server else way
