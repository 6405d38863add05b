/**
 * Made-up answers of the API, the same on every start, in the shapes of openapi.yaml. They
 * show the pages with many rows; goldens of the server's tests are served where there is one.
 */
import type { components } from "../src/api/schema.gen.ts";

type Schemas = components["schemas"];
type TraceRow = Schemas["TraceRow"];

/** Numbers from a seed: mulberry32. */
export function random(seed: number): () => number {
	let a = seed >>> 0;
	return () => {
		a = (a + 0x6d2b79f5) >>> 0;
		let t = Math.imul(a ^ (a >>> 15), 1 | a);
		t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
		return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
	};
}

interface Kind {
	service: string;
	name: string;
	share: number;
	medianMs: number;
	spread: number;
	spans: [low: number, high: number];
	failing: number;
	path: string[];
	message: string;
	services: string[];
}

const kinds: Kind[] = [
	{
		service: "gateway",
		name: "POST /pay",
		share: 0.3,
		medianMs: 180,
		spread: 0.5,
		spans: [22, 44],
		failing: 0.06,
		path: ["gateway/POST /pay", "payment/Charge", "bank/AUTH"],
		message: "BankTimeout: no reply to AUTH",
		services: ["gateway", "payment", "bank", "payment-db", "fraud", "ledger"],
	},
	{
		service: "gateway",
		name: "GET /products",
		share: 0.34,
		medianMs: 24,
		spread: 0.45,
		spans: [5, 12],
		failing: 0.004,
		path: ["gateway/GET /products", "catalog/List"],
		message: "context deadline exceeded",
		services: ["gateway", "catalog", "cache"],
	},
	{
		service: "gateway",
		name: "GET /cart",
		share: 0.2,
		medianMs: 9,
		spread: 0.35,
		spans: [4, 8],
		failing: 0.002,
		path: ["gateway/GET /cart", "cart/Get"],
		message: "connection reset by peer",
		services: ["gateway", "cart", "cache"],
	},
	{
		service: "settlement",
		name: "settle-payments export",
		share: 0.03,
		medianMs: 9_000,
		spread: 0.3,
		spans: [180, 460],
		failing: 0.02,
		path: ["settlement/settle-payments export", "ledger/Export"],
		message: "rows 12,004 expected, 12,003 written",
		services: ["settlement", "ledger", "payment-db"],
	},
	{
		service: "mail",
		name: "receipt.send process",
		share: 0.13,
		medianMs: 420,
		spread: 0.6,
		spans: [3, 9],
		failing: 0.03,
		path: ["mail/receipt.send process", "smtp/DATA"],
		message: "550 mailbox unavailable",
		services: ["mail", "smtp", "templates"],
	},
];

function hex(rnd: () => number, digits: number): string {
	let out = "";
	while (out.length < digits) out += Math.floor(rnd() * 16).toString(16);
	return out;
}

function miniature(rnd: () => number, kind: Kind, failed: boolean): TraceRow["miniature"] {
	const count = 6 + Math.floor(rnd() * 12);
	const bars = [{ start: 0, end: 1, service: 0, error: failed }];
	let at = 0.02;
	for (let i = 1; i < count; i++) {
		const length = (1 - at) * (0.1 + rnd() * 0.8);
		const service = Math.min(kind.services.length - 1, 1 + Math.floor((i / count) * kind.services.length));
		bars.push({
			start: at,
			end: Math.min(1, at + length),
			service,
			error: failed && service <= 2 && i > count / 2,
		});
		at = Math.min(0.96, at + length * rnd() * 0.6);
	}
	return bars;
}

