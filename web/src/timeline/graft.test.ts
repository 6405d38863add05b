import { expect, test } from "vitest";
import { decode, Flag, type Layout } from "./decode";
import { encode, type RowSpec } from "./encode";
import { canLoad, graft, graftAt, notSent } from "./graft";
import { tree } from "./tree";

function lines(l: Layout): string[] {
	return Array.from({ length: l.rows }, (_, r) => {
		const hidden = l.hidden?.[r] ? ` hidden=${l.hidden[r]}` : "";
		const what = `${l.services[l.service[r]!]}/${l.names[l.name[r]!]}`;
		return `${"  ".repeat(l.depth[r]!)}${what} ${l.start[r]! / 1e6}+${l.duration[r]! / 1e6} of ${l.parent[r]} x${l.subtree[r]}${hidden}`;
	});
}

test("a subtree takes the place of the row it was cut from", () => {
	const base = 1_000_000_000_000_000_000n;
	const cut = tree(
		`
a/root 0+100
  a/one 10+20 hidden=3
  b/two 50+40
    b/three 60+10
`,
		{ baseUnixNano: base, cut: { spans: 6, reason: "over 4 spans" } },
	);
	// The subtree counts time from its own first span.
	const sub = tree(
		`
a/one 0+20
  c/new 5+10
    b/two 6+1
`,
		{ baseUnixNano: base + 10_000_000n },
	);
	const got = graft(cut, 1, sub);
	expect(lines(got)).toEqual([
		"a/root 0+100 of -1 x6",
		"  a/one 10+20 of 0 x3",
		"    c/new 15+10 of 1 x2",
		"      b/two 16+1 of 2 x1",
		"  b/two 50+40 of 0 x2",
		"    b/three 60+10 of 4 x1",
	]);
	expect(got.cut).toBeNull();
	expect(got.spans).toBe(6);
	expect(lines(cut)[1]).toBe("  a/one 10+20 of 0 x1 hidden=3"); // the input is untouched
});

test("what is still missing stays marked", () => {
	const cut = tree(
		`
a/root 0+100
  a/one 0+20 hidden=3
  a/two 50+20 hidden=9
`,
		{ cut: { spans: 13, reason: "over 3 spans" } },
	);
	const got = graft(cut, 1, tree("a/one 0+20\n  a/x 1+1\n  a/y 3+1"));
	expect(lines(got)[4]).toBe("  a/two 50+20 of 0 x1 hidden=9");
	expect(got.cut?.reason).toBe("over 3 spans");
});

test("a parent of which some children came gets all of them, each once", () => {
	const cut = tree(
		`
a/root 0+100
  a/many 0+90 hidden=5
    a/one 1+1
    a/three 3+1 error
  a/last 95+1
`,
		{ cut: { spans: 7, reason: "over 5 spans" } },
	);
	expect(notSent(cut, 1)).toBe(2);
	expect(canLoad(cut, 1)).toBe(true);
	const got = graft(cut, 1, tree("a/many 0+90\n  a/one 1+1\n  a/two 2+1\n  a/three 3+1 error\n  a/four 4+1"));
	expect(lines(got)).toEqual([
		"a/root 0+100 of -1 x7",
		"  a/many 0+90 of 0 x5",
		"    a/one 1+1 of 1 x1",
		"    a/two 2+1 of 1 x1",
		"    a/three 3+1 of 1 x1",
		"    a/four 4+1 of 1 x1",
		"  a/last 95+1 of 0 x1",
	]);
	expect(got.cut).toBeNull();
	expect([got.spans, got.errors]).toEqual([7, 1]);
});

test("a parent of more children than the server sends at once offers nothing to load", () => {
	const rows: RowSpec[] = [
		{ parent: -1, service: "a", name: "root", start: 0, duration: 9, hidden: 300_001 },
	];
	for (let i = 1; i < 200_000; i++) rows.push({ parent: 0, service: "a", name: "x", start: i, duration: 1 });
	const l = decode(encode(rows, { cut: { spans: 300_001, reason: "200000 of 300001 rows" } }));
	expect(notSent(l, 0)).toBe(100_001);
	expect(canLoad(l, 0)).toBe(false);
});

test("the subtree of a shared id goes where something of it is missing", () => {
	const id = "00f067aa0ba902b7";
	const twin = { duration: 9, flags: Flag.twin, spanId: id };
	const l = decode(
		encode(
			[
				{ parent: -1, service: "shop", name: "call", start: 0, ...twin },
				{ parent: 0, service: "bank", name: "serve", start: 1, ...twin, hidden: 5 },
			],
			{ cut: { spans: 6, reason: "over 2 spans" } },
		),
	);
	expect(graftAt(l, id)).toBe(0);
	expect(graftAt(l, "00000000000000aa")).toBe(-1);
});
