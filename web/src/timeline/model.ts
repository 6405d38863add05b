import { Flag, type Layout, rowName, rowNamed, rowOfSpan, Status, spanIdOf } from "./decode";
import { measureSelfTime, type SelfTime } from "./selfTime";
import {
	countErrorsBefore,
	findSiblings,
	type GroupStats,
	groupStats,
	membersOf,
	type Siblings,
	slowest,
} from "./siblings";

/** What a visible row is; `ref` then counts spans, groups or gaps, or names the row cut below. */
export const RowKind = { span: 0, fold: 1, gap: 2, cut: 3 } as const;

/** How far a group of like siblings is unfolded. */
export const FoldState = { folded: 0, slowest: 1, all: 2 } as const;
export type FoldStateValue = (typeof FoldState)[keyof typeof FoldState];

const slowestShown = 5;

/**
 * The rows on screen, as a struct of arrays. Opening or closing a row writes its subtree
 * and moves the tail in one copy, so a toggle costs O(subtree) plus a memmove, and no
 * object per row exists at any time.
 */
export class Model {
	readonly layout: Layout;
	readonly siblings: Siblings;
	readonly errorsBefore: Uint32Array;
	/** Number of visible rows. */
	length = 0;
	kind: Uint8Array;
	ref: Int32Array;
	/** Indentation, 0 for roots; aria-level is one more. */
	level: Uint32Array;
	/** Position among its siblings from 1, and their number, for assistive technology. */
	pos: Uint32Array;
	size: Uint32Array;

	/** The clock that is shown: starts by row. */
	start: Float64Array;
	/** Its gaps are moments of the shown clock. */
	selfTime: SelfTime;
	/** Measured on the corrected clock: children that only seem to lie outside make no gaps. */
	private readonly measured: SelfTime;
	private readonly corrected: Float64Array;
	readonly collapsed: Uint8Array;
	private readonly foldState: Uint8Array;
	/** Members shown besides the slowest, because someone was led to them. */
	private readonly revealed = new Map<number, Set<number>>();
	private readonly stats: (GroupStats | undefined)[];
	private spare = new Columns(0);

	constructor(layout: Layout, start: Float64Array = layout.start, corrected: Float64Array = start) {
		this.layout = layout;
		this.siblings = findSiblings(layout);
		this.errorsBefore = countErrorsBefore(layout);
		this.start = start;
		this.corrected = corrected;
		this.measured = measureSelfTime(layout, corrected, layout.durationNs);
		this.selfTime = shiftGaps(this.measured, start, corrected);
		this.collapsed = new Uint8Array(layout.rows);
		this.foldState = new Uint8Array(this.siblings.count);
		this.stats = new Array<GroupStats | undefined>(this.siblings.count);
		const c = new Columns(layout.rows + this.siblings.count + this.selfTime.gapCount);
		({ kind: this.kind, ref: this.ref, level: this.level, pos: this.pos, size: this.size } = c);
		this.rebuild();
	}

	/** Shows another clock. The fold state stays. */
	setClock(start: Float64Array): void {
		this.start = start;
		this.selfTime = shiftGaps(this.measured, start, this.corrected);
		this.rebuild();
	}

	// What a row is.

	/** The span a visible row stands for: itself, a group's first member, a gap's parent. */
	spanAt(i: number): number {
		const ref = this.ref[i]!;
		switch (this.kind[i]!) {
			case RowKind.fold:
				return this.siblings.members[this.siblings.first[ref]!]!;
			case RowKind.gap:
				return this.selfTime.gapParent[ref]!;
			default:
				return ref;
		}
	}

	canOpen(i: number): boolean {
		if (this.kind[i]! === RowKind.fold) return true;
		return this.kind[i]! === RowKind.span && this.hasBelow(this.ref[i]!);
	}

	isOpen(i: number): boolean {
		if (this.kind[i]! === RowKind.fold) return this.foldState[this.ref[i]!]! !== FoldState.folded;
		return this.canOpen(i) && this.collapsed[this.ref[i]!]! === 0;
	}

	foldStateOf(group: number): FoldStateValue {
		return this.foldState[group]! as FoldStateValue;
	}

