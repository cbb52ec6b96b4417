"""What is known about each kind of resource: when it is over, which pod counts, how it runs on one machine.

May import `api` only. A file for each family of kinds; `profile.profile_of` finds the right one.
"""
