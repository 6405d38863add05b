import { expect, test } from "vitest";
import {
	type Box,
	boxDraft,
	boxOfText,
	boxQuery,
	editTerm,
	insert,
	isWhole,
	removeTermAt,
	settle,
	toEnd,
} from "./box";

/** A box as text: chips in brackets, the field between bars. */
function show(box: Box): string {
	const chips = box.terms.map((t) => `[${t}]`);
	chips.splice(box.at, 0, `|${box.draft}|`);
	return chips.join("");
}

const typed = (text: string, draft: string): Box => ({ ...boxOfText(text), draft });

test("text becomes chips and stays the same query", () => {
	const f = (text: string, want: string, query = text) => {
		expect(show(boxOfText(text)), text).toBe(want);
		expect(boxQuery(boxOfText(text)), text).toBe(query);
	};
	f("", "||");
	f("service=payment status=error", "[service=payment][status=error]||");
	f("{ a = 1 && b = 2 }", "[a = 1][b = 2]||");
	f("{a=1&&b=2}", "[a=1][b=2]||", "{ a=1 && b=2 }");
	f("{ a = 1 || b = 2 }", "|{ a = 1 || b = 2 }|"); // all of it in the field
	f("{}", "||", "");
});

test("what is typed becomes a chip where it stands", () => {
	const f = (box: Box, want: string, query: string) => {
		expect(show(settle(box))).toBe(want);
		expect(boxQuery(settle(box))).toBe(query);
		expect(boxQuery(box)).toBe(query);
	};
	f(typed("a=1", "b=2"), "[a=1][b=2]||", "a=1 b=2");
	f(typed("a=1", "b=2 c=3"), "[a=1][b=2][c=3]||", "a=1 b=2 c=3"); // pasted
	f(typed("{ a = 1 }", "b = 2"), "[a = 1][b = 2]||", "{ a = 1 && b = 2 }");
	f(typed("", "{ a = 1 && b = 2 }"), "[a = 1][b = 2]||", "{ a = 1 && b = 2 }");
	f(typed("a=1", "  "), "[a=1]||", "a=1");
});

test("a chip is edited in its place", () => {
	expect(show(editTerm(boxOfText("a=1 b=2 c=3"), 1))).toBe("[a=1]|b=2|[c=3]");
	expect(show(toEnd(editTerm(boxOfText("a=1 b=2 c=3"), 1)))).toBe("[a=1][b=2][c=3]||");
	// What was typed before is kept.
	expect(show(editTerm(typed("a=1 b=2", "d=4"), 0))).toBe("|a=1|[b=2][d=4]");
	expect(show(editTerm(editTerm(boxOfText("a=1 b=2 c=3"), 0), 1))).toBe("[a=1][b=2]|c=3|");
	expect(show(removeTermAt(boxOfText("a=1 b=2"), 0))).toBe("[b=2]||");
});

test("completion sees the whole query and changes the draft", () => {
	const box = editTerm(boxOfText("{ a = 1 && b = 2 }"), 0);
	expect(boxDraft(box)).toEqual({ text: "{ a = 1 && b = 2 }", offset: 2 });
	expect(boxDraft(typed("{ a = 1 }", ""))).toEqual({ text: "{ a = 1 &&  }", offset: 11 });
	const done = insert(typed("x=1", "serv"), 4, 8, "service");
	expect([show(done.box), done.caret]).toEqual(["[x=1]|service|", 7]);
	// A change outside of the draft puts all into the field.
	const all = insert(typed("x=1", "y"), 0, 3, "z=2");
	expect([show(all.box), all.caret]).toEqual(["|z=2 y|", 3]);
});

test("a blank ends a comparison whose value is closed", () => {
	const f = (draft: string, want: boolean) => expect(isWhole(draft), draft).toBe(want);
	f("service=payment", true);
	f("service = payment", true);
	f('name="POST /pay"', true);
	f("service=", false);
	f("service", false); // = may follow
	f('name="POST', false);
	f("{ a = 1", false);
});