	groupStats(group: number): GroupStats {
		let s = this.stats[group]!;
		if (s === undefined) {
			s = groupStats(this.layout, this.siblings, group, this.errorsBefore);
			this.stats[group] = s;
		}
		return s;
	}

	/** Failed spans below a row, itself not counted. */
	errorsBelow(row: number): number {
		const own = this.layout.status[row]! === Status.error ? 1 : 0;
		return this.errorsBefore[row + this.layout.subtree[row]!]! - this.errorsBefore[row]! - own;
	}

	private hasBelow(row: number): boolean {
		return this.layout.subtree[row]! > 1 || (this.layout.hidden !== null && this.layout.hidden[row]! > 0);
	}

	// Fold and unfold.

	/** Opens or closes visible row i; a group opens to its slowest members. */
	toggle(i: number): void {
		if (this.isOpen(i)) this.close(i);
		else this.open(i);
	}

	open(i: number): void {
		if (!this.canOpen(i) || this.isOpen(i)) return;
		if (this.kind[i]! === RowKind.fold) this.setFold(i, FoldState.slowest);
		else {
			this.collapsed[this.ref[i]!] = 0;
			this.rewriteBelow(i);
		}
	}

	close(i: number): void {
		if (!this.isOpen(i)) return;
		if (this.kind[i]! === RowKind.fold) this.setFold(i, FoldState.folded);
		else {
			this.collapsed[this.ref[i]!] = 1;
			this.rewriteBelow(i);
		}
	}

	setFold(i: number, state: FoldStateValue): void {
		if (this.kind[i]! !== RowKind.fold) return;
		this.foldState[this.ref[i]!] = state;
		if (state === FoldState.folded) this.revealed.delete(this.ref[i]!);
		this.rewriteBelow(i);
	}

	openAll(): void {
		this.collapsed.fill(0);
		this.rebuild();
	}

	/** Closes every row at `level` or deeper, and all groups. */
	closeFrom(level: number): void {
		for (let r = 0; r < this.layout.rows; r++) {
			this.collapsed[r] = this.layout.depth[r]! >= level && this.hasBelow(r) ? 1 : 0;
		}
		this.foldState.fill(FoldState.folded);
		this.revealed.clear();
		this.rebuild();
	}

	/** Makes a span visible, opening what hides it, and returns its visible row. */
	reveal(row: number): number {
		const at = this.find(row);
		if (at >= 0) return at;
		for (let r = row; r >= 0; r = this.layout.parent[r]!) {
			if (r !== row) this.collapsed[r] = 0;
			const g = this.siblings.groupOf[r]!;
			if (g < 0 || this.shownInGroup(g).includes(r)) continue;
			const set = this.revealed.get(g) ?? new Set<number>();
			set.add(r);
			this.revealed.set(g, set);
			if (this.foldState[g]! === FoldState.folded) this.foldState[g] = FoldState.slowest;
		}
		this.rebuild();
		return this.find(row);
	}

	/** The visible row of a span, -1 if it is hidden. */
	find(row: number): number {
		for (let i = 0; i < this.length; i++)
			if (this.ref[i]! === row && this.kind[i]! === RowKind.span) return i;
		return -1;
	}

	/** The visible row one level up, -1 for a root. */
	parentOf(i: number): number {
		let j = i - 1;
		while (j >= 0 && this.level[j]! >= this.level[i]!) j--;
		return j;
	}

	// The state that a link carries.

	/**
	 * Which rows differ from the way a trace opens, by the first 8 digits of their span
	 * ids (16 where 8 are ambiguous): `-` closed, `+` a group unfolded to its slowest, `*`
	 * to all of its members. At most `most` of them, for the sake of the link's length.
	 */
	foldCode(most = 64): string {
		const parts: string[] = [];
		for (let r = 0; r < this.layout.rows && parts.length < most; r++) {
			if (this.collapsed[r]! === 1) parts.push(`-${this.idCode(r)}`);
		}
		for (let g = 0; g < this.siblings.count && parts.length < most; g++) {
			if (this.foldState[g]! === FoldState.folded) continue;
			const mark = this.foldState[g]! === FoldState.all ? "*" : "+";
			parts.push(mark + this.idCode(membersOf(this.siblings, g)[0]!));
		}
		return parts.join("");
	}

