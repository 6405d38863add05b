import { expect, test } from "vitest";
import type { Layout } from "./decode";
import { graft } from "./graft";
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
