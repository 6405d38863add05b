import { expect, test } from "vitest";
import { buildFlame, flameTable, layoutFlame } from "./flame";
import { measureSelfTime } from "./selfTime";
import { tree } from "./tree";

function flame(text: string) {
	const l = tree(text);
	return { l, f: buildFlame(l, measureSelfTime(l, l.start, l.durationNs).self) };
}

const shop = `
gateway/pay 0+100
  db/get 0+10
    db/net 2+5
  db/get 20+20
  bank/auth 40+50 error
`;

test("spans called in the same way are one node, largest first", () => {
	const { l, f } = flame(shop);
	const lines = Array.from(
		{ length: f.count },
		(_, n) =>
			`${"  ".repeat(f.depth[n]!)}${l.names[f.name[n]!]!} ${f.total[n]! / 1e6} self ${f.self[n]! / 1e6} x${f.spans[n]!} e${f.errors[n]!}`,
	);
	expect(lines).toEqual([
		"pay 100 self 20 x1 e0",
		"  auth 50 self 50 x1 e1",
		"  get 30 self 25 x2 e0",
		"    net 5 self 5 x1 e0",
	]);
	expect(f.total0).toBe(100e6);
});

test("parallel work counts as often as it ran", () => {
	const { f } = flame(`
a/root 0+100
  b/x 0+100
  c/y 0+100
`);
	expect(f.total0).toBe(200e6);
});

test("a node leads to its slowest span", () => {
	const { l, f } = flame(shop);
	expect(l.duration[f.slowest[2]!]!).toBe(20e6);
});

test("a missing parent adds no node", () => {
	const { f } = flame("?/? 0+100 missing\n  a/x 0+40\n  a/x 50+50");
	expect([f.count, f.spans[0]!, f.depth[0]!]).toEqual([1, 2, 0]);
});

test("boxes fill their parent's and nothing narrower than half a pixel is drawn alone", () => {
	const { f } = flame(shop);
	expect(layoutFlame(f, 100).map((b) => [b.node, b.depth, b.x, b.width])).toEqual([
		[0, 0, 0, 100],
		[1, 1, 0, 50],
		[2, 1, 50, 30],
		[3, 2, 50, 5],
	]);
	const many = flame(
		`a/root 0+1000\n${Array.from({ length: 1000 }, (_, i) => `  a/n${i} ${i}+1`).join("\n")}`,
	);
	const boxes = layoutFlame(many.f, 200);
	expect(boxes.length).toBe(2);
	expect(boxes[1]!).toMatchObject({ node: -1, merged: 1000 });
	expect(boxes[1]!.width).toBeCloseTo(200);
});

test("zoomed to a node, its callers span the picture above it", () => {
	const { f } = flame(shop);
	expect(layoutFlame(f, 100, 2).map((b) => [b.node, b.depth, b.x, Math.round(b.width)])).toEqual([
		[0, 0, 0, 100],
		[2, 1, 0, 100],
		[3, 2, 0, 17],
	]);
});

test("the table counts an operation that calls itself once", () => {
	const { l, f } = flame(`
a/walk 0+100
  a/walk 10+80
    b/read 20+50
`);
	const rows = flameTable(f, l).map(
		(r) => `${l.names[r.name]!} ${r.spans} total ${r.total / 1e6} self ${r.self / 1e6}`,
	);
	expect(rows).toEqual(["walk 2 total 100 self 50", "read 1 total 50 self 50"]);
});
