/**
 * Traces for running the app without a server, and for pictures: a payment that failed, one
 * that went well, a running import, clocks that disagree, a large fan-out, a cut trace.
 * They say what the API would say, from one list of spans each.
 */
import type { components } from "../src/api/schema.gen";
import { encode, type RowSpec } from "../src/timeline/encode";
import { bigTrace } from "./bigTrace";

type Schemas = components["schemas"];
type Attribute = Schemas["Attribute"];

interface MockSpan {
	id: string;
	parent?: string;
	service: string;
	name: string;
	/** Milliseconds. */
	start: number;
	duration: number;
	kind?: number;
	status?: number;
	message?: string;
	flags?: number;
	attributes?: Record<string, unknown>;
	events?: { at: number; name: string; attributes?: Record<string, unknown> }[];
	links?: { trace_id: string; span_id: string; attributes?: Record<string, unknown> }[];
	incoming?: { trace_id: string; span_id: string; service: string; name: string }[];
}

interface MockTrace {
	id: string;
	base: bigint;
	spans: MockSpan[];
	failure?: { span: string; type: string; message: string; frames: Schemas["Frame"][] };
	related?: Schemas["RelatedID"][];
	caller?: Schemas["Caller"];
	hidden?: Record<string, number>;
}

const ms = (n: number) => Math.round(n * 1e6);
const hex = (n: number, digits: number) => n.toString(16).padStart(digits, "0");
const base = 1769839198123456789n;

export const traceIds = {
	payment: "5b8efff798038103d269b633813fc60c",
	fine: "7c1e0f2c9d3b4a58867d2f6e5a4b3c2d",
	running: "1f2e3d4c5b6a79880123456789abcdef",
	skewed: "c0ffee00c0ffee00c0ffee00c0ffee00",
	wide: "a1b2c3d4e5f60718293a4b5c6d7e8f90",
	cut: "0badcafe0badcafe0badcafe0badcafe",
	big: "50000000000000000000000000000050",
	huge: "20000000000000000000000000000200",
} as const;

const stack = `com.shop.bank.BankTimeout: no reply to AUTH within 1000 ms
	at com.shop.bank.TcpSession.await(TcpSession.java:212)
	at com.shop.bank.TcpSession.request(TcpSession.java:88)
	at com.shop.bank.Authorizer.authorize(Authorizer.java:61)
	at java.base/java.util.concurrent.CompletableFuture.reportGet(CompletableFuture.java:396)
	at java.base/java.util.concurrent.CompletableFuture.get(CompletableFuture.java:2073)
	at io.netty.channel.DefaultChannelPipeline.fireChannelRead(DefaultChannelPipeline.java:918)
	at io.netty.util.concurrent.SingleThreadEventExecutor.run(SingleThreadEventExecutor.java:997)
	at com.shop.payment.ChargeHandler.handle(ChargeHandler.java:47)
	at java.base/java.lang.Thread.run(Thread.java:1583)`;

function framesOf(text: string): Schemas["Frame"][] {
	return [...text.matchAll(/at ((\S+)\(([^:]+):(\d+)\))/g)].map(([, whole = "", fn, file, line]) => ({
		text: whole,
		function: fn,
		file,
		line: Number(line),
		yours: whole.startsWith("com.shop"),
	}));
}

