"""A whole Kubernetes cluster on this machine, for tests and for trying things, without images or downloads.

Nothing is pulled from a registry, and nothing is installed on the machine.

- `place` says where things lie, `builds` and `packages` fill the cache, `images` writes images from folders.
- `start` brings a cluster up and takes it down; `namespaces` gives it a machine of its own inside this one.
- `cluster` is the process that holds it together: it starts the programs of `control_plane` and `node`, starts again
  what ends, and follows the files that the commands leave in the cluster's folder.
- `training_operator`, `trainer` (with JobSet) and `argo` may be installed beside them; `operators` is what they share.
- `stand_in` is a node that runs nothing and says it did; `forward` lets the API server be reached from outside.

It uses the standard library alone, and imports nothing of Trialmill: it has to work before anything is installed.
"""
