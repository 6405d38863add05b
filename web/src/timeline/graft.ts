import { type Layout, rowOfSpan } from "./decode";

/** The server sends no more rows at once (docs/format/trace-layout.md). */
export const mostRows = 200_000;

/** Rows below one with left-out children that were not sent, as far as is known. */
export function notSent(l: Layout, row: number): number {
	let left = (l.hidden?.[row] ?? 0) - 1;
	for (let c = row + 1; c < row + l.subtree[row]!; c += l.subtree[c]!) left -= l.hidden?.[c] || l.subtree[c]!;
	return Math.max(0, left);
}

/** Whether asking for the subtree of a row brings more than is here. */
export function canLoad(l: Layout, row: number): boolean {
	return l.subtree[row]! < Math.min(l.hidden?.[row] ?? 0, mostRows);
}

/** The row that the subtree of a span belongs to, -1 if nothing of it was left out. */
export function graftAt(l: Layout, spanId: string): number {
	if (l.hidden === null) return -1;
	for (let row = rowOfSpan(l, spanId); row >= 0; row = rowOfSpan(l, spanId, row + 1)) {
		if (l.hidden.subarray(row, row + l.subtree[row]!).some((h) => h > 0)) return row;
	}
	return -1;
}

/**
 * Puts the subtree of a row whose children were left out, wholly or in part, in the place
 * of what is below it: `sub` is the layout that `?root=` answered with, its first row the
 * same span as `row`. Both inputs stay as they are.
 */
export function graft(l: Layout, row: number, sub: Layout): Layout {
	if (sub.rows === 0) return l;
	const old = l.subtree[row]!;
	const added = sub.rows - old;
	const n = l.rows + added;
	const shift = Number(sub.baseUnixNano - l.baseUnixNano);
	const serviceOf = merge(l.services, sub.services);
	const nameOf = merge(l.names, sub.names);

	const out = {
		start: new Float64Array(n),
		duration: new Float64Array(n),
		parent: new Int32Array(n),
		subtree: new Uint32Array(n),
		depth: new Uint16Array(n),
		service: new Uint16Array(n),
		name: new Uint32Array(n),
		kind: new Uint8Array(n),
		status: new Uint8Array(n),
		flags: new Uint8Array(n),
		spanId: new Uint8Array(n * 8),
		hidden: new Uint32Array(n),
	};
	const copy = (from: Layout, a: number, b: number, to: number) => {
		for (const key of ["start", "duration", "parent", "subtree", "depth", "service", "name"] as const) {
			out[key].set(from[key].subarray(a, b), to);
		}
		for (const key of ["kind", "status", "flags"] as const) out[key].set(from[key].subarray(a, b), to);
		out.spanId.set(from.spanId.subarray(a * 8, b * 8), to * 8);
		if (from.hidden !== null) out.hidden.set(from.hidden.subarray(a, b), to);
	};
	copy(l, 0, row, 0);
	copy(sub, 0, sub.rows, row);
	copy(l, row + old, l.rows, row + sub.rows);

	for (let i = row; i < row + sub.rows; i++) {
		out.start[i]! += shift;
		out.parent[i] = i === row ? l.parent[row]! : out.parent[i]! + row;
		out.depth[i] = Math.min(out.depth[i]! - sub.depth[0]! + l.depth[row]!, 65535);
		out.service[i] = serviceOf.index[out.service[i]!]!;
		out.name[i] = nameOf.index[out.name[i]!]!;
	}
	for (let i = row + sub.rows; i < n; i++) if (out.parent[i]! > row) out.parent[i]! += added;
	for (let p = l.parent[row]!; p >= 0; p = l.parent[p]!) out.subtree[p]! += added;

	return {
		...l,
		...out,
		rows: n,
		cut: out.hidden.some((h) => h > 0) ? l.cut : null,
		services: serviceOf.all,
		names: nameOf.all,
	};
}

/** The words of both lists, and where each of `b` stands in them. */
function merge(a: readonly string[], b: readonly string[]): { all: string[]; index: number[] } {
	const all = Array.from(a);
	const at = new Map(all.map((word, i) => [word, i]));
	const index = b.map((word) => {
		const known = at.get(word);
		if (known !== undefined) return known;
		at.set(word, all.length);
		return all.push(word) - 1;
	});
	return { all, index };
}
