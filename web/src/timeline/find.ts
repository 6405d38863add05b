import { Flag, type Layout, Status, spanIdOf } from "./decode";

/**
 * Rows that match every word of `text`, in order. A word matches a span whose service,
 * name or span id (from its start, 4 digits or more) contains it, whatever its case.
 * `is:error`, `is:live`, `is:missing`, `is:exception`, `is:link` match by state, `>100ms`
 * and `<2s` by duration, and a word after `-` excludes.
 */
export function find(l: Layout, text: string): Int32Array {
	const tests = text
		.trim()
		.split(/\s+/)
		.filter((w) => w !== "" && w !== "-")
		.map((w) => (w.startsWith("-") ? not(test(l, w.slice(1))) : test(l, w)));
	if (tests.length === 0) return new Int32Array(0);
	const hits: number[] = [];
	for (let r = 0; r < l.rows; r++) if (tests.every((t) => t(r))) hits.push(r);
	return Int32Array.from(hits);
}

type Test = (row: number) => boolean;

const not =
	(t: Test): Test =>
	(r) =>
		!t(r);

const states: Record<string, (l: Layout, r: number) => boolean> = {
	error: (l, r) => l.status[r]! === Status.error,
	live: (l, r) => (l.flags[r]! & Flag.live) !== 0,
	missing: (l, r) => (l.flags[r]! & Flag.missing) !== 0,
	exception: (l, r) => (l.flags[r]! & Flag.exception) !== 0,
	link: (l, r) => (l.flags[r]! & Flag.links) !== 0,
};

const units: Record<string, number> = { ns: 1, us: 1e3, µs: 1e3, ms: 1e6, s: 1e9, m: 60e9, h: 3600e9 };

function test(l: Layout, word: string): Test {
	const state = /^is:(\w+)$/.exec(word);
	const of = states[state?.[1] ?? ""];
	if (of !== undefined) return (r) => of(l, r);
	const bound = /^([<>])([0-9.]+)(ns|us|µs|ms|s|m|h)$/.exec(word);
	if (bound !== null) {
		const ns = Number(bound[2]!) * units[bound[3]!]!;
		return bound[1]! === ">" ? (r) => l.duration[r]! > ns : (r) => l.duration[r]! < ns;
	}
	const want = word.toLowerCase();
	const service = l.services.map((s) => s.toLowerCase().includes(want));
	const name = l.names.map((s) => s.toLowerCase().includes(want));
	const id = /^[0-9a-f]{4,16}$/.test(want);
	return (r) => {
		// A missing parent has neither name nor service, only an id.
		if ((l.flags[r]! & Flag.missing) === 0 && (service[l.service[r]!]! || name[l.name[r]!]!)) return true;
		return id && spanIdOf(l, r).startsWith(want);
	};
}

/** The hit after row `from`, going round; -1 if there are none. `step` is 1 or -1. */
export function nextHit(hits: Int32Array, from: number, step: 1 | -1): number {
	if (hits.length === 0) return -1;
	if (step === 1) {
		for (const h of hits) if (h > from) return h;
		return hits[0]!;
	}
	for (let i = hits.length - 1; i >= 0; i--) if (hits[i]! < from) return hits[i]!;
	return hits[hits.length - 1]!;
}
