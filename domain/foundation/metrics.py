"""What the market counts for Prometheus. Labels are bounded: names of operations and states, never ids."""

from prometheus_client import Counter, Gauge, Histogram

FAST = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

operations = Histogram(
    "nightmarket_operation_seconds",
    "GraphQL operations by first root field and outcome",
    ["field", "outcome"],
    buckets=FAST,
)
claims = Counter("nightmarket_claims_total", "Flash-sale claims by the gate's answer", ["answer"])
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
wrong_pickup_codes = Counter("nightmarket_wrong_pickup_codes_total", "Wrong codes at the stores' counters")
shipping_uploads = Gauge(
    "nightmarket_shipping_uploads", "Orders whose shipping WeChat is yet to be told (due) or refuses to hear", ["state"]
)
