import type { Cut, Layout } from "./decode";

/** What a row of a layout to be written needs; the rest follows from the order of rows. */
export interface RowSpec {
	/** Position of the parent in the list, -1 for a root. Parents stand before children. */
	readonly parent: number;
	readonly service: string;
	readonly name: string;
	/** Nanoseconds after base. */
	readonly start: number;
	readonly duration: number;
	readonly kind?: number;
	readonly status?: number;
	readonly flags?: number;
	/** 16 hex digits; by default the position. */
	readonly spanId?: string;
	readonly hidden?: number;
}

export interface TraceSpec {
	readonly traceId?: string;
	readonly baseUnixNano?: bigint;
	readonly cut?: Cut;
}

/**
 * Writes a layout as the server does: for tests, for the generated traces of the
 * performance test, and for pictures. Rows may come in any order in which parents stand
 * before their children; they are put depth-first here, siblings by start.
 */
export function encode(rows: readonly RowSpec[], trace: TraceSpec = {}): ArrayBuffer {
	const n = rows.length;
	const order = depthFirst(rows);
	const place = new Int32Array(n);
	order.forEach((at, i) => {
		place[at] = i;
	});
	const services = new Map<string, number>();
	const names = new Map<string, number>();
	const index = (m: Map<string, number>, key: string) => {
		const i = m.get(key) ?? m.size;
		m.set(key, i);
		return i;
	};

	const start = new Float64Array(n);
	const duration = new Float64Array(n);
	const parent = new Int32Array(n);
	const subtree = new Uint32Array(n).fill(1);
	const depth = new Uint16Array(n);
	const service = new Uint16Array(n);
	const name = new Uint32Array(n);
	const kind = new Uint8Array(n);
	const status = new Uint8Array(n);
	const flags = new Uint8Array(n);
	const spanId = new Uint8Array(n * 8);
	const hidden = new Uint32Array(n);
	let end = 0;
	for (let i = 0; i < n; i++) {
		const r = rows[order[i]!]!;
		start[i] = r.start;
		duration[i] = r.duration;
		parent[i] = r.parent < 0 ? -1 : place[r.parent]!;
		depth[i] = r.parent < 0 ? 0 : Math.min(depth[parent[i]!]! + 1, 65535);
		service[i] = index(services, r.service);
		name[i] = index(names, r.name);
		kind[i] = r.kind ?? 1;
		status[i] = r.status ?? 0;
		flags[i] = r.flags ?? 0;
		hidden[i] = r.hidden ?? 0;
		const id = r.spanId ?? (order[i]! + 1).toString(16).padStart(16, "0");
		for (let b = 0; b < 8; b++) spanId[i * 8 + b] = Number.parseInt(id.slice(2 * b, 2 * b + 2), 16);
		end = Math.max(end, r.start + r.duration);
	}
	for (let i = n - 1; i >= 0; i--) if (parent[i]! >= 0) subtree[parent[i]!]! += subtree[i]!;

	const columns = {
		start,
		duration,
		parent,
		subtree,
		depth,
		service,
		name,
		kind,
		status,
		flags,
		span_id: spanId,
		hidden,
	};
	const at: Record<string, { type: string; at: number }> = {};
	let size = 0;
	for (const [key, data] of Object.entries(columns)) {
		at[key] = { type: typeName(data), at: size };
		size += Math.ceil(data.byteLength / 8) * 8;
	}
	const header = {
		trace_id: trace.traceId ?? "5b8efff798038103d269b633813fc60c",
		base_unix_nano: String(trace.baseUnixNano ?? 1769839198123456789n),
		duration_ns: String(end),
		rows: n,
		spans: trace.cut?.spans ?? rows.filter((r) => ((r.flags ?? 0) & 1) === 0).length,
		errors: rows.filter((r) => r.status === 2).length,
		cut: trace.cut ?? null,
		services: Array.from(services.keys()),
		names: Array.from(names.keys()),
		columns: at,
	};
	const text = new TextEncoder().encode(JSON.stringify(header));
	const headerBytes = Math.ceil(text.length / 8) * 8;
	const buffer = new ArrayBuffer(8 + headerBytes + size);
	const bytes = new Uint8Array(buffer);
	bytes.set([0x57, 0x54, 0x4c, 0x31]);
	new DataView(buffer).setUint32(4, headerBytes, true);
	bytes.fill(0x20, 8, 8 + headerBytes);
	bytes.set(text, 8);
	for (const [key, data] of Object.entries(columns)) {
		bytes.set(new Uint8Array(data.buffer), 8 + headerBytes + at[key]!.at);
	}
	return buffer;
}

function typeName(a: Layout[keyof Layout]): string {
	if (a instanceof Float64Array) return "f64";
	if (a instanceof Int32Array) return "i32";
	if (a instanceof Uint32Array) return "u32";
	if (a instanceof Uint16Array) return "u16";
	return "u8";
}

function depthFirst(rows: readonly RowSpec[]): number[] {
	const children = new Map<number, number[]>();
	rows.forEach((r, i) => {
		const list = children.get(r.parent);
		if (list === undefined) children.set(r.parent, [i]);
		else list.push(i);
	});
	for (const list of children.values()) list.sort((a, b) => rows[b]!.start - rows[a]!.start || b - a);
	const order: number[] = [];
	const stack = Array.from(children.get(-1) ?? []);
	while (stack.length > 0) {
		const i = stack.pop() as number;
		order.push(i);
		for (const c of children.get(i) ?? []) stack.push(c);
	}
	return order;
}
