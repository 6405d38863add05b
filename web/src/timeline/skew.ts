import { Flag, Kind, type Layout } from "./decode";

/** How far one service's clock is ahead of another's, as far as the calls between them tell. */
export interface PairSkew {
	/** Indexes into the layout's services: the caller, and the called. */
	readonly from: number;
	readonly to: number;
	/** Nanoseconds by which `to` is ahead of `from`; negative if it is behind. */
	readonly aheadNs: number;
	/** Calls that were looked at, and those of them that lie outside of their caller. */
	readonly calls: number;
	readonly outside: number;
	/** Whether one offset puts every call inside its caller. */
	readonly consistent: boolean;
}

export interface Skew {
	/** Pairs whose clocks disagree by what can be seen on the trace; largest first. */
	readonly pairs: readonly PairSkew[];
	/** The corrected clock: start of every row, small corrections included. The layout's own array if there are none. */
	readonly start: Float64Array;
}

/** A smaller offset than this share of the trace is the grain of a clock, and nobody's business. */
const visibleShare = 0.01;

/**
 * Estimates clock skew from calls: a called span must lie inside its caller. Each call
 * whose callee is shorter bounds the offset between the two clocks from both sides; the
 * estimate is the middle of what all calls allow, as NTP does, which assumes that the way
 * there takes as long as the way back. A pair is left alone while zero is allowed.
 *
 * The result is for drawing beside the raw times, never in place of them.
 */
export function estimateSkew(l: Layout): Skew {
	const bounds = new Map<number, Bounds>();
	for (let r = 0; r < l.rows; r++) {
		if (!isCall(l, r)) continue;
		const p = l.parent[r]!;
		// Offsets to add to the callee's clock that keep it inside its caller.
		const low = l.start[p]! - l.start[r]!;
		const high = low + l.duration[p]! - l.duration[r]!;
		if (high < low) continue;
		const key = l.service[p]! * 65536 + l.service[r]!;
		let b = bounds.get(key);
		if (b === undefined) {
			b = { low: -Infinity, high: Infinity, calls: 0, outside: 0, middles: [] };
			bounds.set(key, b);
		}
		b.calls++;
		b.low = Math.max(b.low, low);
		b.high = Math.min(b.high, high);
		if (low > 0 || high < 0) {
			b.outside++;
			b.middles.push((low + high) / 2);
		}
	}

	const pairs: PairSkew[] = [];
	const least = l.durationNs * visibleShare;
	const shift = new Map<number, number>();
	for (const [key, b] of bounds) {
		if (b.outside === 0) continue;
		const consistent = b.low <= b.high;
		const offset = consistent ? (b.low + b.high) / 2 : median(b.middles);
		shift.set(key, offset);
		if (Math.abs(offset) < least) continue;
		pairs.push({
			from: Math.floor(key / 65536),
			to: key % 65536,
			aheadNs: -offset,
			calls: b.calls,
			outside: b.outside,
			consistent,
		});
	}
	if (shift.size === 0) return { pairs, start: l.start };
	pairs.sort((a, b) => Math.abs(b.aheadNs) - Math.abs(a.aheadNs));

	// A shifted service takes what it called along.
	const start = new Float64Array(l.rows);
	for (let r = 0; r < l.rows; r++) {
		const p = l.parent[r]!;
		const carried = p < 0 ? 0 : start[p]! - l.start[p]!;
		const own = p < 0 || !isRemote(l, r) ? 0 : (shift.get(l.service[p]! * 65536 + l.service[r]!) ?? 0);
		start[r] = l.start[r]! + carried + own;
	}
	return { pairs, start };
}

interface Bounds {
	low: number;
	high: number;
	calls: number;
	outside: number;
	middles: number[];
}

/** A row whose clock may be another than its parent's. */
function isRemote(l: Layout, r: number): boolean {
	return l.service[r]! !== l.service[l.parent[r]!]! && (l.flags[l.parent[r]!]! & Flag.missing) === 0;
}

/** A call the caller waited for: what a queue delivers may begin after its sender ended. */
function isCall(l: Layout, r: number): boolean {
	const p = l.parent[r]!;
	if (p < 0 || !isRemote(l, r) || (l.flags[r]! & (Flag.missing | Flag.live)) !== 0) return false;
	if ((l.flags[p]! & Flag.live) !== 0) return false;
	return l.kind[r]! !== Kind.consumer && l.kind[p]! !== Kind.producer;
}

function median(values: number[]): number {
	const v = Float64Array.from(values).sort();
	return v[(v.length - 1) >> 1]!;
}
