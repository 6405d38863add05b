import { expect, test } from "vitest";
import type { Heatmap } from "../api/queries";
import {
	boxOf,
	countIn,
	decadeRows,
	exactDuration,
	narrow,
	rowBound,
	shade,
	timeTicks,
	visibleRows,
} from "./heat";

function heatmap(cells: [column: number, row: number, count: number, errors: number][], top = 0): Heatmap {
	const bounds = ["0"];
	for (let k = 0; k < Math.max(top, ...cells.map((c) => c[1])); k++)
		bounds.push(String(([1_000, 1_780, 3_160, 5_620][k % 4] ?? 0) * 10 ** Math.floor(k / 4)));
	return {
		start_unix_nano: "1769835600000000000",
		end_unix_nano: "1769839200000000000",
		step_ns: "30000000000",
		columns: 120,
		duration_bounds_ns: bounds,
		total: 0,
		errors: 0,
		cells: cells.map(([column, row, count, errors]) => ({ column, row, count, errors })),
	};
}

test("rows are those in use with room around, never fewer than nine", () => {
	const f = (rows: number[], want: [number, number]) => {
		const { low, high } = visibleRows(heatmap(rows.map((r) => [0, r, 1, 0])));
		expect([low, high]).toEqual(want);
	};
	f([], [13, 21]);
	f([20], [16, 24]);
	f([0], [0, 8]);
	f([10, 30], [9, 31]);
	for (const row of [0, 1, 5, 17, 40]) {
		const { low, high } = visibleRows(heatmap([[0, row, 1, 0]]));
		expect(high - low + 1).toBeGreaterThanOrEqual(9);
		expect(low <= row && row <= high).toBe(true);
	}
});

test("bounds above the answer's go on in the same steps", () => {
	const map = heatmap([[0, 5, 1, 0]]);
	expect(rowBound(map, 5)).toBe(10_000);
	expect(rowBound(map, 6)).toBe(17_800);
	expect(rowBound(map, 9)).toBe(100_000);
	expect(rowBound(map, 0)).toBe(0);
	expect(decadeRows(map, { low: 0, high: 10 })).toEqual([
		{ row: 1, ns: 1_000 },
		{ row: 5, ns: 10_000 },
		{ row: 9, ns: 100_000 },
	]);
});

test("one trace is seen beside a thousand", () => {
	expect(shade(0, 10)).toBe(0);
	expect(shade(1, 1)).toBe(1);
	expect(shade(1, 1000)).toBeGreaterThan(0.1);
	expect(shade(1000, 1000)).toBe(1);
	expect(shade(30, 1000)).toBeGreaterThan(shade(3, 1000));
});

test("ticks are round in the reader's zone", () => {
	const start = Date.UTC(2026, 0, 31, 14, 7);
	const iso = (zoneHours: number, hours: number, most: number) =>
		timeTicks(start, start + hours * 3_600_000, most, zoneHours * 3_600_000).map((t) =>
			new Date(t.ms).toISOString().slice(5, 16),
		);
	expect(iso(0, 1, 6)).toEqual([
		"01-31T14:10",
		"01-31T14:20",
		"01-31T14:30",
		"01-31T14:40",
		"01-31T14:50",
		"01-31T15:00",
	]);
	expect(iso(9, 48, 4)).toEqual(["01-31T15:00", "02-01T03:00", "02-01T15:00", "02-02T03:00"]); // noon and midnight in Seoul
	expect(timeTicks(0, 400 * 86_400_000, 5, 0).length).toBeLessThanOrEqual(5);
	expect(timeTicks(0, 400 * 86_400_000, 5, 0).every((t) => t.days)).toBe(true);
});

test("a box counts what is inside, edges included", () => {
	const map = heatmap([
		[1, 5, 10, 1],
		[2, 6, 5, 0],
		[3, 7, 7, 2],
	]);
	expect(countIn(map, boxOf({ column: 2, row: 6 }, { column: 1, row: 5 }))).toEqual({ count: 15, errors: 1 });
	expect(countIn(map, boxOf({ column: 0, row: 0 }, { column: 0, row: 9 }))).toEqual({ count: 0, errors: 0 });
});

test("a box becomes a range and conditions", () => {
	const map = heatmap([[0, 20, 1, 0]]);
	const rows = { low: 10, high: 24 };
	const f = (box: [number, number, number, number], q: string, want: string, seconds: [number, number]) => {
		const [left, right, bottom, top] = box;
		const got = narrow(map, rows, { left, right, bottom, top }, q);
		expect(got.q).toBe(want);
		expect([(got.start - 1_769_835_600_000) / 1000, (got.end - 1_769_835_600_000) / 1000]).toEqual(seconds);
	};
	f([0, 3, 10, 24], "status=error", "status=error", [0, 120]); // full height
	f([2, 2, 17, 20], "", "traceDuration>=10ms traceDuration<100ms", [60, 90]);
	f(
		[2, 2, 18, 24],
		"service=a traceDuration>1s",
		"service=a traceDuration>=17.8ms traceDuration<1s",
		[60, 90],
	);
	f([119, 119, 0, 12], "{ a = 1 }", "{ a = 1 && traceDuration < 1ms }", [3570, 3600]);
});

test("bounds are written exactly", () => {
	const f = (ns: number, want: string) => expect(exactDuration(ns)).toBe(want);
	f(0, "0ns");
	f(1780, "1.78us");
	f(17_800_000, "17.8ms");
	f(5_620_000_000, "5.62s");
	f(10_000_000_000, "10s");
});

test("the bounds of every row have at most three digits", () => {
	const map = heatmap([]);
	for (let row = 1; row <= 49; row++)
		expect(exactDuration(rowBound(map, row))).toMatch(/^(\d{1,3}|\d\.\d{1,2}|\d\d\.\d|\d{3}0+)(us|ms|s)$/);
});
