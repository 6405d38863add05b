import { expect, test } from "vitest";
import { estimateSkew } from "./skew";
import { tree } from "./tree";

function f(text: string) {
	const l = tree(text);
	const s = estimateSkew(l);
	return {
		pairs: s.pairs.map((p) => {
			const sure = p.consistent ? "" : " unsure";
			return `${l.services[p.from]!}>${l.services[p.to]!} ${p.aheadNs / 1e6} ms ${p.outside}/${p.calls}${sure}`;
		}),
		start: Array.from(s.start, (t) => t / 1e6),
	};
}

test("clocks that agree are left alone", () => {
	const got = f(`
a/root 0+100
  b/call 10+80
`);
	expect(got.pairs).toEqual([]);
	expect(got.start).toEqual([0, 10]);
});

test("a callee before its caller is behind by what puts it in the middle", () => {
	const got = f(`
a/root 100+100
  b/call 50+80
    b/inner 60+10
`);
	expect(got.pairs).toEqual(["a>b -60 ms 1/1"]);
	expect(got.start).toEqual([100, 110, 120].map((t) => t)); // 50 → 110, and what it did inside moves along
});

test("several calls narrow the estimate to what all of them allow", () => {
	const got = f(`
a/root 0+1000
  a/one 0+100 client
    b/serve 200+20 server
  a/two 500+30 client
    b/serve 700+20 server
`);
	// one allows -200..-120, two allows -200..-190: both -200..-190.
	expect(got.pairs).toEqual(["a>b 195 ms 2/2"]);
});

test("calls that contradict each other give the median, marked unsure", () => {
	const got = f(`
a/root 0+1000
  a/one 0+10 client
    b/serve 100+10 server
  a/two 500+10 client
    b/serve 700+10 server
  a/three 600+10 client
    b/serve 900+10 server
`);
	expect(got.pairs).toEqual(["a>b 200 ms 3/3 unsure"]);
});

test("an offset too small to be seen is corrected without a word", () => {
	const got = f(`
a/root 0+1000
  a/call 100+50 client
    b/serve 98+50 server
`);
	expect(got.pairs).toEqual([]);
	expect(got.start).toEqual([0, 100, 100]);
});

test("work that may begin after its sender ended says nothing about clocks", () => {
	expect(f("a/send 0+10 producer\n  b/work 50+5 consumer").pairs).toEqual([]);
	expect(f("a/call 0+10\n  b/longer 5+50").pairs).toEqual([]); // longer than its caller: not waited for
	expect(f("a/root 0+10\n  a/self 20+5").pairs).toEqual([]); // same service, same clock
});