function payment(): MockTrace {
	const spans: MockSpan[] = [];
	const add = (s: MockSpan) => spans.push(s);
	add({
		id: "eee19b7ec3c1b174",
		service: "gateway",
		name: "POST /pay",
		start: 0,
		duration: 2240,
		kind: 2,
		status: 2,
		attributes: {
			"http.request.method": "POST",
			"url.path": "/pay",
			"url.full": "https://shop.example/pay?order=8841",
			"http.response.status_code": 504,
			"http.request.body.size": 512,
			"user_agent.original": "Shop/5.1.0 (iOS 19.2)",
			"client.address": "203.0.113.7",
			"server.address": "shop.example",
			"network.protocol.version": "2",
			customer: "37",
			global_trace_id: "8f3a5c1d2e4b69708f3a5c1d2e4b6970",
			"client.version": "5.1.0",
			"order.id": 8841,
			"cart.items": [
				{ sku: "A-17", count: 2, price: 19.9 },
				{ sku: "B-4", count: 1, price: 120 },
			],
			note: "<img src=x onerror=alert(1)> javascript:alert(1)",
			callback: "javascript:alert(document.domain)",
		},
		links: [
			{ trace_id: traceIds.fine, span_id: "b7ad6b7169203331", attributes: { reason: "previous attempt" } },
		],
	});
	add({
		id: "1000000000000001",
		parent: "eee19b7ec3c1b174",
		service: "gateway",
		name: "check session",
		start: 3,
		duration: 14,
		attributes: { "session.valid": true },
	});
	add({
		id: "1000000000000002",
		parent: "1000000000000001",
		service: "redis",
		name: "GET session:*",
		start: 5,
		duration: 9,
		kind: 3,
		attributes: { "db.system.name": "redis", "db.query.text": "GET session:8f3a" },
	});
	add({
		id: "1000000000000003",
		parent: "eee19b7ec3c1b174",
		service: "gateway",
		name: "POST payment/charge",
		start: 22,
		duration: 2204,
		kind: 3,
		status: 2,
		attributes: {
			"http.request.method": "POST",
			"server.address": "payment",
			"http.response.status_code": 504,
		},
	});
	add({
		id: "1000000000000004",
		parent: "1000000000000003",
		service: "payment",
		name: "Charge",
		start: 27,
		duration: 2190,
		kind: 2,
		status: 2,
		message: "bank did not answer",
		attributes: {
			"rpc.system": "grpc",
			"rpc.service": "shop.Payment",
			"rpc.method": "Charge",
			"dataset.version": "prices@v812",
			"service.caller": "gateway",
			"order.id": 8841,
			amount: 159.8,
			currency: "EUR",
		},
		events: [
			{ at: 40, name: "validated", attributes: { rules: 14 } },
			{ at: 1160, name: "retry", attributes: { attempt: 2, after: "30 ms" } },
			{
				at: 2210,
				name: "exception",
				attributes: {
					"exception.type": "com.shop.bank.BankTimeout",
					"exception.message": "no reply to AUTH within 1000 ms",
					"exception.stacktrace": stack,
				},
			},
		],
	});
	add({
		id: "1000000000000005",
		parent: "1000000000000004",
		service: "payment",
		name: "load prices",
		start: 30,
		duration: 24,
		attributes: { "dataset.topic": "prices", "dataset.version": 812 },
	});
	for (let i = 0; i < 12; i++) {
		add({
			id: `20000000000000${hex(i, 2)}`,
			parent: "1000000000000004",
			service: "postgres",
			name: "INSERT payments",
			start: 58 + i * 6,
			duration: 2 + ((i * 7) % 5) + (i === 8 ? 4 : 0),
			kind: 3,
			attributes: {
				"db.system.name": "postgresql",
				"db.namespace": "shop",
				"db.query.text": `INSERT INTO payments (order_id, line, amount) VALUES (8841, ${i}, 13.3)`,
				"db.operation.name": "INSERT",
			},
		});
	}
	add({
		id: "3000000000000001",
		parent: "1000000000000004",
		service: "fraud",
		name: "score",
		start: 134,
		duration: 46,
		kind: 2,
		attributes: { "rpc.system": "grpc", "rpc.method": "Score", "fraud.score": 0.07 },
	});
	add({
		id: "3000000000000002",
		parent: "3000000000000001",
		service: "fraud",
		name: "model.predict",
		start: 140,
		duration: 34,
		attributes: { "model.version": "2026-01-12" },
	});
	add({
		id: "4000000000000001",
		parent: "1000000000000004",
		service: "bank",
		name: "AUTH",
		start: 186,
		duration: 984,
		kind: 3,
		status: 2,
		message: "no reply",
		attributes: {
			"network.transport": "tcp",
			"server.address": "bank.example",
			"server.port": 7001,
			attempt: 1,
			"bank.message": "0100",
		},
	});
	add({
		id: "4000000000000003",
		parent: "4000000000000001",
		service: "bank",
		name: "connect",
		start: 188,
		duration: 41,
		attributes: { "network.peer.address": "198.51.100.12" },
	});
	add({
		id: "00f067aa0ba902b7",
		parent: "1000000000000004",
		service: "bank",
		name: "AUTH",
		start: 1200,
		duration: 1000,
		kind: 3,
		status: 2,
		message: "no reply to AUTH",
		flags: 2 | 4,
		attributes: {
			"network.transport": "tcp",
			"server.address": "bank.example",
			"server.port": 7001,
			attempt: 2,
			provider: "First National",
			"bank.message": "0100",
			"retry.limit": 2,
		},
		events: [
			{ at: 1204, name: "connected", attributes: { "network.peer.address": "198.51.100.12" } },
			{ at: 1206, name: "request sent", attributes: { bytes: 214 } },
			{
				at: 2199,
				name: "exception",
				attributes: {
					"exception.type": "com.shop.bank.BankTimeout",
					"exception.message": "no reply to AUTH within 1000 ms",
					"exception.stacktrace": stack,
					"exception.escaped": false,
				},
			},
		],
		links: [
			{
				trace_id: traceIds.payment,
				span_id: "4000000000000001",
				attributes: { "link.kind": "previous attempt" },
			},
		],
		incoming: [
			{ trace_id: traceIds.running, span_id: "0000000000000001", service: "nightly", name: "reconcile" },
		],
	});
	add({
		id: "5000000000000001",
		parent: "1000000000000003",
		service: "kafka",
		name: "payments publish",
		start: 2218,
		duration: 4,
		kind: 4,
		attributes: {
			"messaging.system": "kafka",
			"messaging.destination.name": "payments",
			"messaging.operation.name": "publish",
			"messaging.kafka.message.key": "8841",
		},
	});
	add({
		id: "5000000000000002",
		parent: "5000000000000001",
		service: "notify",
		name: "payments process",
		start: 2226,
		duration: 10,
		kind: 5,
		attributes: {
			"messaging.system": "kafka",
			"messaging.destination.name": "payments",
			"messaging.operation.name": "process",
		},
	});
	return {
		id: traceIds.payment,
		base,
		spans,
		failure: {
			span: "00f067aa0ba902b7",
			type: "com.shop.bank.BankTimeout",
			message: "no reply to AUTH within 1000 ms",
			frames: framesOf(stack),
		},
		caller: {
			service: "ios-app",
			version: "5.1.0",
			address: "203.0.113.7",
			user_agent: "Shop/5.1.0 (iOS 19.2)",
		},
		related: [
			{ key: "customer", value: "37", scope: "span", spans: 1, query: '{ span.customer = "37" }' },
			{
				key: "global_trace_id",
				value: "8f3a5c1d2e4b69708f3a5c1d2e4b6970",
				scope: "span",
				spans: 1,
				query: '{ span.global_trace_id = "8f3a5c1d2e4b69708f3a5c1d2e4b6970" }',
			},
			{ key: "order.id", value: "8841", scope: "span", spans: 6, query: "{ span.order.id = 8841 }" },
			{
				key: "dataset.version",
				value: "prices@v812",
				scope: "span",
				spans: 2,
				query: '{ span.dataset.version = "prices@v812" }',
			},
		],
	};
}

