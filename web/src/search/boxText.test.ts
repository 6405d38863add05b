import { expect, test } from "vitest";
import { addTerm, dropKeys, parseBox, quoteValue, removeTerm } from "./boxText";

const chips = (text: string) => parseBox(text).terms.map((t) => t.text);

// What is shown as one chip is what a reader takes for one condition.
test("terms of the shorthand", () => {
	const f = (text: string, want: string[]) => expect(chips(text), text).toEqual(want);
	f("", []);
	f("  ", []);
	f("service=payment status=error", ["service=payment", "status=error"]);
	f("service = payment timeout", ["service = payment", "timeout"]);
	f('name="POST /pay" x', ['name="POST /pay"', "x"]);
	f('"two words" one', ['"two words"', "one"]);
	f('name="a \\" b" c', ['name="a \\" b"', "c"]);
	f("name=~`a b` c", ["name=~`a b`", "c"]);
	f("duration>=100ms duration<2s", ["duration>=100ms", "duration<2s"]);
	f("service=", ["service="]); // being typed
	f('name="open', ['name="open']);
	f("http.url=/a=b", ["http.url=/a=b"]);
	f("a=1 || b=2", ["a=1 || b=2"]); // not a list of conditions
	f("a=1 !(b=2 c=3)", ["a=1 !(b=2 c=3)"]);
	f('a="||" b=1', ['a="||"', "b=1"]);
	f("고객=37 x", ["고객=37", "x"]);
});

test("terms of a selector", () => {
	const f = (text: string, form: string, want: string[]) => {
		expect(chips(text), text).toEqual(want);
		expect(parseBox(text).form, text).toBe(form);
	};
	f("{}", "traceql", []);
	f('{ resource.service.name = "payment" && status = error }', "traceql", [
		'resource.service.name = "payment"',
		"status = error",
	]);
	f("{a=1&&b=2}", "traceql", ["a=1", "b=2"]);
	f('{ .x = "&& } ||" && b = 2 }', "traceql", ['.x = "&& } ||"', "b = 2"]);
	f("{ (a = 1 || b = 2) && c = 3 }", "traceql", ["(a = 1 || b = 2)", "c = 3"]);
	f("{ a = 1 || b = 2 }", "whole", ["{ a = 1 || b = 2 }"]);
	f("{ a = 1 } && { b = 2 }", "whole", ["{ a = 1 } && { b = 2 }"]);
	f("{ a = 1", "whole", ["{ a = 1"]);
	f("{ a = 1 && }", "whole", ["{ a = 1 && }"]);
	f("{ a = 1 } | count() > 2", "whole", ["{ a = 1 } | count() > 2"]);
});

test("a comparison has key, operator and value", () => {
	const f = (text: string, want: (string | undefined)[]) => {
		const t = parseBox(text).terms[0];
		expect([t?.key, t?.op, t?.value], text).toEqual(want);
	};
	f("customer=37", ["customer", "=", "37"]);
	f("name =~ `^a`", ["name", "=~", "`^a`"]);
	f("{ span.http.status_code >= 500 }", ["span.http.status_code", ">=", "500"]);
	f("timeout", [undefined, undefined, undefined]);
});

test("a removed term takes its joint along", () => {
	const f = (text: string, index: number, want: string) => {
		const t = parseBox(text).terms[index];
		if (!t) throw new Error(`${text} has no term ${index}`);
		expect(removeTerm(text, t)).toBe(want);
	};
	f("a=1 b=2 c=3", 0, "b=2 c=3");
	f("a=1 b=2 c=3", 1, "a=1 c=3");
	f("a=1 b=2 c=3", 2, "a=1 b=2");
	f("a=1", 0, "");
	f("{ a = 1 && b = 2 && c = 3 }", 0, "{ b = 2 && c = 3 }");
	f("{ a = 1 && b = 2 && c = 3 }", 2, "{ a = 1 && b = 2 }");
	f("{ a = 1 }", 0, "");
	f("{ a = 1 || b = 2 }", 0, "");
});

test("an added term goes to the end, in the language of the text", () => {
	const f = (text: string, want: string) => expect(addTerm(text, "k", ">=", "5ms")).toBe(want);
	f("", "k>=5ms");
	f("a=1 ", "a=1 k>=5ms");
	f("{ a = 1 }", "{ a = 1 && k >= 5ms }");
	f("{}", "{ k >= 5ms}");
	f("{ a = 1 || b = 2 }", "{ (a = 1 || b = 2) && k >= 5ms }");
	f("a=1 || b=2", "(a=1 || b=2) && k >= 5ms");
	f("{ a = 1 } && { b = 2 }", "{ (a = 1) && k >= 5ms } && { b = 2 }");
});

test("terms of a key are dropped", () => {
	expect(dropKeys("d>=1s a=1 d<2s", ["d"])).toBe("a=1");
	expect(dropKeys("{ d >= 1s && a = 1 && d < 2s }", ["d"])).toBe("{ a = 1 }");
	expect(dropKeys("d>1", ["d"])).toBe("");
	expect(dropKeys("a=1", ["d"])).toBe("a=1");
});

// A value is one value, whatever it holds.
test("values are quoted so that they stay one term", () => {
	const f = (value: string, want: string) => {
		expect(quoteValue(value)).toBe(want);
		expect(chips(`k=${quoteValue(value)} x`)).toEqual([`k=${want}`, "x"]);
	};
	f("payment", "payment");
	f("POST /pay", '"POST /pay"');
	f('say "hi" \\', '"say \\"hi\\" \\\\"');
	f("37", '"37"');
	f("", '""');
	f("a\nb", '"a\\nb"');
});
