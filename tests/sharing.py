"""Which process of a test run gets which tests? The last of three or more has those that wait more than they work."""

from __future__ import annotations

from xdist.scheduler import LoadGroupScheduling
from xdist.workermanage import WorkerController

WAITING = (
    "tests/test_bench.py",
    "tests/days/",
    "tests/channels/phone/sip/",
    "tests/channels/monitoring/test_real_icinga.py",
    "tests/channels/monitoring/test_real_senders.py",
    "tests/channels/monitoring/test_real_zabbix.py",
)
"""For what is said on a telephone, for a hub that starts, for a mail that is tried again: a processor is idle meanwhile."""
ENOUGH = 3  # processes: with fewer there is none to spare


class Sharing(LoadGroupScheduling):
    """xdist's, which gives out groups in their order; whoever finds none of its own kind left helps with the other."""

    def _assign_work_unit(self, node: WorkerController) -> None:
        if self.numnodes >= ENOUGH:
            waits = node.gateway.id == f"gw{self.numnodes - 1}"
            own = (
                scope
                for scope, tests in self.workqueue.items()
                if waits == next(iter(tests)).startswith(WAITING)
            )
            if (first := next(own, None)) is not None:
                self.workqueue.move_to_end(first, last=False)
        super()._assign_work_unit(node)