function fine(): MockTrace {
	return {
		id: traceIds.fine,
		base: base - 60_000_000_000n,
		spans: [
			{
				id: "b7ad6b7169203331",
				service: "gateway",
				name: "GET /cart",
				start: 0,
				duration: 38,
				kind: 2,
				attributes: { "http.request.method": "GET", "url.path": "/cart", "http.response.status_code": 200 },
			},
			{
				id: "b7ad6b7169203332",
				parent: "b7ad6b7169203331",
				service: "cart",
				name: "Get",
				start: 4,
				duration: 30,
				kind: 2,
				attributes: { "rpc.system": "grpc" },
			},
			{
				id: "b7ad6b7169203333",
				parent: "b7ad6b7169203332",
				service: "redis",
				name: "HGETALL",
				start: 8,
				duration: 3,
				kind: 3,
			},
			{
				id: "b7ad6b7169203334",
				parent: "b7ad6b7169203332",
				service: "prices",
				name: "Quote",
				start: 13,
				duration: 19,
				kind: 3,
			},
		],
		related: [{ key: "customer", value: "37", scope: "span", spans: 1, query: '{ span.customer = "37" }' }],
	};
}

const runningSince = Date.now() - 3_790_000;

function running(): MockTrace {
	const spans: MockSpan[] = [
		{
			id: "0000000000000001",
			service: "nightly",
			name: "reconcile",
			start: 0,
			duration: 0,
			flags: 8,
			attributes: { "workflow.name": "reconcile", "run.id": "r-2026-01-31" },
		},
		{
			id: "0000000000000002",
			parent: "0000000000000001",
			service: "nightly",
			name: "extract",
			start: 40,
			duration: 92_000,
			attributes: { attempt: 1 },
		},
		{
			id: "0000000000000003",
			parent: "0000000000000002",
			service: "postgres",
			name: "COPY payments",
			start: 300,
			duration: 90_400,
			kind: 3,
		},
		{
			id: "0000000000000004",
			parent: "0000000000000001",
			service: "nightly",
			name: "wait for settlement",
			start: 92_200,
			duration: 3_600_000,
			attributes: { sensor: "file" },
		},
		{
			id: "0000000000000005",
			parent: "0000000000000001",
			service: "nightly",
			name: "match",
			start: 3_692_400,
			duration: 61_000,
		},
		{
			id: "0000000000000006",
			parent: "0000000000000001",
			service: "worker",
			name: "publish report",
			start: 3_753_600,
			duration: 0,
			flags: 8,
		},
		{
			id: "0000000000000007",
			parent: "0000000000000006",
			service: "worker",
			name: "render",
			start: 3_753_900,
			duration: 18_000,
		},
		{
			id: "0000000000000008",
			parent: "0000000000000006",
			service: "s3",
			name: "PUT report.parquet",
			start: 3_772_000,
			duration: 0,
			flags: 8,
			kind: 3,
		},
		{
			id: "0000000000000009",
			parent: "0000000000000006",
			service: "worker",
			name: "checksum",
			start: 3_772_100,
			duration: 14_000,
		},
	];
	// A page of the report every second, so that the trace grows while it is looked at.
	const now = Date.now() - runningSince;
	for (let i = 0; 3_790_000 + i * 1_000 < now && i < 500; i++) {
		spans.push({
			id: `000000000001${hex(i, 4)}`,
			parent: "0000000000000006",
			service: "worker",
			name: `page ${i + 1}`,
			start: 3_790_000 + i * 1_000,
			duration: 900,
		});
	}
	return { id: traceIds.running, base: BigInt(runningSince) * 1_000_000n, spans };
}

