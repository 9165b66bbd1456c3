"""More hosts of a cloud on its own machine: each in a network namespace, with engines and a node of its own.

They are what migration and evacuation are tried with. A host is a state folder below the cloud's
(`hosts/NAME`) that a supervisor of its own keeps, so it can be stopped, or killed whole, by itself.
"""
