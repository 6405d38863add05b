import { expect, test } from "vitest";
import { decode, Flag, type Layout, spanIdOf } from "./decode";
import { encode, type RowSpec } from "./encode";
import { FoldState, Model, RowKind } from "./model";
import { membersOf, slowest } from "./siblings";
import { random, tree } from "./tree";

/** The visible rows as text: indentation, then a mark and the name. */
function show(m: Model): string[] {
	return Array.from({ length: m.length }, (_, i) => {
		const row = m.spanAt(i);
		const name = m.layout.names[m.layout.name[row]!]!;
		const indent = "  ".repeat(m.level[i]!);
		switch (m.kind[i]!) {
			case RowKind.fold: {
				const s = m.groupStats(m.ref[i]!);
				return `${indent}${m.isOpen(i) ? "v" : ">"} ${name} x${s.count}`;
			}
			case RowKind.gap:
				return `${indent}... ${(m.selfTime.gapTo[m.ref[i]!]! - m.selfTime.gapFrom[m.ref[i]!]!) / 1e6} ms`;
			case RowKind.cut:
				return `${indent}cut ${(m.layout.hidden as Uint32Array)[row]!}`;
			default:
				return `${indent}${m.canOpen(i) ? (m.isOpen(i) ? "v " : "> ") : ""}${name}`;
		}
	});
}

const busy = (n: number) =>
	tree(`
gateway/pay 0+100
  db/begin 0+5
  ${Array.from({ length: n }, (_, i) => `db/insert ${5 + i * 2}+${1 + (i % 3)}${i === 4 ? " error" : ""}`).join("\n  ")}
  bank/auth 40+60
    bank/tcp 40+60
`);

test("more than five like siblings fold into one row at the place of the first", () => {
	expect(show(new Model(busy(6)))).toEqual([
		"v pay",
		"  begin",
		"  > insert x6",
		"  ... 22 ms",
		"  v auth",
		"    tcp",
	]);
	expect(show(new Model(busy(5))).filter((s) => s.includes("insert")).length).toBe(5);
});

test("a group tells count, median, longest and failures, also of what is below", () => {
	const m = new Model(busy(9));
	expect(m.groupStats(0)).toEqual({ count: 9, p50: 2e6, max: 3e6, errors: 1 });
});

test("a group unfolds to its five slowest, then to all", () => {
	const m = new Model(busy(9));
	const at = 2;
	m.toggle(at);
	expect(show(m).filter((s) => s.startsWith("    insert")).length).toBe(5);
	m.setFold(at, FoldState.all);
	expect(show(m).filter((s) => s.startsWith("    insert")).length).toBe(9);
	m.toggle(at);
	expect(show(m).filter((s) => s.startsWith("    insert")).length).toBe(0);
});

test("closing and opening a row leaves the rest as it was", () => {
	const m = new Model(busy(6));
	const before = show(m);
	m.toggle(0);
	expect(show(m)).toEqual(["> pay"]);
	m.toggle(0);
	expect(show(m)).toEqual(before);
});

test("siblings are counted as they are shown: groups and gaps are one each", () => {
	const m = new Model(busy(6));
	expect(Array.from(m.pos.subarray(0, m.length))).toEqual([1, 1, 2, 3, 4, 1]);
	expect(Array.from(m.size.subarray(0, m.length))).toEqual([1, 4, 4, 4, 4, 1]);
});

test("reveal opens ancestors and adds the span to its group's shown members", () => {
	const m = new Model(busy(30));
	m.toggle(0);
	const quick = Array.from(membersOf(m.siblings, 0)).find(
		(r) => !slowest(m.layout, m.siblings, 0, 5).includes(r),
	);
	const at = m.reveal(quick as number);
	expect(m.ref[at]!).toBe(quick);
	expect(show(m).filter((s) => s.startsWith("    insert")).length).toBe(6);
});

test("a missing parent is a row, and its time makes no gaps", () => {
	const l = tree(`
?/? 0+100 missing
  db/a 0+10
  db/b 90+10
`);
	expect(show(new Model(l))).toEqual(["v ?", "  a", "  b"]);
});

test("time no child accounts for is a row where it is long enough", () => {
	const l = tree(`
gateway/pay 0+1000
  a/one 170+200
    a/deep 171+199
  b/two 550+450
    b/part 550+430
`);
	// 170 before one and 180 before two are ≥ 15 % of pay; 1 and 20 inside are not of their parents.
	expect(show(new Model(l))).toEqual([
		"v pay",
		"  ... 170 ms",
		"  v one",
		"    deep",
		"  ... 180 ms",
		"  v two",
		"    part",
	]);
});

test("children that were cut away are a row under their parent", () => {
	const l = tree(`
gateway/pay 0+100
  db/a 0+95 hidden=12000
`);
	const m = new Model(l);
	expect(show(m)).toEqual(["v pay", "  v a", "    cut 12000"]);
	m.toggle(1);
	expect(show(m)).toEqual(["v pay", "  > a"]);
});

