import { expect, test } from "vitest";
import type { TraceRow } from "../api/queries";
import { miniBars } from "./miniature";
import { allRows, errorWords, longest, mergeRows } from "./rows";

const row = (id: string, more: Partial<TraceRow> = {}): TraceRow => ({
	trace_id: id,
	root_service: "gateway",
	root_name: "POST /pay",
	start_unix_nano: "0",
	duration_ns: "1",
	spans: 1,
	errors: 0,
	matched: 1,
	...more,
});

test("the way to the failure in words", () => {
	const f = (path: string[], want: string) => expect(errorWords(row("a", { error_path: path }))).toBe(want);
	f([], "");
	f(["gateway/POST /pay", "payment/Charge", "bank/AUTH"], "gateway › payment › bank › AUTH");
	f(["gateway/POST /pay", "gateway/route", "bank/AUTH"], "gateway › bank › AUTH"); // a service once
	f(["a/1", "b/2", "c/3", "d/4", "e/5"], "a › … › d › e › 5"); // the middle goes first
	f(["lonely"], "lonely");
});

test("a trace is one row, whatever page it is on", () => {
	const rows = allRows([{ traces: [row("a"), row("b")] }, { traces: [row("b"), row("c")] }]);
	expect(rows.map((r) => r.trace_id)).toEqual(["a", "b", "c"]);
});

test("what is new comes first, what grew stays in its place", () => {
	const merged = mergeRows(
		[row("n", { spans: 3 }), row("b", { spans: 9 })],
		[row("a"), row("b", { spans: 2, error_path: ["x/y"] })],
	);
	expect(merged.map((r) => [r.trace_id, r.spans])).toEqual([
		["n", 3],
		["a", 1],
		["b", 9],
	]);
	expect(merged[2]?.error_path).toEqual(["x/y"]);
	expect(longest([row("a", { duration_ns: "7" }), row("b", { duration_ns: "12" })])).toBe(12);
});

test("bars of the miniature stay inside their picture and are never invisible", () => {
	for (const count of [1, 2, 6, 20, 48]) {
		const bars = Array.from({ length: count }, (_, i) => ({
			start: i / count,
			end: i / count,
			service: 0,
			error: false,
		}));
		for (const b of miniBars([...bars, { start: 1, end: 1, service: -1, error: true }], 96, 20)) {
			expect(b.width).toBeGreaterThanOrEqual(1);
			expect(b.height).toBeGreaterThan(0);
			expect(b.x).toBeGreaterThanOrEqual(0);
			expect(b.x + b.width).toBeLessThanOrEqual(96);
			expect(b.y).toBeGreaterThanOrEqual(0);
			expect(b.y + b.height).toBeLessThanOrEqual(20.0001);
		}
	}
});
