import { expect, test } from "vitest";
import { find, nextHit } from "./find";
import { tree } from "./tree";

const l = tree(`
gateway/POST 0+100
  payment/Charge 5+90 error
    bank/AUTH 10+80 error exception
  ledger/append 96+1
`);

test("words, states and durations select rows; all of them must hold", () => {
	const f = (text: string, want: number[]) => expect(Array.from(find(l, text)), text).toEqual(want);
	f("", []);
	f("pay", [1]);
	f("AUTH", [2]);
	f("a", [0, 1, 2, 3]); // gAteway, pAyment, bAnk, Append
	f("a is:error", [1, 2]);
	f("is:error -bank", [1]);
	f("is:exception", [2]);
	f(">85ms", [0, 1]);
	f("<2ms", [3]);
	f("0000000000000003", [2]); // a span id
	f("nothing", []);
	f("is:unknown", []); // taken as a word
});

test("next goes round in both directions", () => {
	const f = (from: number, step: 1 | -1, want: number) =>
		expect(nextHit(Int32Array.of(2, 5, 9), from, step)).toBe(want);
	f(-1, 1, 2);
	f(2, 1, 5);
	f(9, 1, 2);
	f(2, -1, 9);
	f(7, -1, 5);
	expect(nextHit(new Int32Array(0), 3, 1)).toBe(-1);
});
