import { Flag, type Layout } from "./decode";

/** A stretch of time in which nothing starts or ends. */
export interface Quiet {
	readonly from: number;
	readonly to: number;
}

/** A quiet stretch takes this share of the axis once compressed. */
const quietShare = 0.03;
/** A view is never narrower than this, so that a zoom cannot run out of digits. */
const leastSpanNs = 20;

/**
 * Time to pixels. The view is a range of *axis time*: nanoseconds with each compressed
 * stretch shrunk to a fixed share. Zoom and pan happen on the axis, so they feel the same
 * whether stretches are compressed or not.
 */
export class TimeScale {
	readonly from: number;
	readonly to: number;
	width = 1;
	/** Break points of the piecewise-linear map from time to axis time, ascending. */
	private time: number[] = [];
	private axis: number[] = [];
	private a: number;
	private b: number;

	constructor(from: number, to: number) {
		this.from = from;
		this.to = to > from ? to : from + 1;
		this.time = [this.from, this.to];
		this.axis = [this.from, this.to];
		this.a = this.from;
		this.b = this.to;
	}

	/** Shrinks the given stretches; an empty list is the plain scale. Resets the view. */
	compress(quiet: readonly Quiet[]): void {
		const whole = this.to - this.from;
		const time = [this.from];
		const axis = [this.from];
		let busy = whole;
		for (const q of quiet) busy -= q.to - q.from;
		const small = (busy * quietShare) / Math.max(1 - quietShare * quiet.length, 0.5);
		for (const q of quiet) {
			const at = axis[axis.length - 1]! + q.from - time[time.length - 1]!;
			time.push(q.from, q.to);
			axis.push(at, at + Math.min(small, q.to - q.from));
		}
		axis.push(axis[axis.length - 1]! + this.to - time[time.length - 1]!);
		time.push(this.to);
		this.time = time;
		this.axis = axis;
		this.a = axis[0]!;
		this.b = axis[axis.length - 1]!;
	}

	/** Pixel of a moment. May lie outside of [0, width]. */
	x(t: number): number {
		return ((this.toAxis(t) - this.a) / (this.b - this.a)) * this.width;
	}

	/** Moment at a pixel. */
	t(x: number): number {
		return this.fromAxis(this.a + (x / this.width) * (this.b - this.a));
	}

	/** What is in view, as moments. */
	get view(): { from: number; to: number } {
		return { from: this.fromAxis(this.a), to: this.fromAxis(this.b) };
	}

	get zoomed(): boolean {
		return this.a > this.axisFrom || this.b < this.axisTo;
	}

	/** Shows moments [from, to], kept inside the trace and wide enough to draw. */
	setView(from: number, to: number): void {
		this.show(this.toAxis(Math.min(from, to)), this.toAxis(Math.max(from, to)));
	}

	/** Zooms by `factor` (below 1: in) around pixel x, which stays where it is. */
	zoom(factor: number, x: number): void {
		const at = this.a + (x / this.width) * (this.b - this.a);
		const span = Math.min(Math.max((this.b - this.a) * factor, leastSpanNs), this.axisTo - this.axisFrom);
		const a = at - (x / this.width) * span;
		this.slide(a, span);
	}

	pan(px: number): void {
		this.slide(this.a + (px / this.width) * (this.b - this.a), this.b - this.a);
	}

	reset(): void {
		this.a = this.axisFrom;
		this.b = this.axisTo;
	}

	/** Fractions of the whole axis that the view begins and ends at. */
	get share(): { from: number; to: number } {
		const whole = this.axisTo - this.axisFrom;
		return { from: (this.a - this.axisFrom) / whole, to: (this.b - this.axisFrom) / whole };
	}

	setShare(from: number, to: number): void {
		const whole = this.axisTo - this.axisFrom;
		this.show(this.axisFrom + Math.min(from, to) * whole, this.axisFrom + Math.max(from, to) * whole);
	}

	/** Fraction of the whole axis at which a moment lies. */
	shareOf(t: number): number {
		return (this.toAxis(t) - this.axisFrom) / (this.axisTo - this.axisFrom);
	}

	/** The compressed stretches, for drawing their break marks. */
	get breaks(): Quiet[] {
		const out: Quiet[] = [];
		for (let i = 1; i + 2 < this.time.length; i += 2)
			out.push({ from: this.time[i]!, to: this.time[i + 1]! });
		return out;
	}

	private get axisFrom(): number {
		return this.axis[0]!;
	}

	private get axisTo(): number {
		return this.axis[this.axis.length - 1]!;
	}

	private show(a: number, b: number): void {
		const span = Math.min(Math.max(b - a, leastSpanNs), this.axisTo - this.axisFrom);
		this.slide(a + (b - a - span) / 2, span);
	}

	private slide(a: number, span: number): void {
		this.a = Math.min(Math.max(a, this.axisFrom), this.axisTo - span);
		this.b = this.a + span;
	}

	private toAxis(t: number): number {
		return interpolate(this.time, this.axis, t);
	}

	private fromAxis(u: number): number {
		return interpolate(this.axis, this.time, u);
	}
}

/** Piecewise-linear map through (x, y); beyond the ends it goes on with slope 1. */
function interpolate(x: readonly number[], y: readonly number[], v: number): number {
	const last = x.length - 1;
	if (v <= x[0]!) return y[0]! + v - x[0]!;
	if (v >= x[last]!) return y[last]! + v - x[last]!;
	let lo = 0;
	let hi = last;
	while (hi - lo > 1) {
		const mid = (lo + hi) >> 1;
		if (x[mid]! <= v) lo = mid;
		else hi = mid;
	}
	return y[lo]! + ((v - x[lo]!) / (x[hi]! - x[lo]!)) * (y[hi]! - y[lo]!);
}

/**
 * Stretches longer than `share` of the whole in which no span starts or ends: idle hours
 * of a workflow, or one long wait. At most 8, the longest.
 */
export function findQuiet(l: Layout, start: Float64Array, share = 0.12): Quiet[] {
	const moments = new Float64Array(l.rows * 2);
	let n = 0;
	for (let r = 0; r < l.rows; r++) {
		moments[n++] = start[r]!;
		if ((l.flags[r]! & Flag.live) === 0) moments[n++] = start[r]! + l.duration[r]!;
	}
	const sorted = moments.subarray(0, n).sort();
	const found: Quiet[] = [];
	const whole = n === 0 ? 0 : sorted[n - 1]! - sorted[0]!;
	for (let i = 1; i < n; i++) {
		const length = sorted[i]! - sorted[i - 1]!;
		if (length < share * whole || length === 0) continue;
		// A little of it stays at both sides, so that what happens there has air.
		const air = Math.min(length * 0.1, whole * 0.01);
		found.push({ from: sorted[i - 1]! + air, to: sorted[i]! - air });
	}
	return found
		.sort((a, b) => b.to - b.from - (a.to - a.from))
		.slice(0, 8)
		.sort((a, b) => a.from - b.from);
}
