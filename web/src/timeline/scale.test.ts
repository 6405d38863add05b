import { expect, test } from "vitest";
import { findQuiet, TimeScale } from "./scale";
import { tickLabel, tickStep, ticks } from "./ticks";
import { tree } from "./tree";

function scale(width = 100): TimeScale {
	const s = new TimeScale(0, 1000);
	s.width = width;
	return s;
}

test("time and pixels map both ways", () => {
	const s = scale();
	expect([s.x(0), s.x(500), s.x(1000)]).toEqual([0, 50, 100]);
	expect(s.t(25)).toBe(250);
});

test("zoom keeps the moment under the pointer and stays inside the trace", () => {
	const s = scale();
	s.zoom(0.5, 25);
	expect(s.t(25)).toBeCloseTo(250);
	expect(s.view.to - s.view.from).toBeCloseTo(500);
	s.pan(-1000);
	expect(s.view).toEqual({ from: 0, to: 500 });
	s.zoom(100, 50);
	expect(s.view).toEqual({ from: 0, to: 1000 });
	expect(s.zoomed).toBe(false);
});

test("no zoom goes below what numbers can tell apart", () => {
	const s = scale();
	for (let i = 0; i < 100; i++) s.zoom(0.5, 50);
	expect(s.view.to - s.view.from).toBeCloseTo(20);
});

test("a compressed stretch shrinks to its share and the map stays one to one", () => {
	const s = scale();
	s.compress([{ from: 100, to: 900 }]);
	expect(s.x(900) - s.x(100)).toBeCloseTo(3);
	expect(s.x(1000)).toBeCloseTo(100);
	for (const t of [0, 50, 100, 500, 899, 900, 950, 1000]) expect(s.t(s.x(t))).toBeCloseTo(t);
	expect(s.breaks).toEqual([{ from: 100, to: 900 }]);
	s.setView(0, 100);
	expect(s.x(0)).toBeCloseTo(0);
	expect(s.x(100)).toBeCloseTo(100);
});

test("quiet is where nothing starts or ends for long", () => {
	const l = tree(`
a/root 0+1000
  a/one 0+10
  a/two 900+90
`);
	const got = findQuiet(l, l.start).map((q) => [Math.round(q.from / 1e6), Math.round(q.to / 1e6)]);
	expect(got).toEqual([[20, 890]]); // 10 to 900, with a hundredth of the trace as air
});

test("steps are even and wide enough", () => {
	expect(tickStep(1e6, 96)).toBe(1e8);
	expect(tickStep(1e9, 96)).toBe(120e9);
	expect(tickStep(1, 96)).toBe(100);
});

test("labels share a unit and tell ticks apart", () => {
	const f = (t: number, step: number, to: number, want: string) => expect(tickLabel(t, step, to)).toBe(want);
	f(0, 1e8, 1.2e9, "0");
	f(5e8, 1e8, 1.2e9, "0.5 s");
	f(3e8, 1e8, 9e8, "300 ms");
	f(1.2304e9, 2e5, 1.2306e9, "1.2304 s");
	f(200e9, 10e9, 300e9, "3 min 20 s");
	f(7200e9, 3600e9, 90000e9, "2 h");
	f(-5e6, 5e6, 20e6, "-5 ms");
});

test("ticks keep their distance, also across a break", () => {
	const s = new TimeScale(0, 10e9);
	s.width = 1000;
	s.compress([{ from: 2e9, to: 9e9 }]);
	const t = ticks(s);
	expect(t.length).toBeGreaterThan(4);
	for (let i = 1; i < t.length; i++) expect(t[i]!.x - t[i - 1]!.x).toBeGreaterThanOrEqual(72);
	expect(t.every((k) => k.t <= 2e9 || k.t >= 9e9)).toBe(true);
});