function skewed(): MockTrace {
	return {
		id: traceIds.skewed,
		base,
		spans: [
			{ id: "aa00000000000001", service: "?", name: "?", start: 0, duration: 310, flags: 1 },
			{
				id: "aa00000000000002",
				parent: "aa00000000000001",
				service: "api",
				name: "GET /orders",
				start: 0,
				duration: 180,
				kind: 2,
			},
			{
				id: "aa00000000000003",
				parent: "aa00000000000002",
				service: "api",
				name: "GET stock/levels",
				start: 10,
				duration: 80,
				kind: 3,
			},
			{
				id: "aa00000000000004",
				parent: "aa00000000000003",
				service: "stock",
				name: "levels",
				start: 152,
				duration: 60,
				kind: 2,
			},
			{
				id: "aa00000000000005",
				parent: "aa00000000000004",
				service: "mysql",
				name: "SELECT stock",
				start: 160,
				duration: 44,
				kind: 3,
			},
			{
				id: "aa00000000000006",
				parent: "aa00000000000002",
				service: "api",
				name: "GET stock/prices",
				start: 95,
				duration: 70,
				kind: 3,
			},
			{
				id: "aa00000000000007",
				parent: "aa00000000000006",
				service: "stock",
				name: "prices",
				start: 236,
				duration: 52,
				kind: 2,
			},
			{
				id: "aa00000000000008",
				parent: "aa00000000000001",
				service: "audit",
				name: "record",
				start: 170,
				duration: 140,
			},
		],
	};
}

