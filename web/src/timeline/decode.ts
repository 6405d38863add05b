/**
 * The columnar layout of a trace (docs/format/trace-layout.md, version 1) as typed-array
 * views on the answer's buffer. Nothing is copied or parsed per span, so a trace of
 * 200,000 spans is readable as soon as its bytes are here.
 *
 * Every column is checked once: after decode, an index that came out of the layout may be
 * used to index it without looking, and every walk over `subtree` ends.
 */
export interface Layout {
	readonly traceId: string;
	/** Earliest start. `start` counts from here. */
	readonly baseUnixNano: bigint;
	readonly durationNs: number;
	readonly rows: number;
	readonly spans: number;
	readonly errors: number;
	readonly cut: Cut | null;
	readonly services: readonly string[];
	readonly names: readonly string[];
	readonly start: Float64Array;
	readonly duration: Float64Array;
	readonly parent: Int32Array;
	readonly subtree: Uint32Array;
	readonly depth: Uint16Array;
	readonly service: Uint16Array;
	readonly name: Uint32Array;
	readonly kind: Uint8Array;
	readonly status: Uint8Array;
	readonly flags: Uint8Array;
	/** 8 bytes a row. */
	readonly spanId: Uint8Array;
	/** True subtree size of rows whose children were not sent, else 0; null if none was cut. */
	readonly hidden: Uint32Array | null;
}

export interface Cut {
	/** Spans of the whole trace. */
	readonly spans: number;
	readonly reason: string;
}

/** Bits of the `flags` column. */
export const Flag = {
	missing: 1,
	exception: 2,
	links: 4,
	live: 8,
	twin: 16,
	damaged: 32,
	cycle: 64,
} as const;

/** OTLP StatusCode. */
export const Status = { unset: 0, ok: 1, error: 2 } as const;

/** OTLP SpanKind. */
export const Kind = { unspecified: 0, internal: 1, server: 2, client: 3, producer: 4, consumer: 5 } as const;

export const kindNames = ["unspecified", "internal", "server", "client", "producer", "consumer"] as const;

/** The bytes are not a layout this version can draw. `message` names the place. */
export class LayoutError extends Error {
	override name = "LayoutError";
}

const magic = 0x314c5457; // "WTL1", little-endian

const bytesOf = { f64: 8, i32: 4, u32: 4, u16: 2, u8: 1 } as const;
type ColumnType = keyof typeof bytesOf;

interface Header {
	trace_id: string;
	base_unix_nano: string;
	duration_ns: string;
	rows: number;
	spans: number;
	errors: number;
	cut: Cut | null;
	services: string[];
	names: string[];
	columns: Record<string, { type: string; at: number }>;
}

export function decode(buffer: ArrayBuffer): Layout {
	if (buffer.byteLength < 8)
		throw new LayoutError(`layout: ${buffer.byteLength} bytes, too short for a header`);
	const head = new DataView(buffer);
	if (head.getUint32(0, true) !== magic) throw new LayoutError("layout: does not begin with WTL1");
	const headerBytes = head.getUint32(4, true);
	const base = 8 + headerBytes;
	if (base % 8 !== 0 || base > buffer.byteLength) {
		throw new LayoutError(`layout: header of ${headerBytes} bytes does not fit`);
	}
	const h = parseHeader(new Uint8Array(buffer, 8, headerBytes));

	const column = <T>(name: string, type: ColumnType, n: number, view: (at: number, n: number) => T): T => {
		const c = h.columns[name];
		if (c === undefined) throw new LayoutError(`layout: column ${name} is missing`);
		if (c.type !== type) throw new LayoutError(`layout: column ${name} is ${c.type}, not ${type}`);
		const at = base + c.at;
		if (!Number.isInteger(c.at) || c.at < 0 || c.at % 8 !== 0 || at + n * bytesOf[type] > buffer.byteLength) {
			throw new LayoutError(`layout: column ${name} at ${c.at} does not fit`);
		}
		return view(at, n);
	};
	const f64 = (at: number, n: number) => new Float64Array(buffer, at, n);
	const i32 = (at: number, n: number) => new Int32Array(buffer, at, n);
	const u32 = (at: number, n: number) => new Uint32Array(buffer, at, n);
	const u16 = (at: number, n: number) => new Uint16Array(buffer, at, n);
	const u8 = (at: number, n: number) => new Uint8Array(buffer, at, n);

	const n = h.rows;
	const l: Layout = {
		traceId: h.trace_id,
		baseUnixNano: BigInt(h.base_unix_nano),
		durationNs: Number(h.duration_ns),
		rows: n,
		spans: h.spans,
		errors: h.errors,
		cut: h.cut ?? null,
		services: h.services,
		names: h.names,
		start: column("start", "f64", n, f64),
		duration: column("duration", "f64", n, f64),
		parent: column("parent", "i32", n, i32),
		subtree: column("subtree", "u32", n, u32),
		depth: column("depth", "u16", n, u16),
		service: column("service", "u16", n, u16),
		name: column("name", "u32", n, u32),
		kind: column("kind", "u8", n, u8),
		status: column("status", "u8", n, u8),
		flags: column("flags", "u8", n, u8),
		spanId: column("span_id", "u8", n * 8, u8),
		hidden: h.columns.hidden === undefined ? null : column("hidden", "u32", n, u32),
	};
	checkRows(l);
	return l;
}

