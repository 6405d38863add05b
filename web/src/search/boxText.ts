/**
 * The search box's text, cut into the terms that are shown as chips. The text is the truth;
 * a chip is a place in it, and every edit is an edit of the text. The server parses the
 * query for real: what is not understood here is one chip, and still a valid query.
 *
 *	shorthand   service=payment status=error timeout
 *	traceql     { resource.service.name = "payment" && status = error }
 *	whole       any other query: one chip with all of it
 */
export interface Term {
	/** Where it is in the text, as string indexes: [from, to). */
	from: number;
	to: number;
	text: string;
	/** Of a comparison: customer, =, 37. A word has none. */
	key?: string;
	op?: string;
	value?: string;
}

export interface BoxText {
	form: "shorthand" | "traceql" | "whole";
	terms: Term[];
	/** Where a new term goes, and what joins it to the one before. */
	end: number;
	glue: string;
}

const quoted = '"(?:[^"\\\\]|\\\\.)*"?|`[^`]*`?';
const comparison = /^([^\s"`=!<>~{}()]+)\s*(=~|!~|!=|>=|<=|=|>|<)\s*([\s\S]*)$/;
const shorthandTerm = new RegExp(
	// key, operator, value; or a quoted text; or a word
	`[^\\s"\`=!<>~]+\\s*(?:=~|!~|!=|>=|<=|=|>|<)\\s*(?:${quoted}|[^\\s]*)|${quoted}|[^\\s]+`,
	"g",
);

function term(text: string, from: number): Term {
	const m = comparison.exec(text);
	const at = { from, to: from + text.length, text };
	return m ? { ...at, key: m[1], op: m[2], value: m[3] } : at;
}

function wholeText(text: string): BoxText {
	const { from, to } = trimmedTerm(text, 0);
	return { form: "whole", terms: [{ from, to, text: text.slice(from, to) }], end: to, glue: " " };
}

function trimmedTerm(text: string, from: number): Term {
	const start = text.length - text.trimStart().length;
	return term(text.trim(), from + start);
}

export function parseBox(text: string): BoxText {
	if (text.trimStart().startsWith("{")) return parseSelector(text);
	const terms = [...text.matchAll(shorthandTerm)].map((m) => term(m[0], m.index));
	if (terms.some((t) => t.key === undefined && /^(&&|\|\||!?\()/.test(t.text))) return wholeText(text);
	return { form: "shorthand", terms, end: text.trimEnd().length, glue: " " };
}

/** Cuts { a && b } at its outermost &&. Anything more is one whole term. */
function parseSelector(text: string): BoxText {
	const whole = wholeText(text);
	const open = text.indexOf("{");
	const cuts: number[] = [];
	let depth = 0;
	let close = -1;
	for (let i = open + 1; i < text.length; i++) {
		const c = text[i];
		if (c === '"' || c === "`") i = endOfQuote(text, i);
		else if (c === "(") depth++;
		else if (c === ")") depth--;
		else if (c === "{") return whole;
		else if (c === "}") {
			close = i;
			break;
		} else if (depth === 0 && text.startsWith("||", i)) return whole;
		else if (depth === 0 && text.startsWith("&&", i)) cuts.push(i++);
	}
	if (close < 0 || depth !== 0 || text.slice(close + 1).trim() !== "") return whole;
	const terms: Term[] = [];
	let from = open + 1;
	for (const cut of [...cuts, close]) {
		const part = trimmedTerm(text.slice(from, cut), from);
		if (part.text === "" && cuts.length > 0) return whole; // an operand is missing
		if (part.text !== "") terms.push(part);
		from = cut + 2;
	}
	const end = terms.at(-1)?.to ?? open + 1;
	return { form: "traceql", terms, end, glue: terms.length > 0 ? " && " : " " };
}

/** The index of the quote that ends the one at i; the end of the text if there is none. */
function endOfQuote(text: string, i: number): number {
	const quote = text[i];
	for (i++; i < text.length; i++) {
		if (text[i] === quote) return i;
		if (quote === '"' && text[i] === "\\") i++;
	}
	return text.length;
}

/** The text without a term and what joined it. */
export function removeTerm(text: string, t: Term): string {
	const box = parseBox(text);
	const at = box.terms.findIndex((other) => other.from === t.from && other.to === t.to);
	if (at < 0 || box.form === "whole" || box.terms.length === 1) return box.terms.length <= 1 ? "" : text;
	const next = box.terms[at + 1];
	const previous = box.terms[at - 1];
	const [from, to] = next ? [t.from, next.from] : [previous?.to ?? t.from, t.to];
	return (text.slice(0, from) + text.slice(to)).trim();
}

/** The text with a term more. A term is written as key, operator and value. */
export function addTerm(text: string, key: string, op: string, value: string): string {
	const box = parseBox(text);
	if (text.trim() === "") return `${key}${op}${value}`;
	if (box.form === "shorthand") return `${text.slice(0, box.end)} ${key}${op}${value}`;
	if (box.form === "traceql")
		return `${text.slice(0, box.end)}${box.glue}${key} ${op} ${value}${text.slice(box.end)}`;
	if (!text.trimStart().startsWith("{")) return `(${text.trim()}) && ${key} ${op} ${value}`;
	return wrapWhole(text, `${key} ${op} ${value}`);
}

/** One more condition for the first selector of a larger query: { (…) && term } …. */
function wrapWhole(text: string, condition: string): string {
	const open = text.indexOf("{");
	let close = -1;
	for (let i = open + 1; i < text.length && close < 0; i++) {
		const c = text[i];
		if (c === '"' || c === "`") i = endOfQuote(text, i);
		else if (c === "}") close = i;
	}
	if (open < 0 || close < 0) return text;
	const inner = text.slice(open + 1, close).trim();
	const both = inner === "" ? condition : `(${inner}) && ${condition}`;
	return `${text.slice(0, open)}{ ${both} }${text.slice(close + 1)}`;
}

/** The text without any term that compares one of the keys. */
export function dropKeys(text: string, keys: readonly string[]): string {
	let out = text;
	for (;;) {
		const found = parseBox(out).terms.find((t) => t.key !== undefined && keys.includes(t.key));
		if (!found) return out;
		const next = removeTerm(out, found);
		if (next === out) return out;
		out = next;
	}
}

/** A value as a term of the query language needs it: quoted unless it is a plain word. */
export function quoteValue(value: string): string {
	if (/^[A-Za-z_][\w.-]*$/.test(value)) return value;
	return `"${value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n").replaceAll("\r", "\\r").replaceAll("\t", "\\t")}"`;
}
