// The trace page in every state, both themes and two widths: nothing goes wrong in the
// console, the policy holds, axe finds nothing, nothing is wider than the window. Leaves
// pictures. Then what a person does on it, with mouse and with keys.
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { MockState } from "../mock/handler.ts";
import { traceIds } from "../mock/traces.ts";
import { accessibility, everyLook, launch, openPage, shoot } from "./browser.ts";
import { serveMock } from "./serve.ts";

let browser: Browser;
beforeAll(async () => {
	browser = await launch();
});
afterAll(() => browser?.close());

const broken = {
	type: "about:blank",
	title: "The store is busy",
	status: 500,
	code: "internal",
	detail: "read part 000412: block 17: checksum mismatch",
	hint: "weft store check names the parts to repair",
	id: "01J9ZK3X7Q2M",
};

interface State {
	name: string;
	path: string;
	mock?: MockState;
	ready: (page: Page) => Promise<unknown>;
}

const rows = (page: Page) => page.getByRole("row").first().waitFor();
const heading = (text: string) => (page: Page) => page.getByRole("heading", { name: text }).waitFor();
const payment = `trace/${traceIds.payment}`;

const states: State[] = [
	{ name: "trace", path: payment, ready: rows },
	{
		name: "trace-span",
		path: `${payment}?span=00f067aa0ba902b7`,
		ready: (page) => page.getByRole("region", { name: "Exception" }).waitFor(),
	},
	{
		name: "trace-attributes",
		path: `${payment}?span=eee19b7ec3c1b174`,
		ready: (page) => page.getByRole("region", { name: "Attributes" }).waitFor(),
	},
	{
		name: "trace-find",
		path: payment,
		ready: async (page) => {
			await rows(page);
			await page.keyboard.press("/");
			await page.keyboard.type("bank");
			await page.keyboard.press("Enter");
			await page.getByText("1 of 3").waitFor();
		},
	},
	{ name: "trace-flame", path: `${payment}?view=flame`, ready: (page) => page.getByRole("table").waitFor() },
	{
		name: "trace-flame-span",
		path: `${payment}?view=flame&span=00f067aa0ba902b7`,
		ready: async (page) => {
			await page.getByRole("complementary", { name: "Span" }).waitFor();
			const operation = page
				.getByRole("table")
				.getByRole("button", { name: /Charge$/ })
				.first();
			await operation.waitFor();
			expect(await operation.evaluate((el) => el.scrollWidth - el.clientWidth), "the name is cut").toBe(0);
		},
	},
	{ name: "trace-fine", path: `trace/${traceIds.fine}`, ready: rows },
	{ name: "trace-running", path: `trace/${traceIds.running}`, ready: rows },
	{ name: "trace-quiet-shortened", path: `trace/${traceIds.running}?quiet=short`, ready: rows },
	{ name: "trace-skewed", path: `trace/${traceIds.skewed}`, ready: rows },
	{
		name: "trace-clocks",
		path: `trace/${traceIds.skewed}?clock=corrected`,
		ready: async (page) => {
			await rows(page);
			await page.getByRole("button", { name: /Clocks differ/ }).click();
			await page.getByRole("dialog", { name: "Clocks" }).waitFor();
		},
	},
	{
		name: "trace-missing-parent",
		path: `trace/${traceIds.skewed}?span=aa00000000000001`,
		ready: (page) => page.getByText("has not arrived.").waitFor(),
	},
	{ name: "trace-wide", path: `trace/${traceIds.wide}`, ready: rows },
	{ name: "trace-big", path: `trace/${traceIds.big}`, ready: rows },
	{
		name: "trace-big-flame",
		path: `trace/${traceIds.big}?view=flame`,
		ready: (page) => page.getByRole("table").waitFor(),
	},
	{ name: "trace-cut", path: `trace/${traceIds.cut}`, ready: rows },
	{
		name: "trace-gone",
		path: "trace/deadbeef?at=2026-01-31T05:59:58Z",
		ready: heading("No such trace here"),
	},
	{
		name: "trace-error",
		path: payment,
		mock: { problems: { [`/traces/${traceIds.payment}/layout`]: broken } },
		ready: heading("The trace cannot be shown"),
	},
	{
		name: "trace-span-error",
		path: `${payment}?span=00f067aa0ba902b7`,
		mock: { problems: { [`/traces/${traceIds.payment}/spans/00f067aa0ba902b7`]: broken } },
		ready: heading("The span cannot be shown"),
	},
	{
		name: "trace-keys",
		path: payment,
		ready: async (page) => {
			await rows(page);
			await page.keyboard.press("?");
			const last = page.getByText("Leave the search, the panel, the zoom");
			await last.scrollIntoViewIfNeeded();
			const wide = await page
				.getByRole("dialog", { name: "Keyboard" })
				.locator("[class*=scroll]")
				.evaluate((el) => el.scrollWidth - el.clientWidth);
			expect(wide, "keys beside the dialog").toBe(0);
		},
	},
	{
		name: "trace-loading",
		path: payment,
		mock: { hang: [`/traces/${traceIds.payment}/layout`] },
		ready: (page) => page.getByRole("status", { name: "loading the trace" }).waitFor(),
	},
];

