"""The command line client `videoservice`: recordings, work and results of a site elsewhere, through its REST API.

It is installed without the server (`pipx install`), so nothing in here imports Django, `jobs`, or another module of
`videoservice`.
"""