function wide(): MockTrace {
	const spans: MockSpan[] = [
		{ id: "bb00000000000000", service: "mailer", name: "send newsletter", start: 0, duration: 60_000 },
	];
	for (let i = 0; i < 12_000; i++) {
		const bad = i % 1499 === 7;
		spans.push({
			id: `bb${hex(i + 1, 14)}`,
			parent: "bb00000000000000",
			service: "smtp",
			name: "deliver",
			start: 20 + i * 4.9,
			duration: bad ? 900 : 20 + ((i * 37) % 90),
			kind: 3,
			status: bad ? 2 : 0,
		});
	}
	return { id: traceIds.wide, base, spans };
}

function cut(): MockTrace {
	const t = fine();
	return { ...t, id: traceIds.cut, hidden: { b7ad6b7169203334: 431_019 } };
}

const kinds = ["unspecified", "internal", "server", "client", "producer", "consumer"] as const;
const words = ["unset", "ok", "error"] as const;
const makers: Record<string, () => MockTrace> = {
	[traceIds.payment]: payment,
	[traceIds.fine]: fine,
	[traceIds.running]: running,
	[traceIds.skewed]: skewed,
	[traceIds.wide]: wide,
	[traceIds.cut]: cut,
};

function attributesOf(map: Record<string, unknown> = {}): Attribute[] {
	return Object.entries(map).map(([key, v]) => ({ key, ...typed(v) }));
}

function typed(v: unknown): { type: Schemas["ValueType"]; value?: unknown } {
	if (Array.isArray(v)) return { type: "array", value: v.map(typed) };
	if (typeof v === "string") return { type: "string", value: v };
	if (typeof v === "boolean") return { type: "bool", value: v };
	if (typeof v === "number")
		return Number.isInteger(v) ? { type: "int", value: String(v) } : { type: "double", value: v };
	return { type: "map", value: attributesOf(v as Record<string, unknown>) };
}

const groups: readonly [name: string, title: string, prefix: RegExp][] = [
	["http", "HTTP", /^(http|url|user_agent)\./],
	["rpc", "RPC", /^rpc\./],
	["db", "Database", /^db\./],
	["messaging", "Messaging", /^messaging\./],
	["network", "Network", /^(network|server|client)\./],
	[
		"weft",
		"Weft",
		/^(customer|provider|global_trace_id|client\.version|caller\.|dataset\.|workflow\.|run\.|attempt)/,
	],
	["other", "Other", /./],
];

function grouped(all: Attribute[]): Schemas["AttributeGroup"][] {
	const left = new Set(all);
	return groups.flatMap(([name, title, prefix]) => {
		const attributes = [...left].filter((a) => prefix.test(a.key));
		for (const a of attributes) left.delete(a);
		return attributes.length === 0 ? [] : [{ name, title, attributes }];
	});
}