function parseHeader(bytes: Uint8Array): Header {
	let h: Header;
	try {
		h = JSON.parse(new TextDecoder().decode(bytes)) as Header;
	} catch (cause) {
		throw new LayoutError("layout: header is not JSON", { cause });
	}
	const whole = (v: unknown): boolean => Number.isInteger(v) && (v as number) >= 0;
	const decimal = (v: unknown): boolean => typeof v === "string" && /^-?[0-9]+$/.test(v);
	if (
		!whole(h.rows) ||
		!whole(h.spans) ||
		!whole(h.errors) ||
		!decimal(h.base_unix_nano) ||
		!decimal(h.duration_ns) ||
		typeof h.trace_id !== "string" ||
		!Array.isArray(h.services) ||
		!Array.isArray(h.names) ||
		typeof h.columns !== "object" ||
		h.columns === null
	) {
		throw new LayoutError("layout: header lacks a member");
	}
	return h;
}

/** Checks what every walk relies on: subtrees nest, parents stand before, names exist. */
function checkRows(l: Layout): void {
	for (let r = 0; r < l.rows; r++) {
		const end = r + l.subtree[r]!;
		const p = l.parent[r]!;
		const bound = p < 0 ? l.rows : p + l.subtree[p]!;
		if (l.subtree[r]! < 1 || end > bound || p >= r || (p >= 0 && r >= bound)) {
			throw new LayoutError(`layout: row ${r} does not nest in its parent`);
		}
		if (l.service[r]! >= l.services.length || l.name[r]! >= l.names.length) {
			throw new LayoutError(`layout: row ${r} names a service or operation that is not there`);
		}
	}
}

const hexDigits = Array.from({ length: 256 }, (_, b) => b.toString(16).padStart(2, "0"));

/** The span id of a row as 16 hex digits. */
export function spanIdOf(l: Layout, row: number): string {
	let s = "";
	for (let i = row * 8; i < row * 8 + 8; i++) s += hexDigits[l.spanId[i]!]!;
	return s;
}

/** The first row, at `from` or behind, whose span id begins with `hex` (1 to 16 digits), or -1. */
export function rowOfSpan(l: Layout, hex: string, from = 0): number {
	if (!/^[0-9a-f]{1,16}$/i.test(hex)) return -1;
	const want = hex.toLowerCase();
	const whole = want.length >> 1;
	const bytes = Array.from({ length: whole }, (_, i) => Number.parseInt(want.slice(2 * i, 2 * i + 2), 16));
	const nibble = want.length % 2 === 1 ? Number.parseInt(want.slice(-1), 16) : -1;
	for (let r = from; r < l.rows; r++) {
		let i = 0;
		while (i < whole && l.spanId[r * 8 + i]! === bytes[i]!) i++;
		if (i === whole && (nibble < 0 || l.spanId[r * 8 + i]! >> 4 === nibble)) return r;
	}
	return -1;
}

/**
 * What a link calls a row: its span id, and behind a dot which one it is where several
 * spans share the id (Zipkin's client and server). The first goes by the id alone.
 */
export function rowName(l: Layout, row: number): string {
	const id = spanIdOf(l, row);
	if ((l.flags[row]! & Flag.twin) === 0) return id;
	let nth = 1;
	for (let r = rowOfSpan(l, id); r >= 0 && r < row; r = rowOfSpan(l, id, r + 1)) nth++;
	return nth === 1 ? id : `${id}.${nth}`;
}

/** The row that rowName named, or -1; the id may be cut short. */
export function rowNamed(l: Layout, name: string): number {
	const [id = "", nth = "1"] = name.split(".");
	let row = rowOfSpan(l, id);
	for (let left = Number(nth); left > 1 && row >= 0; left--) row = rowOfSpan(l, id, row + 1);
	return row;
}

/** End of a row's bar, in nanoseconds after base; an open span ends with the trace. */
export function endOf(l: Layout, row: number, traceEnd: number): number {
	if (l.flags[row]! & Flag.live) return Math.max(traceEnd, l.start[row]!);
	return l.start[row]! + l.duration[row]!;
}
