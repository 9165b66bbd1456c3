"""A random killer at work while clients use a cloud, and what must be true afterwards: `cumulo test --chaos`.

`plan` says by a seed who does what and what is killed when; `acts` and `killer` do it; `promises` remembers
what clients were told; `aftermath` holds the cloud against that once the killing has stopped.
"""
