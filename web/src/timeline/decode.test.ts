import { expect, test } from "vitest";
import { decode, Flag, LayoutError, rowName, rowNamed, rowOfSpan, spanIdOf } from "./decode";
import { encode } from "./encode";

const two = [
	{ parent: -1, service: "gateway", name: "POST /pay", start: 0, duration: 1e6, spanId: "eee19b7ec3c1b174" },
	{
		parent: 0,
		service: "bank",
		name: "AUTH",
		start: 1e5,
		duration: 5e5,
		status: 2,
		spanId: "00f067aa0ba902b7",
	},
];

test("columns and header read back as they were written", () => {
	const l = decode(encode(two));
	expect([l.rows, l.spans, l.errors, l.durationNs]).toEqual([2, 2, 1, 1e6]);
	expect(l.baseUnixNano).toBe(1769839198123456789n);
	expect(Array.from(l.parent)).toEqual([-1, 0]);
	expect(Array.from(l.subtree)).toEqual([2, 1]);
	expect(l.services[l.service[1]!]!).toBe("bank");
	expect(l.names[l.name[1]!]!).toBe("AUTH");
	expect(spanIdOf(l, 1)).toBe("00f067aa0ba902b7");
});

test("a span is found by its id or the start of it", () => {
	const l = decode(encode(two));
	const f = (hex: string, want: number) => expect(rowOfSpan(l, hex), hex).toBe(want);
	f("eee19b7ec3c1b174", 0);
	f("00f067aa", 1);
	f("00F06", 1); // an odd number of digits, upper case
	f("00f1", -1);
	f("", -1);
	f("not hex", -1);
});

test("bytes that are no layout are refused with the reason", () => {
	const f = (change: (b: Uint8Array, v: DataView) => ArrayBuffer | undefined, want: RegExp) => {
		const buffer = encode(two);
		const changed = change(new Uint8Array(buffer), new DataView(buffer)) ?? buffer;
		expect(() => decode(changed)).toThrow(want);
		expect(() => decode(changed)).toThrow(LayoutError);
	};
	f(() => new ArrayBuffer(3), /too short/);
	f((b) => void b.fill(0, 0, 1), /does not begin with WTL1/);
	f((_, v) => void v.setUint32(4, 1 << 30, true), /does not fit/);
	f((b) => void b.fill(0, 9, 10), /not JSON/);
	f((b) => b.slice(0, b.length - 8).buffer, /column .* does not fit/);
	// Row 1 claims a subtree that reaches out of its parent: a walk would leave the columns.
	f((b) => {
		const l = decode(b.buffer as ArrayBuffer);
		l.subtree[1] = 9;
		return undefined;
	}, /row 1 does not nest/);
	f((b) => {
		const l = decode(b.buffer as ArrayBuffer);
		l.subtree[1] = 0;
		return undefined;
	}, /row 1 does not nest/);
	f((b) => {
		const l = decode(b.buffer as ArrayBuffer);
		l.name[0] = 7;
		return undefined;
	}, /row 0 names/);
});

test("an empty trace is a layout", () => {
	expect(decode(encode([])).rows).toBe(0);
});

test("spans that share an id have names of their own, the first the id alone", () => {
	const id = "00f067aa0ba902b7";
	const rows = [
		{ parent: -1, service: "shop", name: "call", start: 0, duration: 9, flags: Flag.twin, spanId: id },
		{ parent: 0, service: "bank", name: "serve", start: 1, duration: 7, flags: Flag.twin, spanId: id },
		{ parent: 1, service: "db", name: "query", start: 2, duration: 1 },
	];
	const l = decode(encode(rows));
	expect([0, 1, 2].map((r) => rowName(l, r))).toEqual([id, `${id}.2`, "0000000000000003"]);
	for (const r of [0, 1, 2]) expect(rowNamed(l, rowName(l, r))).toBe(r);
	expect(rowNamed(l, "00f0.2")).toBe(1);
	expect(rowNamed(l, `${id}.3`)).toBe(-1);
	expect(rowNamed(l, `${id}.999999`)).toBe(-1);
});