	private idCode(row: number): string {
		const id = spanIdOf(this.layout, row);
		return rowOfSpan(this.layout, id.slice(0, 8)) === row ? id.slice(0, 8) : rowName(this.layout, row);
	}

	/** Takes over what foldCode wrote; parts that name no row of this trace are ignored. */
	applyFoldCode(code: string): void {
		this.collapsed.fill(0);
		this.foldState.fill(FoldState.folded);
		this.revealed.clear();
		for (const [, mark, id = ""] of code.matchAll(/([-+*])([0-9a-f]{1,16}(?:\.\d+)?)/g)) {
			const row = rowNamed(this.layout, id);
			if (row < 0) continue;
			const g = this.siblings.groupOf[row]!;
			if (mark === "-") this.collapsed[row] = this.hasBelow(row) ? 1 : 0;
			else if (g >= 0) this.foldState[g] = mark === "*" ? FoldState.all : FoldState.slowest;
		}
		this.rebuild();
	}

	// Writing rows.

	private shownInGroup(g: number): number[] {
		switch (this.foldState[g]!) {
			case FoldState.all:
				return Array.from(membersOf(this.siblings, g));
			case FoldState.slowest: {
				const rows = slowest(this.layout, this.siblings, g, slowestShown);
				for (const r of this.revealed.get(g) ?? []) if (!rows.includes(r)) rows.push(r);
				return rows.sort((a, b) => a - b);
			}
			default:
				return [];
		}
	}

	private rebuild(): void {
		const out = this.spare;
		out.length = 0;
		this.write(out, this.children(-1, 0));
		this.splice(0, this.length, out);
	}

	private rewriteBelow(i: number): void {
		let end = i + 1;
		while (end < this.length && this.level[end]! > this.level[i]!) end++;
		const out = this.spare;
		out.length = 0;
		if (this.isOpen(i)) {
			const level = this.level[i]! + 1;
			this.write(
				out,
				this.kind[i]! === RowKind.fold
					? this.groupFrame(this.ref[i]!, level)
					: this.children(this.ref[i]!, level),
			);
		}
		this.splice(i + 1, end, out);
	}

	/** Depth-first without recursion: a trace may be a chain of 200,000 spans. */
	private write(out: Columns, first: Frame): void {
		const { layout: l, siblings, selfTime, start } = this;
		const stack = [first];
		while (stack.length > 0) {
			const f = stack[stack.length - 1]!;
			if (f.list !== null) {
				if (f.at === f.list.length) {
					stack.pop();
					continue;
				}
				const row = f.list[f.at++]!;
				out.push(RowKind.span, row, f.level, f.at, f.size);
				if (this.hasBelow(row) && this.collapsed[row]! === 0) stack.push(this.children(row, f.level + 1));
				continue;
			}
			// The next child that has a row here: alone, or the first of its group.
			while (f.at < f.end && !this.leads(f.at)) f.at += l.subtree[f.at]!;
			const gapDue = f.gap < f.gapEnd && (f.at >= f.end || selfTime.gapFrom[f.gap]! < start[f.at]!);
			if (gapDue) {
				out.push(RowKind.gap, f.gap++, f.level, ++f.pos, f.size);
				continue;
			}
			if (f.at >= f.end) {
				if (f.cut) out.push(RowKind.cut, f.parent, f.level, ++f.pos, f.size);
				stack.pop();
				continue;
			}
			const row = f.at;
			f.at += l.subtree[row]!;
			const g = siblings.groupOf[row]!;
			if (g >= 0) {
				out.push(RowKind.fold, g, f.level, ++f.pos, f.size);
				if (this.foldState[g]! !== FoldState.folded) stack.push(this.groupFrame(g, f.level + 1));
				continue;
			}
			out.push(RowKind.span, row, f.level, ++f.pos, f.size);
			if (this.hasBelow(row) && this.collapsed[row]! === 0) stack.push(this.children(row, f.level + 1));
		}
	}

	/** Whether a child has a row of its own under its parent, or leads its group. */
	private leads(row: number): boolean {
		const g = this.siblings.groupOf[row]!;
		return g < 0 || this.siblings.members[this.siblings.first[g]!]! === row;
	}