function layout(t: MockTrace): ArrayBuffer {
	const place = new Map(t.spans.map((s, i) => [s.id, i]));
	const rows = t.spans.map(
		(s): RowSpec => ({
			parent: s.parent === undefined ? -1 : (place.get(s.parent) ?? -1),
			service: s.service,
			name: s.name,
			start: ms(s.start),
			duration: ms(s.duration),
			kind: s.kind ?? 1,
			status: s.status ?? 0,
			flags: s.flags ?? 0,
			spanId: s.id,
			hidden: t.hidden?.[s.id] ?? 0,
		}),
	);
	const all = t.hidden ? { spans: 431_023, reason: "the answer was limited to 200,000 spans" } : undefined;
	return encode(rows, { traceId: t.id, baseUnixNano: t.base, cut: all });
}

function span(t: MockTrace, id: string): Schemas["SpanDetail"] | undefined {
	const s = t.spans.find((x) => x.id === id);
	if (s === undefined || (s.flags ?? 0) & 1) return undefined;
	const start = t.base + BigInt(ms(s.start));
	const live = ((s.flags ?? 0) & 8) !== 0;
	const thrown = s.events?.findLast((e) => e.name === "exception")?.attributes;
	const exception = thrown && {
		type: String(thrown["exception.type"]),
		message: String(thrown["exception.message"]),
		stacktrace: String(thrown["exception.stacktrace"]),
		frames: framesOf(String(thrown["exception.stacktrace"])),
	};
	return {
		trace_id: t.id,
		span_id: s.id,
		parent_span_id: s.parent,
		service: s.service,
		name: s.name,
		kind: kinds[s.kind ?? 1] ?? "internal",
		status: words[s.status ?? 0] ?? "unset",
		status_message: s.message,
		start_unix_nano: String(start),
		end_unix_nano: String(live ? 0n : start + BigInt(ms(s.duration))),
		duration_ns: String(ms(s.duration)),
		ended: !live,
		flags: 1,
		attributes: grouped(attributesOf(s.attributes)),
		exception,
		events: (s.events ?? []).map((e) => ({
			time_unix_nano: String(t.base + BigInt(ms(e.at))),
			offset_ns: String(ms(e.at - s.start)),
			name: e.name,
			attributes: attributesOf(e.attributes),
			exception: e.name === "exception" ? exception : undefined,
		})),
		links: (s.links ?? []).map((l) => ({
			trace_id: l.trace_id,
			span_id: l.span_id,
			flags: 1,
			attributes: attributesOf(l.attributes),
		})),
		incoming_links: (s.incoming ?? []).map((l) => ({
			...l,
			start_unix_nano: String(start + 3_600_000_000_000n),
		})),
		resource: {
			attributes: attributesOf({
				"service.name": s.service,
				"service.version": s.service === "bank" ? "812" : "1.4.2",
				"host.name": `${s.service}-7d9f`,
				"k8s.pod.name": `${s.service}-7d9f8b6c5-x2x4z`,
				"telemetry.sdk.language": "java",
			}),
		},
		scope: { name: "com.shop", version: "2.1.0", attributes: [] },
		marks: [],
		alternates: [],
	};
}

