"""Writing images of volumes as streams, in each format that an image of a volume can have.

What holds data is known before the first byte goes out, so every table can come before the data and nothing
is written twice or kept on disk meanwhile.
"""
