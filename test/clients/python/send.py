"""Tells the story of story_test.go with the OpenTelemetry SDK for Python.

Prints "TRACE STEP TRACEID SPANID" for each span. Where to send and how is in OTEL_*.

    python send.py SECOND    the second in which the first trace begins
"""

import os
import sys

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, SpanKind, Status, StatusCode

TRACES = 60
STEPS = 10
KINDS = [SpanKind.SERVER, SpanKind.CLIENT, SpanKind.INTERNAL, SpanKind.PRODUCER, SpanKind.CONSUMER]


def start_of(base: int, n: int, step: int) -> int:
    return (base + n) * 10**9 + step * 1_000_003 + 7


def tell(tracer: trace.Tracer, base: int) -> None:
    previous = None
    for n in range(TRACES):
        spans = []
        for step in range(STEPS):
            start = start_of(base, n, step)
            links = []
            if step == 2 and previous:
                links.append(Link(previous, {"why": "caused by", "weight": 0.5}))
            span = tracer.start_span(
                f"step {step}" if step else "GET /orders/{id}",
                context=trace.set_span_in_context(spans[(step - 1) // 3] if step else trace.INVALID_SPAN),
                kind=KINDS[step % 5],
                start_time=start,
                links=links,
                attributes={
                    "story.trace": n,
                    "story.step": step,
                    "order.id": f"order-{n}-{step}",
                    "text": 'Zoë said "no",\nthen 注文 🧵',
                    "empty": "",
                    "big": 2**53 - 1,
                    "negative": -42,
                    "ratio": 2.5,
                    "even": step % 2 == 0,
                    "tags": ["a", "b", ""],
                    "sizes": [1, 2, -3],
                    "weights": [0.5, 1.5],
                    "bits": [True, False],
                },
            )
            if step == 1:
                span.add_event("retry", {"attempt": 1, "reason": "timeout"}, start + 1_000_000)
                span.add_event("gave up", timestamp=start + 1_500_001)
            if step == 3:
                span.set_status(Status(StatusCode.OK))
            if step == 5:
                span.set_status(Status(StatusCode.ERROR, "card declined: no funds"))
            spans.append(span)
        for step, span in enumerate(spans):
            span.end(start_of(base, n, step) + (step + 1) * 2_000_001)
            ids = span.get_span_context()
            print(n, step, trace.format_trace_id(ids.trace_id), trace.format_span_id(ids.span_id))
        previous = spans[0].get_span_context()


def main() -> None:
    exporter = GrpcExporter if os.environ["OTEL_EXPORTER_OTLP_PROTOCOL"] == "grpc" else HttpExporter
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(exporter()))
    tracer = provider.get_tracer("story", "1.4.0", schema_url="https://opentelemetry.io/schemas/1.37.0")
    tell(tracer, int(sys.argv[1]))
    provider.shutdown()


main()
