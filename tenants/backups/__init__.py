"""A workspace's backup: one file with all of it, which its owner can hold, and the way back from such a file.

`making` writes one out of a single snapshot, `contents` opens one that may come from anybody, `restoring` turns it into
a workspace. `vault` keeps them sealed, `keeping` says which are kept for how long, `drill` tries whether they are good.
"""