function card(t: MockTrace): Schemas["Card"] {
	const ref = (s: MockSpan) => ({ span_id: s.id, service: s.service, name: s.name });
	const byId = new Map(t.spans.map((s) => [s.id, s]));
	const end = Math.max(...t.spans.map((s) => s.start + s.duration));
	const root = t.spans.find((s) => !((s.flags ?? 0) & 1)) as MockSpan;
	const services = [...new Set(t.spans.map((s) => s.service))].map((name) => {
		const of = t.spans.filter((s) => s.service === name);
		return {
			name,
			versions: [name === "bank" ? "812" : "1.4.2"],
			spans: of.length,
			errors: of.filter((s) => s.status === 2).length,
		};
	});
	const bad = t.failure && byId.get(t.failure.span);
	let failure: Schemas["Failure"] | undefined;
	if (t.failure && bad) {
		const path: Schemas["SpanRef"][] = [];
		for (let s: MockSpan | undefined = bad; s; s = s.parent === undefined ? undefined : byId.get(s.parent))
			path.unshift(ref(s));
		failure = {
			span: ref(bad),
			path,
			type: t.failure.type,
			message: t.failure.message,
			offset_ns: String(ms(bad.start)),
			duration_ns: String(ms(bad.duration)),
			frames: t.failure.frames,
			frames_total: t.failure.frames.length,
			others: 1,
			attempt: 2,
			attempts: 2,
		};
	}
	return {
		trace_id: t.id,
		root: ref(root),
		start_unix_nano: String(t.base),
		duration_ns: String(ms(end)),
		spans: t.spans.length,
		errors: t.spans.filter((s) => s.status === 2).length,
		missing_parents: t.spans.filter((s) => (s.flags ?? 0) & 1).length,
		services,
		failure,
		inputs: failure
			? [
					{ key: "http.request.method", value: "POST", span_id: root.id },
					{ key: "url.path", value: "/pay", span_id: root.id },
					{ key: "order.id", value: "8841", span_id: root.id },
					{ key: "amount", value: "159.8", span_id: "1000000000000004" },
				]
			: factsOf(root, /^(http\.request\.method|url\.path)$/),
		outputs: failure
			? [{ key: "http.response.status_code", value: "504", span_id: root.id }]
			: factsOf(root, /status_code$/),
		caller: t.caller,
		related: t.related ?? [],
		text: failure
			? `POST /pay on gateway failed after 2.24 s: bank AUTH, BankTimeout: no reply to AUTH within 1000 ms\ntrace ${t.id}`
			: `${root.name} on ${root.service}, trace ${t.id}`,
	};
}

function factsOf(s: MockSpan, keys: RegExp): Schemas["CardFact"][] {
	return Object.entries(s.attributes ?? {})
		.filter(([key]) => keys.test(key))
		.map(([key, value]) => ({ key, value: String(value), span_id: s.id }));
}

/** Large traces take seconds to make, so each is made once. */
const bigTraces = new Map<number, ArrayBuffer>();

/** What the API answers for a path below /api/v1/traces/, or undefined where there is nothing. */
export function mockTrace(
	path: string,
	query: URLSearchParams,
): { type: string; body: ArrayBuffer | string } | undefined {
	const [id = "", what, spanId] = path.split("/");
	const json = (value: unknown) => ({ type: "application/json", body: JSON.stringify(value) });
	const bytes = (body: ArrayBuffer) => ({ type: "application/vnd.weft.layout", body });
	const sizes: Record<string, number> = { [traceIds.big]: 50_000, [traceIds.huge]: 200_000 };
	const size = sizes[id];
	if (size !== undefined) {
		if (what === "layout") {
			const made = bigTraces.get(size) ?? bigTrace(size);
			bigTraces.set(size, made);
			return bytes(made);
		}
		const root: MockSpan = {
			id: "9e3779b97f4a7c15",
			service: "gateway",
			name: "POST /import",
			start: 0,
			duration: 60_000,
			kind: 2,
		};
		const t = { id, base, spans: [root] };
		return json(what === "card" ? card(t) : { ...span(t, root.id), span_id: spanId });
	}
	const t = makers[id]?.();
	if (t === undefined) return undefined;
	if (what === undefined) return json({ resourceSpans: [] });
	if (what === "card") return json(card(t));
	if (what === "layout") {
		const root = query.get("root");
		if (root === null) return bytes(layout(t));
		const rows: MockSpan[] = [{ ...(t.spans.find((s) => s.id === root) as MockSpan), parent: undefined }];
		for (let i = 0; i < 40; i++) {
			rows.push({
				id: `cc${hex(i, 14)}`,
				parent: root,
				service: "prices",
				name: `row ${i}`,
				start: 13 + i * 0.4,
				duration: 0.3,
			});
		}
		return bytes(layout({ ...t, spans: rows, hidden: undefined }));
	}
	if (what === "spans" && spanId) {
		const s = span(t, spanId);
		return s && json(s);
	}
	return undefined;
}
