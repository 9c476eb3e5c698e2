"""Claims a ROS domain that no other run on this machine uses, for demonstration, tests and tools/in_environment.sh.

    python -m refseg_ros.demo.domain COMMAND [ARGUMENT...]       runs a command in such a domain

All runs use the same names of nodes and topics, so two runs in one domain would take each other's images, transforms
and endpoints for their own.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Sequence

from refseg_ros.command import command, program
from refseg_ros.doctor.processes import participants

VARIABLE = "ROS_DOMAIN_ID"
DOMAINS = range(1, 102)
"""Domains whose ports are below the range from which Linux assigns free ports."""
_claim: socket.socket | None = None


def claim_domain() -> int:
    """Claim a domain for this process and set it in the environment; further calls return the same one.

    The claim is a name in the kernel. It survives exec, and the kernel frees it when the process ends.

    Raises:
        OSError: all domains are taken.
    """
    global _claim
    if _claim is None:
        used = {domain for process in participants() for domain in process.domains}
        _claim = socket.socket(socket.AF_UNIX)
        domain = next((one for one in DOMAINS if one not in used and _is_bound(_claim, one)), None)
        if domain is None:
            _claim = None
            raise OSError(
                f"each ROS domain from {DOMAINS[0]} to {DOMAINS[-1]} is taken; export {VARIABLE} to share one"
            )
        _claim.set_inheritable(True)
        os.environ[VARIABLE] = str(domain)
    return int(_claim.getsockname().rpartition(b"/")[2])


def _is_bound(claim: socket.socket, domain: int) -> bool:
    try:
        claim.bind(f"\0refseg_ros/domain/{domain}")
    except OSError:  # another run has it
        return False
    return True


@command()
def main(arguments: Sequence[str] | None = None) -> int:
    """Replace this process by a command in its own domain."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    if not given:
        raise ValueError(f"there is no command; usage: {program()} COMMAND [ARGUMENT...]")
    claim_domain()
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # Python ignores it, and the command would, too
    try:
        os.execvp(given[0], given)
    except FileNotFoundError as error:
        raise ValueError(f"{given[0]}: there is no such command") from error


if __name__ == "__main__":
    sys.exit(main())