/** The pages people look at most are looked at in every look, the rest in the two that differ most. */
const inEveryLook = new Set(["trace", "trace-span", "trace-flame"]);
const twoLooks = everyLook.filter((l) => l.width > 700 === (l.theme === "light"));

describe.each(states)("$name", ({ name, path, mock, ready }) => {
	test.each(inEveryLook.has(name) ? everyLook : twoLooks)("$theme, $width px", async (look) => {
		const server = await serveMock(mock ?? {}, "/team/weft/");
		const { page, context, wrong } = await openPage(browser, look);
		try {
			await page.goto(server.url + path);
			await ready(page);
			// The critical path is drawn a moment after the bars.
			await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 50))));
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

describe("on the page", () => {
	let server: Awaited<ReturnType<typeof serveMock>>;
	let context: BrowserContext;
	let page: Page;
	let wrong: string[];
	beforeEach(async () => {
		server = await serveMock({}, "/team/weft/");
		({ page, context, wrong } = await openPage(browser, { width: 1280, height: 800, theme: "light" }));
		await page.goto(server.url + payment);
		await rows(page);
	});
	afterEach(async () => {
		await context.close();
		await server.close();
		expect(wrong).toEqual([]);
	});

	const row = (name: string) => page.getByRole("row", { name });
	const panel = () => page.getByRole("complementary", { name: "Span" });
	const query = () => new URL(page.url()).searchParams;
	const focused = () => page.evaluate(() => document.activeElement?.textContent ?? "");

	test("a click opens the span, its link opens it again, Escape closes it", async () => {
		await row("fraud score").click();
		await panel().getByText("fraud.score").waitFor();
		expect(query().get("span")).toBe("3000000000000001");
		await page.reload();
		await panel().getByText("fraud.score").waitFor();
		expect(await row("fraud score").getAttribute("aria-selected")).toBe("true");
		await page.keyboard.press("Escape");
		await panel().waitFor({ state: "detached" });
		expect(query().get("span")).toBeNull();
	});

	test("keys walk the rows, fold them, and open details", async () => {
		await page.keyboard.press("j");
		await expect.poll(focused).toContain("check session");
		await page.keyboard.press("ArrowLeft");
		await expect.poll(() => row("check session").getAttribute("aria-expanded")).toBe("false");
		expect(await row("redis").count()).toBe(0);
		await page.keyboard.press("l");
		await row("redis").waitFor();
		await page.keyboard.press("End");
		await expect.poll(focused).toContain("payments process");
		await page.keyboard.press("Home");
		await expect.poll(focused).toContain("POST /pay");
		await page.keyboard.press("Enter");
		await panel().getByText("url.path").waitFor();
		await page.keyboard.press("j"); // the open panel follows
		await panel().getByText("session.valid").waitFor();
	});

	test("a group of like siblings unfolds to its slowest, then to all", async () => {
		const group = row("postgres INSERT payments ×12");
		await group.click();
		await expect.poll(() => page.getByRole("row", { name: "postgres INSERT payments" }).count()).toBe(6);
		await page.keyboard.press("ArrowRight");
		await expect.poll(() => page.getByRole("row", { name: "postgres INSERT payments" }).count()).toBe(13);
		await expect.poll(() => query().get("fold")).toMatch(/^\*/);
	});

	test("e goes from error to error and n from match to match", async () => {
		await page.keyboard.press("e");
		await panel().getByRole("heading", { name: "Attributes" }).waitFor();
		expect(query().get("span")).toBe("eee19b7ec3c1b174");
		await page.keyboard.press("e");
		await expect.poll(() => query().get("span")).toBe("1000000000000003");
		await page.keyboard.press("E");
		await expect.poll(() => query().get("span")).toBe("eee19b7ec3c1b174");
		await page.keyboard.press("/");
		await page.keyboard.type("insert");
		await page.getByText("– of 12").waitFor();
		await page.keyboard.press("Enter");
		await page.getByText("1 of 12").waitFor();
		await page.keyboard.press("Enter");
		await page.getByText("2 of 12").waitFor();
		expect(await page.getByRole("row", { name: "postgres INSERT payments" }).count()).toBeGreaterThan(1);
	});

	test("zoom and pan by keys are in the link, Escape leaves them, back returns", async () => {
		await page.keyboard.press("w");
		await page.keyboard.press("w");
		await page.keyboard.press("a");
		await expect.poll(() => query().get("zoom")).toMatch(/^\d{19}-\d{19}$/);
		const link = page.url();
		await page.keyboard.press("Escape");
		await expect.poll(() => query().get("zoom")).toBeNull();
		await page.goto(link);
		await rows(page);
		await page.keyboard.press("j");
		expect(query().get("zoom")).toBe(new URL(link).searchParams.get("zoom"));
	});

	test("y copies a link with the span and the time", async () => {
		await row("fraud score").click();
		await panel().getByText("fraud.score").waitFor();
		await page.keyboard.press("y");
		await page.getByText("Link copied").waitFor({ state: "attached" });
		const link = await page.evaluate(() => navigator.clipboard.readText());
		expect(link).toBe(
			`${server.url}${payment}?span=3000000000000001&at=${encodeURIComponent("2026-01-31T05:59:58.123Z")}`,
		);
	});

	test("a hostile value stays text and makes neither markup nor a link", async () => {
		await row("gateway POST /pay").first().click();
		await panel().getByText("<img src=x onerror=alert(1)>").waitFor();
		expect(await panel().locator("img").count()).toBe(0);
		const links = await panel()
			.locator("a")
			.evaluateAll((all) => all.map((a) => (a as HTMLAnchorElement).protocol));
		expect(new Set(links)).toEqual(new Set(["http:", "https:"]));
		const out = panel().getByRole("link", { name: "https://shop.example/pay?order=8841" });
		expect(await out.getAttribute("rel")).toContain("noopener");
	});

	test("a value leads to the search for it, a link of the span to its trace and back", async () => {
		await row("gateway POST /pay").first().click();
		await panel().getByRole("link", { name: "search for customer with this value" }).click();
		await page.waitForURL(/\/search\?q=/);
		expect(query().get("q")).toBe('{ span.customer = "37" }');
		await page.goBack();
		await panel().getByRole("link", { name: "7c1e0f2c · b7ad6b71" }).click();
		await page.getByRole("heading", { name: "GET /cart" }).waitFor();
		await page.goBack();
		await page.getByRole("heading", { name: "POST /pay" }).waitFor();
	});

	test("the card copies as text and leads to the span that failed", async () => {
		await page.getByRole("button", { name: "Copy as text" }).click();
		expect(await page.evaluate(() => navigator.clipboard.readText())).toContain("BankTimeout");
		await page.getByRole("region", { name: "What happened" }).getByRole("button", { name: "AUTH" }).click();
		await panel().getByText("retry.limit").waitFor();
	});

	test("dragging the minimap zooms, twice clicking it shows everything", async () => {
		const box = await page.locator(".tl-minimap").boundingBox();
		if (box === null) throw new Error("no minimap");
		const y = box.y + box.height / 2;
		await page.mouse.move(box.x + box.width * 0.25, y);
		await page.mouse.down();
		await page.mouse.move(box.x + box.width * 0.5, y, { steps: 4 });
		await page.mouse.up();
		await expect.poll(() => query().get("zoom")).not.toBeNull();
		await page.mouse.dblclick(box.x + box.width * 0.9, y);
		await expect.poll(() => query().get("zoom")).toBeNull();
	});

	test("what the server left out is loaded where it belongs", async () => {
		await page.goto(`${server.url}trace/${traceIds.cut}`);
		await page.getByRole("button", { name: "load", exact: true }).click();
		await row("prices row 7").waitFor();
		expect(await page.getByText("not sent").count()).toBe(0);
	});

	test("a running trace grows under the reader, who stays where they were", async () => {
		await page.goto(`${server.url}trace/${traceIds.running}`);
		await row("nightly extract").waitFor();
		await page.keyboard.press("j");
		await page.keyboard.press("h");
		await expect.poll(() => row("nightly extract").getAttribute("aria-expanded")).toBe("false");
		await row("nightly match").click();
		const rowCount = () => page.getByRole("treegrid").getAttribute("aria-rowcount").then(Number);
		const before = await rowCount();
		await expect.poll(rowCount, { timeout: 10_000 }).toBeGreaterThan(before);
		expect(await row("nightly extract").getAttribute("aria-expanded")).toBe("false");
		expect(await row("nightly match").getAttribute("aria-selected")).toBe("true");
	});

	test("Ctrl and the wheel zoom around the pointer", async () => {
		const box = await page.locator(".tl-axis").boundingBox();
		if (box === null) throw new Error("no axis");
		await page.mouse.move(box.x + box.width / 2, box.y + 120);
		await page.keyboard.down("Control");
		await page.mouse.wheel(0, -240);
		await page.keyboard.up("Control");
		await expect.poll(() => query().get("zoom")).not.toBeNull();
	});

	test("the flame graph's table leads back to the slowest span", async () => {
		await page.keyboard.press("v");
		await page.getByRole("button", { name: "bank AUTH" }).click();
		await row("bank AUTH").first().waitFor();
		expect(query().get("span")).toBe("00f067aa0ba902b7");
		expect(query().get("view")).toBeNull();
	});
});
