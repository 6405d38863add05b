import { endOf, Flag, type Layout } from "./decode";

/**
 * What a span did itself: its time minus the union of its children's. Stretches of it
 * that are long enough to need an explanation are gaps, and get a row of their own.
 */
export interface SelfTime {
	/** Nanoseconds by row; 0 for missing parents, whose bar is made up of their children. */
	readonly self: Float64Array;
	readonly gapCount: number;
	readonly gapParent: Int32Array;
	readonly gapFrom: Float64Array;
	readonly gapTo: Float64Array;
	/** Gaps of row p are gapFirst[p] .. gapFirst[p + 1], by time. */
	readonly gapFirst: Uint32Array;
}

export interface GapRule {
	/** Share of the trace below which a gap is not worth a row. */
	readonly ofTrace: number;
	/** Share of its parent below which a gap is not worth a row. */
	readonly ofParent: number;
}

export const gapRule: GapRule = { ofTrace: 0.05, ofParent: 0.15 };

/**
 * `start` is the clock to measure on: the raw column, or the one corrected for skew.
 * A span without children has no gaps, all its time is its own; one that has not ended
 * or whose children were cut away has none either, because nothing is known about them.
 */
export function measureSelfTime(
	l: Layout,
	start: Float64Array,
	extent: number,
	rule: GapRule = gapRule,
): SelfTime {
	const self = new Float64Array(l.rows);
	const gapFirst = new Uint32Array(l.rows + 1);
	const parents: number[] = [];
	const from: number[] = [];
	const to: number[] = [];
	const scratch: number[] = [];
	const traceEnd = l.durationNs;

	for (let p = 0; p < l.rows; p++) {
		const a = start[p]!;
		const b = a + endOf(l, p, traceEnd) - l.start[p]!;
		const length = b - a;
		const explained =
			(l.flags[p]! & (Flag.missing | Flag.live)) === 0 && (l.hidden === null || l.hidden[p]! === 0);
		const least =
			explained && l.subtree[p]! > 1 ? Math.max(rule.ofTrace * extent, rule.ofParent * length) : Infinity;
		const end = p + l.subtree[p]!;

		let sorted = true;
		scratch.length = 0;
		let before = -Infinity;
		for (let c = p + 1; c < end; c += l.subtree[c]!) {
			scratch.push(c);
			if (start[c]! < before) sorted = false;
			before = start[c]!;
		}
		if (!sorted) scratch.sort((x, y) => start[x]! - start[y]!);

		let covered = 0;
		let cursor = a;
		for (const c of scratch) {
			const s = Math.max(start[c]!, a);
			const e = Math.min(start[c]! + endOf(l, c, traceEnd) - l.start[c]!, b);
			if (e <= cursor) continue;
			if (s - cursor >= least && s > cursor) {
				parents.push(p);
				from.push(cursor);
				to.push(Math.min(s, b));
			}
			covered += e - Math.max(s, cursor);
			cursor = e;
		}
		if (b - cursor >= least && b > cursor) {
			parents.push(p);
			from.push(cursor);
			to.push(b);
		}
		self[p] = l.flags[p]! & Flag.missing ? 0 : Math.max(0, length - covered);
		gapFirst[p + 1] = parents.length;
	}
	return {
		self,
		gapCount: parents.length,
		gapParent: Int32Array.from(parents),
		gapFrom: Float64Array.from(from),
		gapTo: Float64Array.from(to),
		gapFirst,
	};
}

/** The self time of one row, without measuring the others. */
export function selfTimeOf(l: Layout, row: number): number {
	const a = l.start[row]!;
	const b = endOf(l, row, l.durationNs);
	const parts: [from: number, to: number][] = [];
	for (let c = row + 1; c < row + l.subtree[row]!; c += l.subtree[c]!) {
		parts.push([Math.max(l.start[c]!, a), Math.min(endOf(l, c, l.durationNs), b)]);
	}
	let covered = 0;
	let cursor = a;
	for (const [from, to] of parts.sort((x, y) => x[0] - y[0])) {
		if (to <= cursor) continue;
		covered += to - Math.max(from, cursor);
		cursor = to;
	}
	return Math.max(0, b - a - covered);
}
