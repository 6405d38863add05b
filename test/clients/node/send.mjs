// Tells the story of story_test.go with the OpenTelemetry SDK for Node and prints
// "TRACE STEP TRACEID SPANID" for each span. Where to send and how is in OTEL_*.
//
//     node send.mjs SECOND    the second in which the first trace begins

import { diag, DiagConsoleLogger, DiagLogLevel, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import { OTLPTraceExporter as GrpcExporter } from '@opentelemetry/exporter-trace-otlp-grpc'
import { OTLPTraceExporter as JsonExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { OTLPTraceExporter as ProtoExporter } from '@opentelemetry/exporter-trace-otlp-proto'
import { defaultResource, detectResources, envDetector } from '@opentelemetry/resources'
import { BatchSpanProcessor, NodeTracerProvider } from '@opentelemetry/sdk-trace-node'

const TRACES = 60
const STEPS = 10
const KINDS = [SpanKind.SERVER, SpanKind.CLIENT, SpanKind.INTERNAL, SpanKind.PRODUCER, SpanKind.CONSUMER]

const base = Number(process.argv[2])

/** The time of a step, as the SDK wants it: seconds and nanoseconds. */
const at = (n, step, nanos = 0) => [base + n, step * 1_000_003 + 7 + nanos]

diag.setLogger(new DiagConsoleLogger(), DiagLogLevel.WARN)
const Exporter = { grpc: GrpcExporter, 'http/json': JsonExporter, 'http/protobuf': ProtoExporter }[
  process.env.OTEL_EXPORTER_OTLP_PROTOCOL
]
const provider = new NodeTracerProvider({
  resource: defaultResource().merge(detectResources({ detectors: [envDetector] })),
  spanProcessors: [new BatchSpanProcessor(new Exporter())],
})
const tracer = provider.getTracer('story', '1.4.0', { schemaUrl: 'https://opentelemetry.io/schemas/1.37.0' })

let previous
for (let n = 0; n < TRACES; n++) {
  const spans = []
  for (let step = 0; step < STEPS; step++) {
    const parent = step === 0 ? ROOT_CONTEXT : trace.setSpan(ROOT_CONTEXT, spans[Math.floor((step - 1) / 3)])
    const span = tracer.startSpan(
      step === 0 ? 'GET /orders/{id}' : `step ${step}`,
      {
        kind: KINDS[step % 5],
        startTime: at(n, step),
        attributes: {
          'story.trace': n,
          'story.step': step,
          'order.id': `order-${n}-${step}`,
          text: 'Zoë said "no",\nthen 注文 🧵',
          empty: '',
          big: Number.MAX_SAFE_INTEGER,
          negative: -42,
          ratio: 2.5,
          even: step % 2 === 0,
          tags: ['a', 'b', ''],
          sizes: [1, 2, -3],
          weights: [0.5, 1.5],
          bits: [true, false],
        },
        links: step === 2 && previous ? [{ context: previous, attributes: { why: 'caused by', weight: 0.5 } }] : [],
      },
      parent,
    )
    if (step === 1) {
      span.addEvent('retry', { attempt: 1, reason: 'timeout' }, at(n, step, 1_000_000))
      span.addEvent('gave up', at(n, step, 1_500_001))
    }
    if (step === 3) span.setStatus({ code: SpanStatusCode.OK })
    if (step === 5) span.setStatus({ code: SpanStatusCode.ERROR, message: 'card declined: no funds' })
    spans.push(span)
  }
  spans.forEach((span, step) => {
    span.end(at(n, step, (step + 1) * 2_000_001))
    const { traceId, spanId } = span.spanContext()
    console.log(n, step, traceId, spanId)
  })
  previous = spans[0].spanContext()
}
await provider.shutdown()
