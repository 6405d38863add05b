import { expect, test } from "vitest";
import { type Command, findCommands } from "../ui/CommandPalette";
import { spanIdIn, traceIdIn } from "./Palette";

const id = "5b8efff798038103d269b633813fc60c";

// People paste what they have: an id, a header, a log line, a link.
test("trace ids in what is pasted", () => {
	const f = (text: string, want: string | undefined) => expect(traceIdIn(text), text).toBe(want);
	f(id, id);
	f(` ${id.toUpperCase()}\n`, id);
	f(`00-${id}-00f067aa0ba902b7-01`, id);
	f(`traceparent: 00-${id}-00f067aa0ba902b7-01`, id);
	f(`level=error trace_id=${id} msg="no reply"`, id);
	f(`https://weft.example/trace/${id}?span=00f067aa0ba902b7`, id);
	f("0".repeat(32), undefined);
	f(`${id}ff`, undefined); // a longer number is no id
	f("payment", undefined);
});

test("a span id alone", () => {
	expect(spanIdIn(" 00f067aa0ba902b7 ")).toBe("00f067aa0ba902b7");
	expect(spanIdIn("00f067aa0ba902b7 and more")).toBeUndefined();
	expect(spanIdIn(id)).toBeUndefined();
});

test("the beginning of a name before its middle, what was made from the text first", () => {
	const c = (label: string, always = false): Command => ({ id: label, label, kind: "x", always });
	const found = findCommands("pay", [
		c("repay"),
		c("order pay"),
		c("payment"),
		c("other"),
		c("open pay", true),
	]);
	expect(found.map((f) => f.label)).toEqual(["open pay", "payment", "order pay", "repay"]);
	expect(findCommands("  ", [c("a"), c("b", true)]).map((f) => f.label)).toEqual(["a"]);
});