/** Traces of the last hours before now, newest first. */
export function traces(now: number, count: number): TraceRow[] {
	const rnd = random(7);
	const rows: TraceRow[] = [];
	let at = now - 1_500;
	for (let i = 0; i < count; i++) {
		let pick = rnd();
		const kind =
			kinds.find((k) => {
				pick -= k.share;
				return pick < 0;
			}) ?? (kinds[0] as Kind);
		// A bad quarter of an hour: the bank times out.
		const bad = now - at > 22 * 60_000 && now - at < 34 * 60_000 && kind.name === "POST /pay";
		const failed = rnd() < (bad ? 0.55 : kind.failing);
		const gauss = Math.sqrt(-2 * Math.log(rnd() || 1e-9)) * Math.cos(2 * Math.PI * rnd());
		const ms =
			failed && kind.name === "POST /pay"
				? 1_000 + rnd() * 260
				: kind.medianMs * Math.exp(gauss * kind.spread);
		const spans = Math.round(kind.spans[0] + rnd() * (kind.spans[1] - kind.spans[0]));
		const errors = failed ? 1 + Math.floor(rnd() * 3) : 0;
		rows.push({
			trace_id: hex(rnd, 32),
			root_service: kind.service,
			root_name: kind.name,
			start_unix_nano: `${Math.round(at)}${String(Math.floor(rnd() * 1e6)).padStart(6, "0")}`,
			duration_ns: String(Math.round(ms * 1e6)),
			spans,
			errors,
			matched: spans,
			services: kind.services.map((name, n) => ({
				name,
				spans: Math.max(1, Math.round(spans / (n + 1.5))),
				errors: failed && n < 3 ? 1 : 0,
			})),
			miniature: miniature(rnd, kind, failed),
			...(failed && { error_path: kind.path, error_message: kind.message }),
		});
		at -= 200 + rnd() * 4_600;
	}
	return rows;
}

/** The heat map of rows, as the server counts it. */
export function heatmap(
	rows: readonly TraceRow[],
	start: number,
	end: number,
	columns: number,
): Schemas["Heatmap"] {
	const bounds = [0];
	for (let k = 0; k <= 48; k++)
		bounds.push(([1_000, 1_780, 3_160, 5_620][k % 4] ?? 0) * 10 ** Math.floor(k / 4));
	const step = Math.max(1, Math.ceil(((end - start) * 1e6) / columns));
	const cells = new Map<string, Schemas["HeatCell"]>();
	let total = 0;
	let errors = 0;
	let top = 0;
	for (const row of rows) {
		const at = Number(BigInt(row.start_unix_nano) - BigInt(start) * 1_000_000n);
		const column = Math.floor(at / step);
		if (at < 0 || column >= columns) continue;
		const ns = Number(row.duration_ns);
		const r = bounds.findLastIndex((b) => b <= ns);
		const cell = cells.get(`${column} ${r}`) ?? { column, row: r, count: 0, errors: 0 };
		cells.set(`${column} ${r}`, cell);
		cell.count++;
		total++;
		top = Math.max(top, r);
		if (row.errors > 0) {
			cell.errors++;
			errors++;
		}
	}
	return {
		start_unix_nano: `${start}000000`,
		end_unix_nano: `${end}000000`,
		step_ns: String(step),
		columns,
		duration_bounds_ns: bounds.slice(0, top + 1).map(String),
		total,
		errors,
		cells: [...cells.values()].sort((a, b) => a.column - b.column || a.row - b.row),
	};
}

export const refused: Schemas["Refused"][] = [
	{
		time_unix_nano: "0",
		protocol: "otlp/http",
		remote: "127.0.0.1:51312",
		path: "/v1/trace",
		user_agent: "OTel-OTLP-Exporter-JavaScript/0.200.0",
		status: 404,
		reason: "wrong path",
		hint: "OTLP over HTTP goes to /v1/traces",
		count: 14,
	},
	{
		time_unix_nano: "0",
		protocol: "otlp/http",
		remote: "10.1.4.22:40112",
		path: "/v1/traces",
		content_type: "text/plain",
		bytes: 812,
		status: 415,
		reason: "unknown content type",
		detail: "text/plain",
		hint: "send application/x-protobuf or application/json",
		count: 1,
	},
	{
		time_unix_nano: "0",
		protocol: "tcp",
		remote: "10.1.4.22:40118",
		status: 400,
		reason: "TLS to a plain port",
		hint: "this port speaks plain HTTP: use http:// in OTEL_EXPORTER_OTLP_ENDPOINT, or OTEL_EXPORTER_OTLP_INSECURE=true",
		count: 3,
	},
];