test("fold state survives the way through a link", () => {
	const m = new Model(busy(9));
	m.toggle(4);
	m.toggle(2);
	const code = m.foldCode();
	const n = new Model(busy(9));
	n.applyFoldCode(code);
	expect(show(n)).toEqual(show(m));
	n.applyFoldCode("-ffff00~junk+zz");
	expect(show(n)).toEqual(show(new Model(busy(9))));
});

test("closeFrom shows the levels above", () => {
	const m = new Model(busy(6));
	m.closeFrom(1);
	expect(show(m)).toEqual(["v pay", "  begin", "  > insert x6", "  ... 22 ms", "  > auth"]);
});

// Random traces and random toggles against a recursive reference that shares no code
// with the model but the grouping rule.
test("any sequence of toggles shows what a plain recursion shows", () => {
	for (let seed = 1; seed <= 100; seed++) {
		const next = random(seed);
		const l = randomLayout(next, 1 + Math.floor(next() * 60));
		const m = new Model(l);
		for (let step = 0; step < 20; step++) {
			if (m.length === 0) break;
			const i = Math.floor(next() * m.length);
			if (m.kind[i]! === RowKind.fold && next() < 0.4) m.setFold(i, FoldState.all);
			else m.toggle(i);
			if (next() < 0.1) m.reveal(Math.floor(next() * l.rows));
			const [got, want] = [listed(m), reference(m)];
			if (got.join() !== want.join()) expect(got, `seed ${seed} step ${step}`).toEqual(want);
		}
	}
});

function listed(m: Model): string[] {
	return Array.from(
		{ length: m.length },
		(_, i) => `${m.level[i]!} ${m.kind[i]!} ${m.ref[i]!} ${m.pos[i]!}/${m.size[i]!}`,
	);
}

function reference(m: Model): string[] {
	const { layout: l, siblings: s, selfTime: t } = m;
	const out: string[] = [];
	const open = (row: number, level: number) => {
		if (m.collapsed[row]! === 0) below(row, level + 1);
	};
	const below = (parent: number, level: number) => {
		const entries: { at: number; order: number; kind: number; ref: number; row: number }[] = [];
		for (let r = 0; r < l.rows; r++) {
			if (l.parent[r]! !== parent) continue;
			const g = s.groupOf[r]!;
			if (g < 0) entries.push({ at: l.start[r]!, order: r, kind: RowKind.span, ref: r, row: r });
			else if (membersOf(s, g)[0]! === r)
				entries.push({ at: l.start[r]!, order: r, kind: RowKind.fold, ref: g, row: r });
		}
		for (let g = 0; g < t.gapCount; g++) {
			if (t.gapParent[g]! === parent)
				entries.push({ at: t.gapFrom[g]!, order: l.rows + g, kind: RowKind.gap, ref: g, row: -1 });
		}
		entries.sort(
			(a, b) =>
				a.at - b.at ||
				(a.kind === RowKind.gap ? 1 : 0) - (b.kind === RowKind.gap ? 1 : 0) ||
				a.order - b.order,
		);
		entries.forEach((e, k) => {
			out.push(`${level} ${e.kind} ${e.ref} ${k + 1}/${entries.length}`);
			if (e.kind === RowKind.span) open(e.ref, level);
			if (e.kind === RowKind.fold) {
				const shown = shownMembers(m, e.ref);
				shown.forEach((r, j) => {
					out.push(`${level + 1} ${RowKind.span} ${r} ${j + 1}/${shown.length}`);
					open(r, level + 1);
				});
			}
		});
	};
	below(-1, 0);
	return out;
}

/** Members of a group that are on screen now, found by looking. */
function shownMembers(m: Model, g: number): number[] {
	const members = Array.from(membersOf(m.siblings, g));
	switch (m.foldStateOf(g)) {
		case FoldState.all:
			return members;
		case FoldState.slowest: {
			const five = slowest(m.layout, m.siblings, g, 5);
			return members.filter((r) => five.includes(r) || m.find(r) >= 0);
		}
		default:
			return [];
	}
}

function randomLayout(next: () => number, n: number): Layout {
	const rows: RowSpec[] = [];
	for (let i = 0; i < n; i++) {
		const parent = i === 0 || next() < 0.05 ? -1 : Math.floor(next() * next() * i);
		const from = parent < 0 ? 0 : rows[parent]!.start;
		const length = parent < 0 ? 1000 : rows[parent]!.duration;
		const start = Math.floor(from + next() * length * 0.8);
		rows.push({
			parent,
			service: next() < 0.5 ? "a" : "b",
			name: next() < 0.5 ? "x" : "y",
			start,
			duration: Math.floor(next() * length),
			flags: next() < 0.05 ? Flag.live : 0,
		});
	}
	return decode(encode(rows));
}

test("the code of a row's fold state names it by as many digits of its span id as it takes", () => {
	const m = new Model(busy(6));
	m.toggle(4);
	// These ids differ in their last digits only, so eight would not do.
	expect(m.foldCode()).toBe(`-${spanIdOf(m.layout, m.ref[4]!)}`);
});
