import { expect, test } from "vitest";
import { findCriticalPath } from "./criticalPath";
import { decode } from "./decode";
import { encode, type RowSpec } from "./encode";
import { random, tree } from "./tree";

/** Segments first to last, as `name from-to` in milliseconds. */
function path(text: string): string[] {
	const l = tree(text);
	const p = findCriticalPath(l);
	return Array.from(
		p.row,
		(r, i) => `${l.names[l.name[r]!]!} ${p.from[i]! / 1e6}-${p.to[i]! / 1e6}`,
	).reverse();
}

const f = (what: string, text: string, want: string[]) => test(what, () => expect(path(text)).toEqual(want));

f("a span alone is its own path", "a/root 0+10", ["root 0-10"]);

f(
	"children one after another share the path with the time between them",
	`
a/root 0+100
  b/one 10+30
  b/two 50+40
`,
	["root 0-10", "one 10-40", "root 40-50", "two 50-90", "root 90-100"],
);

f(
	"of children side by side the last to finish counts, and what it overlaps does not",
	`
a/root 0+100
  b/long 10+80
  b/short 5+40
`,
	["root 0-10", "long 10-90", "root 90-100"],
);

f(
	"before the chosen child, the last that finished before it started",
	`
a/root 0+100
  b/first 0+30
  b/beside 20+40
  b/last 40+60
`,
	["first 0-30", "root 30-40", "last 40-100"],
);

f(
	"the path goes down as far as there are children",
	`
a/root 0+100
  b/mid 10+80
    c/leaf 20+60
`,
	["root 0-10", "mid 10-20", "leaf 20-80", "mid 80-90", "root 90-100"],
);

f(
	"work a span started and did not wait for explains only the time after it",
	`
a/enqueue 0+10 producer
  b/work 5+95 consumer
`,
	["enqueue 0-5", "work 5-100"],
);

f(
	"a child in the background that outlives its parent is not what the parent waited for",
	`
a/root 0+100
  a/request 0+50
    a/query 10+30
    a/log 20+40
  a/after 60+40
`,
	["request 0-10", "query 10-40", "request 40-50", "root 50-60", "after 60-100"],
);

f(
	"a call given up while the server went on was waiting for the server",
	`
a/call 0+100 client
  b/serve 5+150 server
`,
	["call 0-5", "serve 5-155"],
);

f(
	"inside a given-up call only the time the client waited counts for the caller",
	`
a/root 0+200
  a/call 0+100 client
    b/serve 5+150 server
  a/retry 100+90 client
`,
	["call 0-5", "serve 5-100", "retry 100-190", "root 190-200"],
);

f(
	"a child whose clock is ahead of its parent's does not reach before it",
	`
a/root 10+90
  b/early 0+50
`,
	["early 10-50", "root 50-100"],
);

f(
	"time between the children of a missing parent belongs to nobody",
	`
?/? 0+100 missing
  a/one 0+40
  a/two 60+40
`,
	["one 0-40", "two 60-100"],
);

f(
	"an open span reaches to the end of what is known",
	`
a/root 0+0 live
  b/done 0+60
  b/open 70+0 live
  b/other 0+100
`,
	["done 0-60", "root 60-70", "open 70-100"],
);

f(
	"of several roots the one that ends last, with what goes on below it",
	`
a/one 0+50
b/two 10+60
`,
	["two 10-70"],
);

// For any nested trace the segments are disjoint, in order, and inside their spans.
test("segments never overlap and never leave their span", () => {
	for (let seed = 1; seed <= 300; seed++) {
		const next = random(seed);
		const rows: RowSpec[] = [];
		const n = 1 + Math.floor(next() * 40);
		for (let i = 0; i < n; i++) {
			const parent = i === 0 ? -1 : Math.floor(next() * i);
			const start = Math.floor((parent < 0 ? 0 : rows[parent]!.start - 20) + next() * 200);
			rows.push({
				parent,
				service: "s",
				name: "n",
				start,
				duration: Math.floor(next() * 300),
				kind: Math.floor(next() * 6),
			});
		}
		const l = decode(encode(rows));
		const p = findCriticalPath(l);
		let before = Infinity;
		for (let i = 0; i < p.row.length; i++) {
			const r = p.row[i]!;
			expect(p.to[i]!, `seed ${seed}`).toBeLessThanOrEqual(before);
			expect(p.from[i]!, `seed ${seed}`).toBeGreaterThanOrEqual(l.start[r]!);
			expect(p.to[i]!, `seed ${seed}`).toBeLessThanOrEqual(l.start[r]! + l.duration[r]!);
			before = p.from[i]!;
		}
	}
});

test("a chain of 100,000 spans does not exhaust the stack", () => {
	const n = 100_000;
	const rows = Array.from({ length: n }, (_, i) => ({
		parent: i - 1,
		service: "s",
		name: "n",
		start: i,
		duration: 2 * (n - i),
	}));
	expect(findCriticalPath(decode(encode(rows))).row.length).toBe(2 * n - 1);
});
