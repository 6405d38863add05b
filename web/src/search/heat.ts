import type { Heatmap } from "../api/queries";
import { threeDigits } from "../lib/format";
import type { Window } from "../lib/timeRange";
import { addTerm, dropKeys } from "./boxText";

/** A rectangle of cells, both ends included. */
export interface CellBox {
	left: number;
	right: number;
	bottom: number;
	top: number;
}

/** A map without counts, to draw the axes of. */
export function emptyHeatmap({ start, end }: Window, columns: number): Heatmap {
	return {
		start_unix_nano: `${start}000000`,
		end_unix_nano: `${end}000000`,
		step_ns: String(Math.ceil(((end - start) * 1e6) / columns)),
		columns,
		duration_bounds_ns: ["0"],
		total: 0,
		errors: 0,
		cells: [],
	};
}

/** The rows that are drawn: those in use, with room around, so that a lone trace is not a wall. */
export interface Rows {
	low: number;
	high: number;
}

const fewestRows = 9;

export function visibleRows(map: Heatmap): Rows {
	let low = Number.POSITIVE_INFINITY;
	let high = Number.NEGATIVE_INFINITY;
	for (const { row } of map.cells) {
		low = Math.min(low, row);
		high = Math.max(high, row);
	}
	if (high < 0) return { low: 13, high: 13 + fewestRows - 1 }; // 1 ms to 100 ms
	low = Math.max(0, low - 1);
	high += 1;
	const missing = fewestRows - (high - low + 1);
	if (missing > 0) {
		low = Math.max(0, low - Math.ceil(missing / 2));
		high = low + Math.max(fewestRows, high - low + 1) - 1;
	}
	return { low, high };
}

/**
 * The lower bound of a row in nanoseconds. The answer names the bounds in use; the rows
 * above follow the same four steps to a decade.
 */
export function rowBound(map: Heatmap, row: number): number {
	const given = map.duration_bounds_ns[row];
	if (given !== undefined) return Number(given);
	if (row <= 0) return 0;
	return (decadeSteps[(row - 1) % 4] ?? 0) * 10 ** Math.floor((row - 1) / 4);
}

/** The bounds of the first decade, which begins at 1 µs. */
const decadeSteps = [1_000, 1_780, 3_160, 5_620];

/** Rows that begin at a power of ten, for the axis. */
export function decadeRows(map: Heatmap, rows: Rows): { row: number; ns: number }[] {
	const out = [];
	for (let row = Math.max(1, rows.low); row <= rows.high; row++) {
		const ns = rowBound(map, row);
		if (/^10*$/.test(String(ns))) out.push({ row, ns });
	}
	return out;
}

/** How dark a cell is, 0 to 1: by the logarithm, so that few are seen beside many. */
export function shade(count: number, most: number): number {
	if (count <= 0) return 0;
	if (most <= 1) return 1;
	return 0.12 + 0.88 * (Math.log(count) / Math.log(most));
}

const steps = [
	1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400, 172_800,
	604_800, 2_592_000,
];

/** Round times for the axis, at most so many. The offset moves days and hours to a zone. */
export function timeTicks(
	start: number,
	end: number,
	most: number,
	offsetMs: number,
): { ms: number; days: boolean }[] {
	const seconds = (end - start) / 1000;
	const step = (steps.find((s) => seconds / s <= most) ?? Math.ceil(seconds / most / 86_400) * 86_400) * 1000;
	const out = [];
	for (let local = Math.ceil((start + offsetMs) / step) * step; local - offsetMs < end; local += step) {
		out.push({ ms: local - offsetMs, days: step >= 86_400_000 });
	}
	return out;
}

/** The box between two cells. */
export function boxOf(a: { column: number; row: number }, b: { column: number; row: number }): CellBox {
	return {
		left: Math.min(a.column, b.column),
		right: Math.max(a.column, b.column),
		bottom: Math.min(a.row, b.row),
		top: Math.max(a.row, b.row),
	};
}

export function countIn(map: Heatmap, box: CellBox): { count: number; errors: number } {
	let count = 0;
	let errors = 0;
	for (const c of map.cells) {
		if (c.column < box.left || c.column > box.right || c.row < box.bottom || c.row > box.top) continue;
		count += c.count;
		errors += c.errors;
	}
	return { count, errors };
}

const durationKeys = ["traceDuration", "trace:duration"];
const units: readonly [string, number][] = [
	["s", 1e9],
	["ms", 1e6],
	["us", 1e3],
	["ns", 1],
];

/** A bound of a row, exactly as the query language writes it: 17.783ms. */
export function exactDuration(ns: number): string {
	for (const [unit, size] of units) {
		if (ns >= size) return `${ns / size}${unit}`;
	}
	return "0ns";
}

/**
 * What a box asks for: its time as a range, its durations as conditions in place of those
 * that were there. A box of full height says nothing about durations.
 */
export function narrow(
	map: Heatmap,
	rows: Rows,
	box: CellBox,
	q: string,
): { q: string; start: number; end: number } {
	const startNs = BigInt(map.start_unix_nano);
	const step = BigInt(map.step_ns);
	const start = Number((startNs + step * BigInt(box.left)) / 1_000_000n);
	// Up to whole milliseconds, so that the last column is all in.
	const end = Math.min(
		Number((startNs + step * BigInt(box.right + 1) + 999_999n) / 1_000_000n),
		Number((BigInt(map.end_unix_nano) + 999_999n) / 1_000_000n),
	);
	let text = q;
	if (box.bottom > rows.low || box.top < rows.high) {
		text = dropKeys(q, durationKeys);
		if (box.bottom > 0) text = addTerm(text, "traceDuration", ">=", exactDuration(rowBound(map, box.bottom)));
		text = addTerm(text, "traceDuration", "<", exactDuration(rowBound(map, box.top + 1)));
	}
	return { q: text, start, end };
}

/** 10 ms, 1 s: for the axis, which has powers of ten only. */
export function axisDuration(ns: number): string {
	for (const [unit, size] of units) {
		if (ns >= size) return `${threeDigits(ns / size)}\u00a0${unit === "us" ? "µs" : unit}`;
	}
	return "0";
}
