import { Flag, type Layout, Status } from "./decode";

/**
 * Spans of one trace added up by the way they were called: a node is a service and name
 * under one chain of callers. Its total is the self time of everything in it, so parallel
 * work counts as often as it ran, and children never outgrow their parent.
 *
 * Nodes are in depth-first order, siblings by total, largest first.
 */
export interface Flame {
	readonly count: number;
	readonly parent: Int32Array;
	readonly subtree: Int32Array;
	readonly depth: Int32Array;
	readonly service: Uint16Array;
	readonly name: Uint32Array;
	readonly self: Float64Array;
	readonly total: Float64Array;
	readonly spans: Uint32Array;
	readonly errors: Uint32Array;
	/** The slowest span of the node, to go and look at. */
	readonly slowest: Int32Array;
	readonly total0: number;
	readonly maxDepth: number;
}

export function buildFlame(l: Layout, self: Float64Array): Flame {
	// Nodes in order of creation; parents before children.
	const parent: number[] = [];
	const service: number[] = [];
	const name: number[] = [];
	const spans: number[] = [];
	const errors: number[] = [];
	const slow: number[] = [];
	const selfOf: number[] = [];
	const children: Map<number, number>[] = [];
	const roots = new Map<number, number>();
	const nodeOf = new Int32Array(l.rows);

	for (let r = 0; r < l.rows; r++) {
		const p = l.parent[r]!;
		const above = p < 0 ? -1 : nodeOf[p]!;
		if (l.flags[r]! & Flag.missing) {
			nodeOf[r] = above; // it says nothing of its own; its children hang from its parent
			continue;
		}
		const among = above < 0 ? roots : children[above]!;
		const key = l.service[r]! * 0x1_0000_0000 + l.name[r]!;
		let n = among.get(key);
		if (n === undefined) {
			n = parent.length;
			among.set(key, n);
			parent.push(above);
			service.push(l.service[r]!);
			name.push(l.name[r]!);
			spans.push(0);
			errors.push(0);
			slow.push(r);
			selfOf.push(0);
			children.push(new Map());
		}
		nodeOf[r] = n;
		spans[n]!++;
		selfOf[n]! += self[r]!;
		if (l.status[r]! === Status.error) errors[n]!++;
		if (l.duration[r]! > l.duration[slow[n]!]!) slow[n] = r;
	}

	const count = parent.length;
	const totalOf = Float64Array.from(selfOf);
	for (let n = count - 1; n >= 0; n--) if (parent[n]! >= 0) totalOf[parent[n]!]! += totalOf[n]!;

	const f = {
		count,
		parent: new Int32Array(count),
		subtree: new Int32Array(count),
		depth: new Int32Array(count),
		service: new Uint16Array(count),
		name: new Uint32Array(count),
		self: new Float64Array(count),
		total: new Float64Array(count),
		spans: new Uint32Array(count),
		errors: new Uint32Array(count),
		slowest: new Int32Array(count),
		total0: 0,
		maxDepth: 0,
	};
	const byTotal = (m: Map<number, number>) =>
		Array.from(m.values()).sort((a, b) => totalOf[a]! - totalOf[b]! || b - a);
	const stack = byTotal(roots).map((n) => ({ n, above: -1, depth: 0 }));
	let at = 0;
	while (stack.length > 0) {
		const { n, above, depth } = stack.pop() as { n: number; above: number; depth: number };
		f.parent[at] = above;
		f.depth[at] = depth;
		f.service[at] = service[n]!;
		f.name[at] = name[n]!;
		f.self[at] = selfOf[n]!;
		f.total[at] = totalOf[n]!;
		f.spans[at] = spans[n]!;
		f.errors[at] = errors[n]!;
		f.slowest[at] = slow[n]!;
		f.subtree[at] = 1;
		f.maxDepth = Math.max(f.maxDepth, depth);
		if (above < 0) f.total0 += totalOf[n]!;
		for (const c of byTotal(children[n]!)) stack.push({ n: c, above: at, depth: depth + 1 });
		at++;
	}
	for (let n = count - 1; n >= 0; n--) if (f.parent[n]! >= 0) f.subtree[f.parent[n]!]! += f.subtree[n]!;
	return f;
}

