import { decode, type Layout } from "./decode";
import { encode, type RowSpec, type TraceSpec } from "./encode";

/**
 * A trace written as text, for tests: one span a line, indented by its depth, `name
 * start+duration` in milliseconds, the service before a slash (else the parent's), then
 * words: client server producer consumer, error, missing, live, exception, hidden=n.
 *
 *     gateway/pay 0+100
 *       bank/auth 10+80 server error
 */
export function tree(text: string, trace: TraceSpec = {}): Layout {
	return decode(encode(parseTree(text), trace));
}

const kinds: Record<string, number> = { internal: 1, server: 2, client: 3, producer: 4, consumer: 5 };
const marks: Record<string, number> = { missing: 1, exception: 2, links: 4, live: 8, twin: 16 };

function parseTree(text: string): RowSpec[] {
	const rows: RowSpec[] = [];
	const chain: { indent: number; at: number }[] = [];
	for (const line of text.split("\n")) {
		if (line.trim() === "") continue;
		const indent = line.length - line.trimStart().length;
		while (chain.length > 0 && chain[chain.length - 1]!.indent >= indent) chain.pop();
		const parent = chain.length === 0 ? -1 : chain[chain.length - 1]!.at;
		const [what = "", when = "", ...words] = line.trim().split(/\s+/);
		const slash = what.indexOf("/");
		const [start = 0, duration = 0] = when.split("+").map((ms) => Number(ms) * 1e6);
		let kind = 1;
		let status = 0;
		let flags = 0;
		let hidden = 0;
		for (const w of words) {
			if (kinds[w] !== undefined) kind = kinds[w];
			else if (w === "error") status = 2;
			else if (marks[w] !== undefined) flags |= marks[w];
			else if (w.startsWith("hidden=")) hidden = Number(w.slice(7));
			else throw new Error(`tree: unknown word ${w}`);
		}
		const service = slash >= 0 ? what.slice(0, slash) : parent >= 0 ? rows[parent]!.service : "svc";
		chain.push({ indent, at: rows.length });
		rows.push({ parent, service, name: what.slice(slash + 1), start, duration, kind, status, flags, hidden });
	}
	return rows;
}

/** A pseudo-random number generator with a seed, so that a failing case can be run again. */
export function random(seed: number): () => number {
	let s = seed >>> 0;
	return () => {
		s = (s + 0x6d2b79f5) >>> 0;
		let t = s;
		t = Math.imul(t ^ (t >>> 15), t | 1);
		t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
		return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
	};
}
