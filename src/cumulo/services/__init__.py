"""The services: one package of one shape for each of OpenStack's."""
