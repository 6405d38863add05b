import { endOf, Flag, Kind, type Layout } from "./decode";

/**
 * The chain of work that decided when the trace ended: shorten anything on it and the
 * trace is shorter. Segments do not overlap; where none lies, nothing of the trace ran.
 */
export interface CriticalPath {
	/** Segments from the last to the first. */
	readonly row: Int32Array;
	readonly from: Float64Array;
	readonly to: Float64Array;
	/** Time on the path by row. */
	readonly time: Float64Array;
}

/**
 * Walks backward from the end. The time before t in a span is owed to the child that
 * finished last before t; what remains between children is the span's own. Children that
 * overlap the chosen one ran beside it and are passed over.
 *
 * A child that ends after its parent did not hold it up, with one exception: the server
 * side of a call whose client gave up waiting. Such a child explains the parent to its
 * end. Any other explains only the time after the parent's end, so that the path of a
 * request that hands work to a queue leads through the queue.
 *
 * `start` is the clock to use; with skewed clocks the corrected one gives the true path.
 */
export function findCriticalPath(l: Layout, start: Float64Array = l.start): CriticalPath {
	const segments: { row: number; from: number; to: number }[] = [];
	const time = new Float64Array(l.rows);
	const end = new Float64Array(l.rows);
	const last = new Float64Array(l.rows).fill(-Infinity); // latest end in the subtree
	for (let r = l.rows - 1; r >= 0; r--) {
		end[r] = start[r]! + endOf(l, r, l.durationNs) - l.start[r]!;
		last[r] = Math.max(last[r]!, end[r]!);
		const p = l.parent[r]!;
		if (p >= 0) last[p] = Math.max(last[p]!, last[r]!);
	}

	const add = (row: number, from: number, to: number) => {
		// A missing parent's bar is its children's; time between them is nobody's.
		if (to <= from || (l.flags[row]! & Flag.missing) !== 0) return;
		time[row]! += to - from;
		segments.push({ row, from, to });
	};

	/** Moment at which child c let its parent go on; Infinity if it never did. */
	const released = (c: number, p: number): number => {
		if (end[c]! <= end[p]!) return end[c]!;
		const waited = l.kind[p]! === Kind.client && l.kind[c]! === Kind.server;
		return waited ? end[p]! : Infinity;
	};

	const stack: Walk[] = [];
	const enter = (row: number, t: number, floor: number) => {
		stack.push({ row, t, floor: Math.max(floor, start[row]!), after: null, inside: null, at: 0 });
	};

	let root = -1;
	for (let r = 0; r < l.rows; r += l.subtree[r]!) if (root < 0 || last[r]! > last[root]!) root = r;
	if (root >= 0) enter(root, last[root]!, -Infinity);

	while (stack.length > 0) {
		const w = stack[stack.length - 1]!;
		const p = w.row;
		// After the span's own end: descendants that went on without it.
		if (w.t > end[p]!) {
			w.after ??= childrenBy(l, p, last);
			const c = next(w, w.after, (x) => start[x]! < w.t && Math.min(last[x]!, w.t) > end[p]!);
			if (c >= 0) {
				const t = Math.min(last[c]!, w.t);
				w.t = Math.max(start[c]!, w.floor);
				enter(c, t, w.floor);
				continue;
			}
			w.t = end[p]!;
		}
		if (w.inside === null) {
			const key = new Map<number, number>();
			w.inside = childrenOf(l, p).filter((c) => {
				key.set(c, released(c, p));
				return key.get(c) !== Infinity;
			});
			w.inside.sort((a, b) => (key.get(b) as number) - (key.get(a) as number) || b - a);
			w.at = 0;
		}
		const c = next(w, w.inside, (x) => released(x, p) <= w.t && start[x]! < w.t);
		const t = c < 0 ? w.floor : released(c, p);
		if (t <= w.floor) {
			add(p, w.floor, w.t);
			stack.pop();
			continue;
		}
		add(p, t, w.t);
		w.t = Math.max(start[c]!, w.floor);
		enter(c, t, w.floor);
	}

	return {
		row: Int32Array.from(segments, (s) => s.row),
		from: Float64Array.from(segments, (s) => s.from),
		to: Float64Array.from(segments, (s) => s.to),
		time,
	};
}

/** A span whose time before t is being explained. */
interface Walk {
	row: number;
	t: number;
	/** Time before this belongs to someone further up. */
	floor: number;
	after: number[] | null;
	inside: number[] | null;
	at: number;
}

function next(w: Walk, list: number[], fits: (row: number) => boolean): number {
	while (w.at < list.length) {
		const c = list[w.at++]!;
		if (fits(c)) return c;
	}
	return -1;
}

function childrenOf(l: Layout, p: number): number[] {
	const out: number[] = [];
	for (let c = p + 1; c < p + l.subtree[p]!; c += l.subtree[c]!) out.push(c);
	return out;
}

function childrenBy(l: Layout, p: number, key: Float64Array): number[] {
	return childrenOf(l, p).sort((a, b) => key[b]! - key[a]! || b - a);
}