	private children(parent: number, level: number): Frame {
		const l = this.layout;
		const from = parent + 1;
		const end = parent < 0 ? l.rows : parent + l.subtree[parent]!;
		const gap = parent < 0 ? 0 : this.selfTime.gapFirst[parent]!;
		const gapEnd = parent < 0 ? 0 : this.selfTime.gapFirst[parent + 1]!;
		const cut = parent >= 0 && l.hidden !== null && l.hidden[parent]! > 0;
		let size = gapEnd - gap + (cut ? 1 : 0);
		for (let c = from; c < end; c += l.subtree[c]!) if (this.leads(c)) size++;
		return { parent, list: null, at: from, end, gap, gapEnd, cut, level, pos: 0, size };
	}

	private groupFrame(g: number, level: number): Frame {
		const list = this.shownInGroup(g);
		return {
			parent: -1,
			list,
			at: 0,
			end: 0,
			gap: 0,
			gapEnd: 0,
			cut: false,
			level,
			pos: 0,
			size: list.length,
		};
	}

	/** Replaces visible rows [from, to) by what `c` holds. */
	private splice(from: number, to: number, c: Columns): void {
		const length = this.length - (to - from) + c.length;
		if (length > this.kind.length) this.grow(length);
		if (to < this.length && from + c.length !== to) {
			for (const col of [this.kind, this.ref, this.level, this.pos, this.size]) {
				col.copyWithin(from + c.length, to, this.length);
			}
		}
		this.kind.set(c.kind.subarray(0, c.length), from);
		this.ref.set(c.ref.subarray(0, c.length), from);
		this.level.set(c.level.subarray(0, c.length), from);
		this.pos.set(c.pos.subarray(0, c.length), from);
		this.size.set(c.size.subarray(0, c.length), from);
		this.length = length;
	}

	private grow(least: number): void {
		const c = new Columns(Math.max(least, this.kind.length * 2));
		c.kind.set(this.kind);
		c.ref.set(this.ref);
		c.level.set(this.level);
		c.pos.set(this.pos);
		c.size.set(this.size);
		({ kind: this.kind, ref: this.ref, level: this.level, pos: this.pos, size: this.size } = c);
	}
}

/** Gaps measured on one clock, told on another: they move with their parent. */
function shiftGaps(t: SelfTime, shown: Float64Array, measured: Float64Array): SelfTime {
	if (shown === measured) return t;
	const shift = (g: number) => shown[t.gapParent[g]!]! - measured[t.gapParent[g]!]!;
	return {
		...t,
		gapFrom: t.gapFrom.map((at, g) => at + shift(g)),
		gapTo: t.gapTo.map((at, g) => at + shift(g)),
	};
}

/** Rows still to be written: the children of a parent, or the shown members of a group. */
interface Frame {
	parent: number;
	list: number[] | null;
	at: number;
	end: number;
	gap: number;
	gapEnd: number;
	cut: boolean;
	level: number;
	pos: number;
	size: number;
}

/** Growable columns of visible rows. */
class Columns {
	length = 0;
	kind: Uint8Array;
	ref: Int32Array;
	level: Uint32Array;
	pos: Uint32Array;
	size: Uint32Array;

	constructor(capacity: number) {
		this.kind = new Uint8Array(capacity);
		this.ref = new Int32Array(capacity);
		this.level = new Uint32Array(capacity);
		this.pos = new Uint32Array(capacity);
		this.size = new Uint32Array(capacity);
	}

	push(kind: number, ref: number, level: number, pos: number, size: number): void {
		const i = this.length++;
		if (i >= this.kind.length) this.double();
		this.kind[i] = kind;
		this.ref[i] = ref;
		this.level[i] = level;
		this.pos[i] = pos;
		this.size[i] = size;
	}

	private double(): void {
		const n = new Columns(Math.max(256, this.kind.length * 2));
		n.kind.set(this.kind);
		n.ref.set(this.ref);
		n.level.set(this.level);
		n.pos.set(this.pos);
		n.size.set(this.size);
		({ kind: this.kind, ref: this.ref, level: this.level, pos: this.pos, size: this.size } = n);
	}
}

/** Whether a row is a parent that others name and that has not arrived. */
export function isMissing(l: Layout, row: number): boolean {
	return (l.flags[row]! & Flag.missing) !== 0;
}
