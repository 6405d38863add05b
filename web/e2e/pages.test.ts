// Every page in every state, in both themes and two widths, from the mock: nothing goes wrong
// in the console, the policy holds, axe finds nothing, nothing is wider than the window. Leaves pictures.
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { MockState } from "../mock/handler.ts";
import { accessibility, everyLook, launch, openPage, shoot } from "./browser.ts";
import { serveMock } from "./serve.ts";

let browser: Browser;
beforeAll(async () => {
	browser = await launch();
});
afterAll(() => browser?.close());

const unavailable = {
	type: "about:blank",
	title: "The store is busy",
	status: 500,
	code: "internal",
	detail: "read part 000412: block 17: checksum mismatch",
	hint: "weft store check names the parts to repair",
	id: "01J9ZK3X7Q2M",
};
const badQuery = {
	type: "urn:weft:problem:bad_query",
	title: "The query is not valid",
	status: 400,
	code: "bad_query",
	detail: 'expected a value after "="',
	hint: "put text in quotes: status = error",
	id: "01J9ZK3X7Q2N",
	query: { message: "expected a value", position: 16, length: 7, byte_offset: 16 },
};

interface State {
	name: string;
	path: string;
	mock: MockState;
	ready: (page: Page) => Promise<unknown>;
	/** Passing states are looked at twice only. */
	brief?: boolean;
}

const rows = (page: Page) => page.getByRole("list", { name: "Traces" }).getByRole("link").first().waitFor();
const heading = (text: string) => (page: Page) => page.getByRole("heading", { name: text }).waitFor();

const states: State[] = [
	{ name: "search", path: "search", mock: {}, ready: rows },
	{ name: "search-query", path: "search?q=service%3Dpayment+status%3Derror&last=15m", mock: {}, ready: rows },
	{
		name: "search-traceql",
		path: "search?q=%7B+resource.service.name+%3D+%22payment%22+%26%26+duration+%3E+100ms+%7D",
		mock: {},
		ready: rows,
	},
	{
		name: "search-partial",
		path: "search?last=6h",
		mock: { partial: "time limit of 10 s reached" },
		ready: rows,
	},
	{
		name: "search-empty",
		path: "search?q=service%3Dpayment+customer%3D37",
		mock: { empty: true },
		ready: heading("No trace matches"),
	},
	{
		name: "search-error",
		path: "search",
		mock: { problems: { "/search": unavailable, "/heatmap": unavailable } },
		ready: heading("The search did not work"),
	},
	{
		name: "search-bad-query",
		path: "search?q=service%3Dpayment+status%3D",
		mock: { problems: { "/search": badQuery, "/heatmap": badQuery } },
		ready: heading("This query is not understood"),
	},
	{
		name: "search-loading",
		brief: true,
		path: "search",
		mock: { hang: ["/search", "/heatmap"] },
		ready: (page) => page.getByRole("status", { name: "Searching" }).waitFor(),
	},
	{
		name: "search-completion",
		brief: true,
		path: "search?q=status%3Derror",
		mock: {},
		ready: async (page) => {
			await rows(page);
			await page.keyboard.press("/");
			await page.keyboard.type("s");
			await page.getByRole("option").first().waitFor();
			await page.keyboard.press("ArrowDown");
		},
	},
	{
		name: "search-palette",
		brief: true,
		path: "search",
		mock: {},
		ready: async (page) => {
			await rows(page);
			await page.keyboard.press("Control+k");
			await page.keyboard.type("pay");
			await page.getByRole("option", { name: /payment-db/ }).waitFor();
		},
	},
	{
		name: "search-keys",
		brief: true,
		path: "search",
		mock: {},
		ready: async (page) => {
			await rows(page);
			await page.keyboard.press("?");
			await page.getByRole("dialog", { name: "Keyboard" }).waitFor();
		},
	},
	{
		name: "search-range",
		brief: true,
		path: "search",
		mock: {},
		ready: async (page) => {
			await rows(page);
			await page.getByRole("button", { name: "last 1 h" }).click();
			await page.getByRole("dialog", { name: "Time range" }).waitFor();
		},
	},
	{
		name: "search-menu",
		brief: true,
		path: "search",
		mock: {},
		ready: async (page) => {
			await rows(page);
			await page.getByRole("button", { name: "Theme, clock, help" }).click();
			await page.getByRole("menuitemradio", { name: "Dark" }).waitFor();
		},
	},
	{
		name: "welcome",
		path: "",
		mock: { waiting: true },
		ready: (page) => page.getByText("OTLP over HTTP goes to /v1/traces").waitFor(),
	},
	{ name: "send", path: "send", mock: {}, ready: heading("This server listens at") },
	{ name: "sign-in", path: "search?q=status%3Derror", mock: { signIn: true }, ready: heading("Sign in") },
	{ name: "not-found", path: "no/such/page", mock: {}, ready: heading("There is no such page") },
];

describe.each(states)("$name", ({ name, path, mock, ready, brief }) => {
	const looks = everyLook.filter((look) => !brief || (look.theme === "light") === (look.width === 1280));
	test.each(looks)("$theme, $width px", async (look) => {
		// Under a prefix, because that is where relative links break.
		const server = await serveMock(mock, "/team/weft/");
		const { page, context, wrong } = await openPage(browser, look);
		try {
			await page.goto(server.url + path);
			await ready(page);
			await shoot(page, name, look);
			const overflow = await page.evaluate(
				() => document.documentElement.scrollWidth - document.documentElement.clientWidth,
			);
			expect(overflow, "wider than the window").toBeLessThanOrEqual(0);
			expect(await accessibility(page)).toEqual([]);
			expect(wrong).toEqual([]);
		} finally {
			await context.close();
			await server.close();
		}
	});
});