/** A rectangle to draw; `node` is -1 where several nodes are too narrow to be told apart. */
export interface FlameBox {
	readonly node: number;
	readonly depth: number;
	/** Pixels. */
	readonly x: number;
	readonly width: number;
	/** Nodes merged into it, 1 for a node of its own. */
	readonly merged: number;
}

/**
 * Boxes for a picture `width` pixels wide with node `root` (-1: everything) over all of
 * it and its callers above. Neighbours narrower than `least` pixels become one box, and
 * what is below them is left out, so the work is bounded by the pixels, not by the trace.
 */
export function layoutFlame(f: Flame, width: number, root = -1, least = 0.5): FlameBox[] {
	const boxes: FlameBox[] = [];
	if (f.count === 0) return boxes;
	const whole = root < 0 ? f.total0 : f.total[root]!;
	const scale = whole > 0 ? width / whole : 0;
	for (let n = root < 0 ? -1 : f.parent[root]!; n >= 0; n = f.parent[n]!) {
		boxes.push({ node: n, depth: f.depth[n]!, x: 0, width, merged: 1 });
	}
	const level = (from: number, end: number, x0: number, depth: number) => {
		let x = x0;
		let mergedFrom = 0;
		let merged = 0;
		let mergedWidth = 0;
		const flush = () => {
			if (merged > 0 && mergedWidth >= least) {
				boxes.push({ node: -1, depth, x: mergedFrom, width: mergedWidth, merged });
			}
			merged = 0;
			mergedWidth = 0;
		};
		for (let n = from; n < end; n += f.subtree[n]!) {
			const w = f.total[n]! * scale;
			if (w < least) {
				if (merged === 0) mergedFrom = x;
				merged++;
				mergedWidth += w;
			} else {
				flush();
				boxes.push({ node: n, depth, x, width: w, merged: 1 });
				pending.push({ node: n, x });
			}
			x += w;
		}
		flush();
	};
	const pending: { node: number; x: number }[] = [];
	if (root < 0) level(0, f.count, 0, 0);
	else {
		boxes.push({ node: root, depth: f.depth[root]!, x: 0, width, merged: 1 });
		pending.push({ node: root, x: 0 });
	}
	while (pending.length > 0) {
		const { node, x } = pending.pop() as { node: number; x: number };
		level(node + 1, node + f.subtree[node]!, x, f.depth[node]! + 1);
	}
	return boxes;
}

/** Totals by service and name over the whole trace: the flame graph as a table. */
export interface FlameRow {
	readonly service: number;
	readonly name: number;
	readonly spans: number;
	readonly errors: number;
	readonly self: number;
	/** Counted once where an operation calls itself. */
	readonly total: number;
	readonly slowest: number;
}

export function flameTable(f: Flame, l: Layout): FlameRow[] {
	const rows = new Map<number, { -readonly [K in keyof FlameRow]: FlameRow[K] }>();
	const active = new Map<number, number>(); // how often an operation is on the current chain
	const chain: number[] = [];
	for (let n = 0; n < f.count; n++) {
		while (chain.length > f.depth[n]!) {
			const left = chain.pop() as number;
			active.set(left, (active.get(left) as number) - 1);
		}
		const key = f.service[n]! * 0x1_0000_0000 + f.name[n]!;
		const on = active.get(key) ?? 0;
		let r = rows.get(key);
		if (r === undefined) {
			r = {
				service: f.service[n]!,
				name: f.name[n]!,
				spans: 0,
				errors: 0,
				self: 0,
				total: 0,
				slowest: f.slowest[n]!,
			};
			rows.set(key, r);
		}
		r.spans += f.spans[n]!;
		r.errors += f.errors[n]!;
		r.self += f.self[n]!;
		if (on === 0) r.total += f.total[n]!;
		if (l.duration[f.slowest[n]!]! > l.duration[r.slowest]!) r.slowest = f.slowest[n]!;
		active.set(key, on + 1);
		chain.push(key);
	}
	return Array.from(rows.values()).sort((a, b) => b.self - a.self);
}
