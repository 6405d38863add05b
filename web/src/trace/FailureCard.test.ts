import { expect, test } from "vitest";
import { servicePath, shortType } from "./FailureCard";

test("the last part of an exception's type is its name", () => {
	const f = (type: string, want: string) => expect(shortType(type)).toBe(want);
	f("BankTimeout", "BankTimeout");
	f("com.shop.bank.BankTimeout", "BankTimeout");
	f("shop::bank::Timeout", "Timeout");
	f("*errors.errorString", "errorString");
	f("odd.", "odd.");
});

test("the way of a failure names each service once in a row, and leaves out the middle of a long way", () => {
	const f = (services: string, want: string) =>
		expect(servicePath(services.split(" ").map((service) => ({ service }))).join(" ")).toBe(want);
	f("gateway", "gateway");
	f("gateway gateway payment payment gateway", "gateway payment gateway");
	f("a b c d e", "a b c d e");
	f("a b c d e f", "a b … e f");
});
