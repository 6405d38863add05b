import { expect, test } from "vitest";
import { measureSelfTime, selfTimeOf } from "./selfTime";
import { tree } from "./tree";

const l = tree(`
gateway/pay 0+100
  db/one 10+30
  db/two 20+40
    db/inner 25+5
  bank/late 90+40
?/? 200+50 missing
  a/child 200+10
`);

test("self time is what the union of the children leaves, inside the span", () => {
	const t = measureSelfTime(l, l.start, l.durationNs);
	expect(Array.from(t.self, (ns) => ns / 1e6)).toEqual([40, 30, 35, 5, 40, 0, 10]);
});

test("one row alone measures as it does among all", () => {
	const t = measureSelfTime(l, l.start, l.durationNs);
	for (let r = 0; r < l.rows; r++) if ((l.flags[r]! & 1) === 0) expect(selfTimeOf(l, r)).toBe(t.self[r]);
});

test("stretches of it that are long for the span and for the trace are gaps", () => {
	const t = measureSelfTime(l, l.start, l.durationNs);
	const gaps = Array.from(
		t.gapParent,
		(p, g) => `${l.names[l.name[p]!]} ${t.gapFrom[g]! / 1e6}-${t.gapTo[g]! / 1e6}`,
	);
	// 10 before one is too short for pay; what inner leaves of two is not.
	expect(gaps).toEqual(["pay 60-90", "two 30-60"]);
});
