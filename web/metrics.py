"""What can a monitoring system see? Figures in the text format of Prometheus, for this machine and for administrators."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from core.common import FATES, WAYS, Common, meter
from core.desk import figures, holes, mail_troubles, qualification
from core.desk.qualification import Figure
from web import guard, visitor
from web.site import SITE, Site, now

LOOPBACK = ("127.0.0.1", "::1")


def routes(app: web.Application) -> None:
    """Add the page."""
    app.router.add_get("/metrics", show)


async def show(request: web.Request) -> web.StreamResponse:
    """Figures of this hub, by process, and of the desk it works for: the same whichever process answers."""
    who = visitor.who(request)
    if guard.client_address(request) not in LOOPBACK and not (who and who.is_admin):
        raise web.HTTPNotFound
    site, at = request.app[SITE], now()
    waiting = await site.db.read(figures.waiting, now=at)
    behind = await site.db.read(figures.behind, now=at)
    qualified = await site.db.read(qualification.figures, now=at)
    uncovered = await site.db.read(holes.count)
    machines = await site.db.read(mail_troubles.counted, now=at)
    registry = CollectorRegistry()
    registry.register(
        _Figures(
            [
                *_of_desk(waiting, behind),
                _of_machines(machines),
                *_of_routing(qualified, uncovered),
                *await _of_hub(site),
            ]
        )
    )
    found = generate_latest(registry)
    if (
        site.hub is None or site.hub.common.processes == 1
    ):  # of several, these would be now one's, now another's
        found += generate_latest(REGISTRY)
    return web.Response(body=found, headers={"Content-Type": CONTENT_TYPE_LATEST})


def _of_desk(waiting: dict[str, int], behind: dict[str, tuple[int, float]]) -> Iterator[Metric]:
    items = GaugeMetricFamily("centralino_items", "Items of a view of the inbox.", labels=["view"])
    for view, count in waiting.items():
        items.add_metric([view], count)
    yield items
    lanes = GaugeMetricFamily("centralino_lanes_due", "Lanes whose work is due or in hand.", labels=["crew"])
    oldest = GaugeMetricFamily(
        "centralino_lanes_oldest_seconds", "How long the oldest is due.", labels=["crew"]
    )
    for crew, (count, seconds) in behind.items():
        lanes.add_metric([crew], count)
        oldest.add_metric([crew], seconds)
    yield lanes
    yield oldest


def _of_machines(counted: dict[str, int]) -> Metric:
    mails = GaugeMetricFamily(
        "centralino_machine_mail", "Mails of machines about mail, in the last 24 hours.", labels=["kind"]
    )
    for kind, count in counted.items():
        mails.add_metric([kind], count)
    return mails


def _of_routing(qualified: Sequence[Figure], uncovered: int) -> Iterator[Metric]:
    seconds = GaugeMetricFamily(
        "centralino_qualify_seconds",
        "From received to first qualified, of what was received in so many last days; all channels: empty.",
        labels=["days", "channel", "quantile"],
    )
    for one in qualified:
        seconds.add_metric([str(one.days), one.channel, "0.5"], one.median)
        seconds.add_metric([str(one.days), one.channel, "0.9"], one.p90)
    yield seconds
    yield GaugeMetricFamily(
        "centralino_holes", "Combinations that were bought and nobody is there for.", value=uncovered
    )


async def _of_hub(site: Site) -> list[Metric]:
    hub = site.hub
    if hub is None:
        return []
    await hub.post()
    common, by = hub.common, ["process"]
    ready = GaugeMetricFamily("centralino_ready", "1 when nothing keeps it from working.", labels=by)
    jobs = CounterMetricFamily("centralino_jobs_done", "Jobs it has done.", labels=by)
    pages = GaugeMetricFamily("centralino_live_pages", "Pages that are told of changes.", labels=by)
    clients = GaugeMetricFamily("centralino_connections", "Clients that are bringing mail.", labels=by)
    processor = CounterMetricFamily("centralino_processor_seconds", "Processor time it has used.", labels=by)
    memory = GaugeMetricFamily("centralino_memory_bytes", "The most it has held.", labels=by)
    for one in common.board.posted():
        label = [str(one.number)]
        ready.add_metric(label, one.well)
        jobs.add_metric(label, one.jobs)
        pages.add_metric(label, common.pages.taken(one.number))
        clients.add_metric(label, common.connections.taken(one.number))
        processor.add_metric(label, one.processor)
        memory.add_metric(label, one.memory)
    return [ready, jobs, pages, clients, processor, memory, _of_devices(common)]


def _of_devices(common: Common) -> Metric:
    """Whoever sends them waits for no answer: only here is it seen that one was lost."""
    messages = CounterMetricFamily(
        "centralino_device_messages",
        "Messages of devices on ports of their own, and what became of them.",
        labels=["way", "fate"],
    )
    for way in WAYS:
        for fate in FATES:
            messages.add_metric([way, fate], common.devices.total(meter(way, fate)))
    return messages


class _Figures:
    """What prometheus_client asks for figures that somebody else keeps."""

    def __init__(self, found: list[Metric]) -> None:
        self._found = found

    def collect(self) -> list[Metric]:
        """All of them."""
        return self._found