export function status(now: number, waiting: boolean): Schemas["Status"] {
	return {
		version: "0.1.0",
		started_unix_nano: `${now - 600_000}000000`,
		now_unix_nano: `${now}000000`,
		waiting_for_first_span: waiting,
		demo: !waiting,
		tenant: "default",
		scopes: ["ingest", "read", "operate", "admin"],
		tokens_required: false,
		data_dir: "/home/me/.local/share/weft",
		disk: { used_bytes: 104_857_600, cap_bytes: 50_000_000_000, free_bytes: 120_000_000_000 },
		store: { spans: waiting ? 0 : 1_200_345, traces: waiting ? 0 : 40_211, quarantined_blocks: 0 },
		listeners: [
			{
				name: "main",
				protocols: ["ui", "api", "otlp/http", "otlp/grpc"],
				address: "127.0.0.1:8800",
				listening: true,
			},
			{ name: "otlp/http", protocols: ["otlp/http"], address: "127.0.0.1:4318", listening: true },
			{
				name: "otlp/grpc",
				protocols: ["otlp/grpc"],
				address: "127.0.0.1:4317",
				listening: false,
				detail: "in use by otelcol (pid 812)",
			},
		],
		tenants: [],
		warnings: [],
	};
}

export const services: Schemas["ServiceName"][] = [
	{ name: "gateway", spans: 482_130 },
	{ name: "payment", spans: 201_170 },
	{ name: "catalog", spans: 150_022 },
	{ name: "payment-db", spans: 99_310 },
	{ name: "cart", spans: 60_011 },
	{ name: "bank", spans: 40_102 },
	{ name: "settlement", spans: 12_004 },
	{ name: "mail", spans: 9_120 },
];

const keys: Schemas["Suggestion"][] = [
	{ text: "service", insert: "service=", kind: "key", detail: "the service's name", count: 1_200_345 },
	{ text: "status", insert: "status=", kind: "intrinsic", detail: "ok, error or unset" },
	{ text: "name", insert: "name=", kind: "intrinsic", detail: "name of the span" },
	{ text: "duration", insert: "duration>", kind: "intrinsic", detail: "of the span, 10ms" },
	{ text: "traceDuration", insert: "traceDuration>", kind: "intrinsic", detail: "of the whole trace" },
	{
		text: "kind",
		insert: "kind=",
		kind: "intrinsic",
		detail: "server, client, producer, consumer, internal",
	},
	{
		text: "span.http.request.method",
		insert: "span.http.request.method=",
		kind: "key",
		detail: "string",
		count: 640_112,
	},
	{
		text: "span.http.response.status_code",
		insert: "span.http.response.status_code=",
		kind: "key",
		detail: "int",
		count: 640_112,
	},
	{ text: "span.order.id", insert: "span.order.id=", kind: "key", detail: "string", count: 201_170 },
	{ text: "span.customer", insert: "span.customer=", kind: "key", detail: "string", count: 201_170 },
	{
		text: "resource.service.version",
		insert: "resource.service.version=",
		kind: "key",
		detail: "string",
		count: 1_200_345,
	},
];

/** Keys by prefix, and values of service and status: what the pages show, not what the server knows. */
export function complete(q: string, pos: number): Schemas["Completion"] {
	const before = /[^\s]*$/.exec(q.slice(0, pos))?.[0] ?? "";
	const value = /^(service|status)=(.*)$/.exec(before);
	const matching = (list: Schemas["Suggestion"][], prefix: string) =>
		list.filter((s) => s.text.startsWith(prefix));
	if (value) {
		const values: Schemas["Suggestion"][] =
			value[1] === "service"
				? services.map((s) => ({ text: s.name, insert: s.name, kind: "value", count: s.spans }))
				: ["error", "ok", "unset"].map((s) => ({ text: s, insert: s, kind: "value" }));
		const prefix = value[2] ?? "";
		return { from: pos - prefix.length, to: pos, expect: ["value"], suggestions: matching(values, prefix) };
	}
	return { from: pos - before.length, to: pos, expect: ["key"], suggestions: matching(keys, before) };
}
