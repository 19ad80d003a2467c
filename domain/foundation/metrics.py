"""What the market counts for Prometheus. Labels are bounded: names of operations and states, never ids."""

from itertools import product

import structlog
from prometheus_client import Counter, Gauge, Histogram, start_http_server

log = structlog.get_logger(__name__)

FAST = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

operations = Histogram(
    "nightmarket_operation_seconds",
    "GraphQL operations by first root field and outcome",
    ["field", "outcome"],
    buckets=FAST,
)
_answers = Counter("nightmarket_http_answers_total", "HTTP answers by class of their status", ["status"])
answers = {hundreds: _answers.labels(f"{hundreds}xx") for hundreds in range(1, 6)}
"""A counter for each class, by its first digit: to look one up for each answer would cost as much again as to count."""
requests_in_flight = Gauge("nightmarket_http_requests_in_flight", "HTTP requests that are being answered")
rate_limited = Counter("nightmarket_rate_limited_total", "Requests refused as too many", ["rate", "by"])
rates_uncounted = Counter(
    "nightmarket_rates_uncounted_total", "Times the gate did not answer and requests were counted in one process only"
)
revocations_age = Gauge(
    "nightmarket_revocations_age_seconds", "Since when this process has not heard what was revoked; 0 in workers"
)
connections_in_use = Gauge("nightmarket_database_connections_in_use", "Connections to the ledger that are in use")
connections_waiting = Gauge(
    "nightmarket_database_connections_waiting", "Transactions and readings that wait for a connection to the ledger"
)
gate_failures = Counter("nightmarket_gate_failures_total", "Commands that the gate has not answered")
claims = Counter("nightmarket_claims_total", "Flash-sale claims by the gate's answer", ["answer"])
admissions = Counter(
    "nightmarket_flash_sale_admissions_total",
    "Answers to shoppers who asked to be let in to a sale with a line: admitted or waiting",
    ["answer"],
)
shoppers_waiting = Gauge(
    "nightmarket_flash_sale_shoppers_waiting",
    "Shoppers whose turn has not come, in the lines this process was asked for during the last ten seconds",
)
claim_batch = Histogram(
    "nightmarket_claim_batch_size", "Claims that shared one script call", buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256)
)
reserved = Counter("nightmarket_tickets_reserved_total", "Tickets that became orders")
refused = Counter("nightmarket_tickets_refused_total", "Queued tickets that the ledger refused", ["reason"])
lapsed = Counter("nightmarket_orders_lapsed_total", "Orders whose hold ran out unpaid")
events_delivered = Counter("nightmarket_events_delivered_total", "Outbox events heard by all", ["kind"])
events_failed = Counter(
    "nightmarket_events_failed_total", "Outbox deliveries that failed and will be tried again", ["kind"]
)
events_dead = Gauge("nightmarket_events_dead", "Outbox events that nobody could hear: someone has to look")
events_waiting = Gauge("nightmarket_events_waiting", "Outbox events not yet delivered")
gates_rebuilt = Counter("nightmarket_gates_rebuilt_total", "Gates rebuilt from the ledger", ["reason"])
notices = Counter(
    "nightmarket_notices_total",
    "Notices brought to our door by gateway and by what became of them",
    ["gateway", "outcome"],
)
refunds_due = Gauge("nightmarket_refunds_due", "Refunds that the gateway has not given back yet")
refunds_overdue = Gauge("nightmarket_refunds_overdue", "Those of them asked for 10 minutes ago or longer")
receipts_unmatched = Gauge(
    "nightmarket_receipts_unmatched", "Payments captured 10 minutes ago or longer that nobody has kept or sent back"
)
bill_differences_open = Gauge(
    "nightmarket_bill_differences_open", "Differences between gateways' bills and our books that nobody has settled"
)
after_sales_overdue = Gauge(
    "nightmarket_after_sales_overdue", "After-sales whose time was over 10 minutes ago, and the clock has not acted"
)
group_refunds_overdue = Gauge(
    "nightmarket_group_refunds_overdue",
    "Seats of groups that expired 10 minutes ago or longer, and whose refund could not be asked for yet",
)
group_refunds_oldest = Gauge(
    "nightmarket_group_refunds_oldest_seconds", "Since when the longest waiting of them waits; 0 where none does"
)
wrong_pickup_codes = Counter("nightmarket_wrong_pickup_codes_total", "Wrong codes at the stores' counters")
shipping_uploads = Gauge(
    "nightmarket_shipping_uploads", "Orders whose shipping WeChat is yet to be told (due) or refuses to hear", ["state"]
)
posters_failed = Counter("nightmarket_posters_failed_total", "Tries to make a poster that came to nothing")
sockets_open = Gauge("nightmarket_sockets_open", "Sockets open in this process")
socket_messages = Counter("nightmarket_socket_messages_total", "Messages sent on sockets")
socket_closes = Counter(
    "nightmarket_socket_closes_total", "Sockets that ended, by the close code we sent, or by_client", ["code"]
)
timetable_leads = Gauge("nightmarket_timetable_leads", "1 in the worker that leads the timetable, 0 in others")

# Prometheus sees no increase in a series that begins at 1: what an alert waits for is told from 0 on.
for _reason in ("sold_out", "limit"):
    refused.labels(_reason)
for _reason in ("cold", "epoch", "restart", "drift"):
    gates_rebuilt.labels(_reason)
for _gateway, _outcome in product(("wechat", "stripe"), ("forged", "malformed", "mismatch")):
    notices.labels(_gateway, _outcome)

OF_THE_LEADER = (
    events_dead,
    events_waiting,
    refunds_due,
    refunds_overdue,
    receipts_unmatched,
    bill_differences_open,
    after_sales_overdue,
    group_refunds_overdue,
    group_refunds_oldest,
    shipping_uploads,
    timetable_leads,
)
"""What the leading worker alone looks at."""


def forget_leading() -> None:
    """Tell nothing of these any more: what a former leader last saw must not be taken for what is."""
    for gauge in OF_THE_LEADER:
        gauge.clear() if gauge is shipping_uploads else gauge.set(0)


MOST_PORTS = 100


def serve(host: str, port: int) -> int:
    """Serve this process's figures at the first free port from `port` on; which. 0: none, and so for port 0.

    Every process has its own: added up in files they would cost three times as much with each request.
    """
    for candidate in range(port, port + MOST_PORTS) if port else ():
        try:
            start_http_server(candidate, host)
        except OSError:
            continue
        log.info("metrics_served", port=candidate)
        return candidate
    if port:
        log.error("metrics_not_served", port=port, tried=MOST_PORTS)
    return 0
