import { parseBox } from "./boxText";

/**
 * The search box: terms as chips, and among them the field, which holds the term that is
 * being typed. What cannot be cut into terms is all in the field. boxQuery is the truth at
 * any moment; the rest only says how it is shown.
 */
export interface Box {
	form: "shorthand" | "traceql";
	terms: readonly string[];
	/** The field stands before terms[at]. */
	at: number;
	draft: string;
}

export function boxOfText(text: string): Box {
	const { form, terms } = parseBox(text);
	if (form === "whole") return { form: "shorthand", terms: [], at: 0, draft: text.trim() };
	return {
		form: terms.length === 0 ? "shorthand" : form,
		terms: terms.map((t) => t.text),
		at: terms.length,
		draft: "",
	};
}

function join(form: Box["form"], terms: readonly string[]): string {
	if (form === "shorthand") return terms.join(" ");
	return terms.length === 0 ? "" : `{ ${terms.join(" && ")} }`;
}

/** The query the box stands for. */
export function boxQuery({ form, terms, at, draft }: Box): string {
	return join(form, draft.trim() === "" ? terms : [...terms.slice(0, at), draft, ...terms.slice(at)]).trim();
}

/** The query with the draft as it is, and where in it the draft begins: for completion. */
export function boxDraft({ form, terms, at, draft }: Box): { text: string; offset: number } {
	const mark = "\u0000"; // is in no query
	const text = join(form, [...terms.slice(0, at), mark, ...terms.slice(at)]);
	const offset = text.indexOf(mark);
	return { text: text.slice(0, offset) + draft + text.slice(offset + 1), offset };
}

/** The draft has become a term, or several; the field is empty behind it. */
export function settle(box: Box): Box {
	if (box.draft.trim() === "") return { ...box, draft: "" };
	const before = box.terms.slice(0, box.at);
	const cut = parseBox(box.draft);
	// A whole query typed or pasted into an empty box speaks for itself.
	if (box.terms.length === 0) return boxOfText(box.draft);
	const fresh =
		cut.form === "shorthand" && box.form === "shorthand" ? cut.terms.map((t) => t.text) : [box.draft.trim()];
	return {
		...box,
		terms: [...before, ...fresh, ...box.terms.slice(box.at)],
		at: before.length + fresh.length,
		draft: "",
	};
}

/** The term is in the field, to be changed; index is that of the terms shown. */
export function editTerm(box: Box, index: number): Box {
	const grown = settle(box);
	const i = index >= box.at ? index + (grown.terms.length - box.terms.length) : index;
	const term = grown.terms[i];
	if (term === undefined) return grown;
	return { ...grown, terms: grown.terms.filter((_, n) => n !== i), at: i, draft: term };
}

export function removeTermAt(box: Box, index: number): Box {
	const terms = box.terms.filter((_, n) => n !== index);
	return { ...box, terms, at: index < box.at ? box.at - 1 : box.at };
}

/** The field behind all terms. */
export function toEnd(box: Box): Box {
	const grown = settle(box);
	return { ...grown, at: grown.terms.length };
}

/** The box after a completion put text in, and where the cursor is in the draft then. */
export function insert(box: Box, from: number, to: number, text: string): { box: Box; caret: number } {
	const { text: whole, offset } = boxDraft(box);
	if (from >= offset && to <= offset + box.draft.length) {
		const draft = box.draft.slice(0, from - offset) + text + box.draft.slice(to - offset);
		return { box: { ...box, draft }, caret: from - offset + text.length };
	}
	const next = whole.slice(0, from) + text + whole.slice(to);
	return { box: { form: "shorthand", terms: [], at: 0, draft: next }, caret: from + text.length };
}

/** Whether the draft is a comparison with a value that is closed: a blank then ends it. */
export function isWhole(draft: string): boolean {
	const { form, terms } = parseBox(draft);
	const value = terms[0]?.value;
	if (form !== "shorthand" || terms.length !== 1 || value === undefined || value === "") return false;
	return !/^["`]/.test(value) || /^("(?:[^"\\]|\\.)*"|`[^`]*`)$/.test(value);
}
