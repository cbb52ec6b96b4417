"""Everything that can be known to be wrong before the first trial. Sits above api, template, kinds, search and
metrics and uses them all.
"""
