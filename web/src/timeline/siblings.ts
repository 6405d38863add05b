import { type Layout, Status } from "./decode";

/** More like siblings than this fold into one row. */
export const foldBeyond = 5;

/**
 * Like siblings: children of one parent with the same service and name. Groups are
 * numbered in the order of their first member. Built once a layout in O(rows).
 */
export interface Siblings {
	readonly count: number;
	/** Group of a row, -1 for a row that stands alone. */
	readonly groupOf: Int32Array;
	/** Members of group g are members[first[g] .. first[g + 1]), by start. */
	readonly first: Int32Array;
	readonly members: Int32Array;
}

export interface GroupStats {
	readonly count: number;
	readonly p50: number;
	readonly max: number;
	/** Failed spans among the members and below them. */
	readonly errors: number;
}

export function findSiblings(l: Layout, beyond = foldBeyond): Siblings {
	const groupOf = new Int32Array(l.rows).fill(-1);
	const childCount = new Uint32Array(l.rows + 1); // of the parent at index + 1, roots at 0
	for (let r = 0; r < l.rows; r++) childCount[l.parent[r]! + 1]!++;

	const found: number[][] = [];
	const visit = (from: number, end: number) => {
		const byKind = new Map<number, number[]>();
		for (let c = from; c < end; c += l.subtree[c]!) {
			const key = l.service[c]! * 0x1_0000_0000 + l.name[c]!;
			const like = byKind.get(key);
			if (like === undefined) byKind.set(key, [c]);
			else like.push(c);
		}
		for (const like of byKind.values()) if (like.length > beyond) found.push(like);
	};
	if (childCount[0]! > beyond) visit(0, l.rows);
	for (let p = 0; p < l.rows; p++) if (childCount[p + 1]! > beyond) visit(p + 1, p + l.subtree[p]!);

	found.sort((a, b) => a[0]! - b[0]!);
	const first = new Int32Array(found.length + 1);
	for (let g = 0; g < found.length; g++) first[g + 1] = first[g]! + found[g]!.length;
	const members = new Int32Array(first[found.length]!);
	found.forEach((like, g) => {
		members.set(like, first[g]!);
		for (const r of like) groupOf[r] = g;
	});
	return { count: found.length, groupOf, first, members };
}

export function membersOf(s: Siblings, g: number): Int32Array {
	return s.members.subarray(s.first[g]!, s.first[g + 1]!);
}

export function groupStats(l: Layout, s: Siblings, g: number, errorsBefore: Uint32Array): GroupStats {
	const members = membersOf(s, g);
	const durations = Float64Array.from(members, (r) => l.duration[r]!).sort();
	let errors = 0;
	for (const r of members) errors += errorsBefore[r + l.subtree[r]!]! - errorsBefore[r]!;
	return {
		count: members.length,
		p50: durations[(durations.length - 1) >> 1]!,
		max: durations[durations.length - 1]!,
		errors,
	};
}

/** The n slowest members, in order of time. */
export function slowest(l: Layout, s: Siblings, g: number, n: number): number[] {
	return Array.from(membersOf(s, g))
		.sort((a, b) => l.duration[b]! - l.duration[a]! || a - b)
		.slice(0, n)
		.sort((a, b) => a - b);
}

/** Failed spans before each row: those of a subtree are errors[r + subtree[r]] - errors[r]. */
export function countErrorsBefore(l: Layout): Uint32Array {
	const before = new Uint32Array(l.rows + 1);
	for (let r = 0; r < l.rows; r++) before[r + 1] = before[r]! + (l.status[r]! === Status.error ? 1 : 0);
	return before;
}
