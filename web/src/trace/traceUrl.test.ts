import { expect, test } from "vitest";
import { paths } from "../paths";
import { readState, writeState } from "./traceUrl";

// Links to traces live in tickets for years: these texts must go on meaning this.
test("every part of the page is in its link and comes back from it", () => {
	const f = (query: string) => {
		const state = readState(Object.fromEntries(new URLSearchParams(query)));
		expect(paths.trace("5b8e", writeState(state))).toBe(`/trace/5b8e${query ? `?${query}` : ""}`);
		return state;
	};
	expect(f("")).toEqual({ view: "waterfall", fold: "", clock: "raw", short: false, path: true });
	expect(f("span=00f067aa0ba902b7&view=flame")).toMatchObject({ span: "00f067aa0ba902b7", view: "flame" });
	expect(f("span=00f067aa0ba902b7.2")).toMatchObject({ span: "00f067aa0ba902b7.2" });
	expect(f("fold=-00f067aa%2B3e15237a")).toMatchObject({ fold: "-00f067aa+3e15237a" });
	expect(f("zoom=1769839198123456789-1769839199123456789").zoom).toEqual({
		from: 1769839198123456789n,
		to: 1769839199123456789n,
	});
	expect(f("clock=corrected&quiet=short&path=off&at=2026-01-31T05%3A59%3A58.123Z")).toMatchObject({
		clock: "corrected",
		short: true,
		path: false,
		at: "2026-01-31T05:59:58.123Z",
	});
});

test("what makes no sense is left out", () => {
	const f = (params: Record<string, string>) => writeState(readState(params));
	expect(f({ span: "nothex", zoom: "9-1", view: "pie", clock: "sundial", at: "noon" })).toEqual({});
	expect(readState({ span: "AB" }).span).toBe("00000000000000ab");
	expect(readState({ span: "AB.3" }).span).toBe("00000000000000ab.3");
	expect(readState({ span: "AB." }).span).toBeUndefined();
	expect(readState({ zoom: "-5-10" }).zoom).toEqual({ from: -5n, to: 10n });
});
