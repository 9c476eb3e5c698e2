"""Shared by the nodes: settings, parameters, transport, spinning, the log of faults, start and end of the process."""
