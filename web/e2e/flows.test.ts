// What people do, against the real server in the real browser: from the first span to a
// trace and back, by pointer and by keyboard. Spans are made here, so every count is known.
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { everyLook, launch, openPage, shoot } from "./browser.ts";
import { binary, payment, send, startWeft, type Weft } from "./weft.ts";

const desktop = everyLook[0] ?? { width: 1280, height: 800, theme: "light" as const };

describe.skipIf(!binary)("with a server", () => {
	let browser: Browser;
	let weft: Weft;
	let page: Page;
	let context: BrowserContext;
	let wrong: string[];

	beforeAll(async () => {
		browser = await launch();
	});
	afterAll(() => browser?.close());
	beforeEach(async () => {
		({ page, context, wrong } = await openPage(browser, desktop));
	});
	afterEach(async () => {
		await context.close();
		expect(wrong).toEqual([]);
	});

	const rows = () => page.getByRole("list", { name: "Traces" }).getByRole("link");
	const box = () => page.getByRole("combobox", { name: "Search traces" });
	const url = () => new URL(page.url());
	/** A number and its unit are held together by a blank of their own. */
	const plain = (text: string | null) => (text ?? "").replaceAll("\u00a0", " ");
	const firstRow = async () => plain(await rows().first().textContent());

	describe("that is new", () => {
		beforeAll(async () => {
			weft = await startWeft();
		});
		afterAll(() => weft?.stop());

		test("the first page says what was refused, and gives way to the first span", async () => {
			// Before a slow first answer the page is the search; its list must not be kept.
			await page.route(
				"**/api/v1/status",
				async (route) => {
					await box().waitFor();
					await route.continue();
				},
				{ times: 1 },
			);
			await page.goto(weft.url);
			await page.getByRole("heading", { name: "Waiting for the first span" }).waitFor();
			// The address in the snippets is the one that works.
			await page.getByText(`export OTEL_EXPORTER_OTLP_ENDPOINT=${weft.url.slice(0, -1)}`).waitFor();

			const bad = await fetch(`${weft.url}v1/trace`, {
				method: "POST",
				body: "{}",
				headers: { "Content-Type": "application/json" },
			});
			expect(bad.status).toBe(404);
			await page.getByText("/v1/trace", { exact: false }).and(page.locator("li *")).first().waitFor();

			await send(weft.url, payment(1, Date.now() - 1_000, 120));
			await rows().first().waitFor();
			expect(await rows().count()).toBe(1);
			expect(url().pathname).toBe("/search");
		});
	});

	describe("that has traces", () => {
		const minutes = 60_000;
		const evil = '"><img src=x onerror="document.title=1"><script>document.title=2</script>';
		let now: number;

		beforeAll(async () => {
			weft = await startWeft();
			now = Date.now();
			// 130 in the last half hour: three pages. Every tenth fails and is slow.
			for (let n = 0; n < 130; n++) {
				const failed = n % 10 === 0;
				await send(
					weft.url,
					payment(
						n,
						now - (n * 13_000 + 2_000),
						failed ? 1_500 : 20 + (n % 7) * 10,
						failed ? "BankTimeout: no reply to AUTH" : undefined,
					),
				);
			}
			await send(weft.url, [
				...payment(500, now - 40 * minutes, 50, undefined, { customer: "37" }),
				{
					traceId: "e".repeat(32),
					spanId: "e".repeat(16),
					service: evil,
					name: `javascript:alert(1) ${evil}`,
					start: now - 50 * minutes,
					ms: 5,
					error: evil,
					attributes: { customer: "evil" },
				},
			]);
		});
		afterAll(() => weft?.stop());

		const searched = async (path: string) => {
			await page.goto(weft.url + path);
			await rows().first().waitFor();
		};
		const count = async () =>
			plain(await page.getByRole("status").filter({ hasText: /trace/ }).first().textContent());

		test("a query by chips, from the keyboard alone", async () => {
			await searched("search");
			await page.keyboard.press("/");
			await page.getByRole("option", { name: /^service name/ }).waitFor(); // the empty box says how to begin
			await page.keyboard.type("stat");
			await page
				.getByRole("option", { name: /^status/ })
				.first()
				.waitFor();
			await page.keyboard.type("us=err");
			await page.getByRole("option", { name: /^error/ }).waitFor();
			await page.keyboard.press("Tab"); // takes the value: a chip, and the search runs
			await expect.poll(() => url().searchParams.get("q")).toBe("status=error");
			await expect.poll(count).toContain("14 traces");

			await page.keyboard.type("service=bank ");
			await page.keyboard.press("Enter");
			await expect.poll(() => url().searchParams.get("q")).toBe("status=error service=bank");
			await expect.poll(count).toContain("13 traces");
			await page.getByRole("button", { name: "remove service=bank" }).waitFor();

			// Back into the chip before, and change it.
			await page.keyboard.press("Backspace");
			expect(await box().inputValue()).toBe("service=bank");
			await page.keyboard.press("Control+a");
			await page.keyboard.type("service=nobody");
			await page.keyboard.press("Enter");
			await page.getByRole("heading", { name: "No trace matches" }).waitFor();
			await page.getByRole("button", { name: "without service=nobody" }).click();
			await expect.poll(() => url().searchParams.get("q")).toBe("status=error");
		});

		test("TraceQL is chips too, and stays what was written", async () => {
			const q = '{ resource.service.name = "bank" && status = error }';
			await searched(`search?q=${encodeURIComponent(q)}`);
			await page.getByRole("button", { name: 'remove resource.service.name = "bank"' }).click();
			await expect.poll(() => url().searchParams.get("q")).toBe("{ status = error }");
			await expect.poll(count).toContain("14 traces");
		});

		test("a query that is none marks the place", async () => {
			await page.goto(`${weft.url}search?q=${encodeURIComponent("service=payment duration>banana")}`);
			await page.getByRole("heading", { name: "This query is not understood" }).waitFor();
			expect(await page.locator("mark").textContent()).toContain("banana");
			await shoot(page, "real-bad-query", desktop);
		});

		test("j, k, e and Enter walk the list; back is where one was", async () => {
			await searched("search?q=status%3Derror");
			await page.keyboard.press("j");
			await page.keyboard.press("j");
			await page.keyboard.press("j");
			await page.keyboard.press("k");
			const second = rows().nth(1);
			await expect.poll(() => second.evaluate((el) => el === document.activeElement)).toBe(true);
			const href = await second.getAttribute("href");
			await page.keyboard.press("Enter");
			await expect.poll(() => url().pathname).toBe(href?.split("?")[0]);
			await page.getByText("BankTimeout").first().waitFor();
			await page.goBack();
			await rows().first().waitFor();
			expect(url().searchParams.get("q")).toBe("status=error");
		});

		test("the list goes on to its end, and back returns to the place in it", async () => {
			await searched("search");
			const scroller = page.locator("[class*=scroller]");
			await expect
				.poll(async () => {
					await scroller.evaluate((el) => el.scrollTo({ top: el.scrollHeight }));
					return page.getByText("These are all 132").count();
				})
				.toBe(1);
			await scroller.evaluate((el) => el.scrollTo({ top: 1_400 }));
			const row = rows().filter({ hasText: "POST /pay" }).nth(20);
			const name = await row.textContent();
			await row.click();
			await expect.poll(() => url().pathname).toContain("/trace/");
			await page.goBack();
			await expect.poll(() => scroller.evaluate((el) => el.scrollTop)).toBeGreaterThan(1_000);
			expect(await rows().filter({ hasText: "POST /pay" }).allTextContents()).toContain(name);
		});

		test("a box on the heat map asks for what is in it", async () => {
			await searched("search?last=1h");
			const plane = page.getByRole("application");
			const area = await plane.boundingBox();
			if (!area) throw new Error("no heat map");
			// The upper half: the slow ones. From the left edge to the right.
			await page.mouse.move(area.x + 60, area.y + 4);
			await page.mouse.down();
			await page.mouse.move(area.x + area.width - 18, area.y + 50, { steps: 4 });
			await page.getByText("13 traces").waitFor();
			await page.mouse.up();
			await expect
				.poll(() => url().searchParams.get("q"))
				.toMatch(/^traceDuration>=\d{1,3}(\.\d{1,2})?m?s traceDuration<\d{1,3}(\.\d{1,2})?m?s$/);
			expect(url().searchParams.get("start")).toMatch(/^\d{4}-\d\d-\d\dT/);
			await expect.poll(count).toContain("13 traces");
			expect(await rows().count()).toBe(13);
		});

		test("a client and a server span of one id are two rows, each with its own details", async () => {
			const traceId = "d".repeat(32);
			const id = "00000000000000d1";
			const shared = { traceId, spanId: id, start: now - 30_000 };
			await send(weft.url, [
				{ ...shared, service: "stock", name: "reserve", ms: 70, kind: 2 },
				{ ...shared, service: "shop", name: "call reserve", ms: 90, kind: 3 },
				{ ...shared, spanId: "00000000000000d2", parentId: id, service: "stock-db", name: "update", ms: 20 },
			]);
			await page.goto(`${weft.url}trace/${traceId}?span=${id}`);
			const panel = page.getByRole("complementary", { name: "Span" });
			await panel.getByText("2 spans share this id").waitFor();
			const level = (name: RegExp) => page.getByRole("row", { name }).getAttribute("aria-level");
			expect(await level(/^shop call reserve/)).toBe("1");
			expect(await level(/^stock reserve/)).toBe("2");
			expect(await level(/^stock-db update/)).toBe("3");
			const title = async () => plain(await panel.locator("[class*=title]").first().textContent());
			expect(await title()).toContain("shop call reserve");

			await page.getByRole("row", { name: /^stock reserve/ }).click();
			await expect.poll(() => url().searchParams.get("span")).toBe(`${id}.2`);
			await expect.poll(title).toContain("stock reserve");
			await page.reload();
			await expect.poll(title).toContain("stock reserve");
			const selected = page.getByRole("row", { selected: true });
			await expect.poll(() => selected.count()).toBe(1);
			expect(plain(await selected.first().textContent())).toContain("stock");
			await panel.getByRole("combobox", { name: "Which of the spans" }).selectOption("1");
			await expect.poll(() => url().searchParams.get("span")).toBe(id);
			await expect.poll(title).toContain("shop call reserve");
		});

		test("longest first", async () => {
			await searched("search");
			await page.getByRole("button", { name: "duration" }).click();
			await expect.poll(() => url().searchParams.get("order")).toBe("duration");
			await expect.poll(firstRow).toContain("1.50 s");
		});

		test("the copied link and the copied command have absolute time and give the same", async () => {
			await searched("search?q=customer%3D37");
			await page.keyboard.press("y");
			const link = await expect
				.poll(() => page.evaluate(() => navigator.clipboard.readText()))
				.toContain("start=")
				.then(() => page.evaluate(() => navigator.clipboard.readText()));
			await page.goto(link);
			await rows().first().waitFor();
			expect(await rows().count()).toBe(1);

			await page.getByRole("button", { name: /Copy the command line/ }).click();
			await expect
				.poll(() => page.evaluate(() => navigator.clipboard.readText()))
				.toContain("weft trace search");
			const command = await page.evaluate(() => navigator.clipboard.readText());
			const words = [...command.matchAll(/'([^']*)'|(\S+)/g)].map((m) => m[1] ?? m[2] ?? "").slice(1);
			const at = words.indexOf("--server");
			expect(words[at + 1]).toBe(weft.url.slice(0, -1));
			const out = await weft.run(...words.slice(0, at), "-o", "json");
			expect(out).toContain((0xabc000 + 500).toString(16));
		});

		test("what spans carry stays text", async () => {
			await searched("search?q=customer%3Devil");
			expect(await rows().first().textContent()).toContain("<script>");
			await rows().first().hover();
			await shoot(page, "real-hostile", desktop);
			expect(await page.title()).toBe("customer=evil · Weft");
			expect(await page.locator("img").count()).toBe(0);
			for (const link of await page.locator("a").all())
				expect(await link.getAttribute("href")).toMatch(/^\//);
		});

		test("live rows wait behind a pill while one reads", async () => {
			await searched("search");
			await page.getByRole("button", { name: "Live" }).click();
			await page.getByText("live", { exact: true }).waitFor();
			await rows().first().hover();
			await send(weft.url, payment(900, Date.now() - 200, 77));
			const pill = page.getByRole("button", { name: "1 new" });
			await pill.waitFor();
			const before = await firstRow();
			await pill.click();
			await expect.poll(firstRow).not.toBe(before);
			await expect.poll(firstRow).toContain("77.0 ms");
		});

		test("palette: a service, a pasted trace id", async () => {
			await searched("search");
			await page.keyboard.press("Control+k");
			await page.keyboard.type("ban");
			await page.getByRole("option", { name: /bank/ }).waitFor();
			await page.keyboard.press("Enter");
			await expect.poll(() => url().searchParams.get("q")).toBe('service="bank"');
			const id = (0xabc000 + 500).toString(16).padStart(32, "0");
			await page.keyboard.press("Control+k");
			await page.keyboard.type(`00-${id}-00f067aa0ba902b7-01`);
			await page.keyboard.press("Enter");
			await expect.poll(() => url().pathname).toBe(`/trace/${id}`);
		});

		test("the theme is kept, and there before the first paint", async () => {
			await searched("search");
			await page.getByRole("button", { name: "Theme, clock, help" }).click();
			await page.getByRole("menuitemradio", { name: "Dark" }).click();
			await page.reload({ waitUntil: "commit" });
			await page.waitForFunction(
				() =>
					document.documentElement.dataset.theme === "dark" &&
					getComputedStyle(document.documentElement).colorScheme.includes("dark"),
			);
			await rows().first().waitFor();
		});

		test("every look, of real data", async () => {
			for (const look of everyLook) {
				const other = await openPage(browser, look);
				await other.page.goto(`${weft.url}search?q=service%3Dbank`);
				await other.page.getByRole("list", { name: "Traces" }).getByRole("link").first().waitFor();
				await shoot(other.page, "real-search", look);
				expect(other.wrong).toEqual([]);
				await other.context.close();
			}
		});
	});

	describe("that goes away", () => {
		beforeAll(async () => {
			weft = await startWeft();
			await send(weft.url, payment(1, Date.now() - 1_000, 120));
		});
		afterAll(() => weft?.stop());

		test("the list stays, says that it is older, and goes on when the server is back", async () => {
			await page.goto(`${weft.url}search`);
			await rows().first().waitFor();
			await page.getByRole("button", { name: "Live" }).click();
			await page.getByText("live", { exact: true }).waitFor();

			await weft.pause();
			await page.getByText("connection lost, trying again…").waitFor();
			await page.keyboard.press("r");
			await page.getByText("What is below is older.").waitFor();
			expect(await rows().count()).toBe(1);
			await shoot(page, "real-stale", desktop);

			await weft.resume();
			await send(weft.url, payment(2, Date.now() - 1_000, 240));
			await page.getByRole("button", { name: "Try again" }).click();
			await expect.poll(() => rows().count()).toBe(2);
			await expect.poll(() => page.getByText("What is below is older.").count()).toBe(0);
		});
	});

	describe("that asks for a token", () => {
		let token: string;

		beforeAll(async () => {
			weft = await startWeft();
			const made = JSON.parse(await weft.run("token", "create", "--scope", "admin,ingest", "-o", "json")) as {
				secret: string;
			};
			token = made.secret;
			await send(weft.url, payment(1, Date.now() - 1_000, 120), token);
		});
		afterAll(() => weft?.stop());

		test("a link leads there after the sign-in, and signing out closes it", async () => {
			await page.goto(`${weft.url}search?q=service%3Dbank`);
			await page.getByLabel("Token").fill("wft_nonsense");
			await page.getByRole("button", { name: "Sign in" }).click();
			await page.getByText("This token is not known here").waitFor();
			await page.getByLabel("Token").fill(token);
			await page.keyboard.press("Enter");
			await rows().first().waitFor();
			expect(url().searchParams.get("q")).toBe("service=bank");
			await page.getByRole("button", { name: "Theme, clock, help" }).click();
			await page.getByRole("menuitem", { name: "Sign out" }).click();
			await page.getByRole("heading", { name: "Sign in" }).waitFor();
			expect(await rows().count()).toBe(0);
		});
	});
});
