"""Processes of this machine, in place of containers.

`runtime` is the door. It keeps an `attempt` for each resource, which asks the kind's `Workload` what should run and
does it: `commands` and `private_paths` turn a container into a command line, `mounts` makes its volumes, `spawn`
starts it inside the shell `wrapper`, `children` tells when it has ended. What is on disk (`layout`) is enough to go on
after a crash (`recovery`). Output goes to files, which `log_reader` follows.
"""
