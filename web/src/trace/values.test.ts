import { expect, test } from "vitest";
import { plainValue, searchFor, valueText } from "./values";

test("a search for a value is TraceQL", () => {
	const f = (
		key: string,
		type: "string" | "int" | "bool" | "double" | "array",
		value: unknown,
		want?: string,
	) => expect(searchFor("span", { key, type, value })).toBe(want);
	f("customer", "string", "37", '{ span.customer = "37" }');
	f("order.id", "int", "8841", "{ span.order.id = 8841 }");
	f("a b", "string", 'say "hi"\n', '{ span."a b" = "say \\"hi\\"\\n" }');
	f("ok", "bool", true, "{ span.ok = true }");
	f("share", "double", 0.5, "{ span.share = 0.5 }");
	f("share", "double", "NaN", undefined);
	f("list", "array", [], undefined);
});

test("values read as text and as JSON", () => {
	const map = {
		type: "map" as const,
		value: [
			{ key: "n", type: "int", value: "9007199254740993" },
			{ key: "list", type: "array", value: [{ type: "bool", value: true }] },
		],
	};
	expect(plainValue(map)).toEqual({ n: "9007199254740993", list: [true] }); // a number would lose its last digit
	expect(valueText(map)).toBe('{"n":"9007199254740993","list":[true]}');
	expect(valueText({ type: "int", value: "9007199254740993" })).toBe("9007199254740993");
	expect(valueText({ type: "empty" })).toBe("");
});
