// Pages of others in the same browser get nothing and change nothing: a foreign origin, a form
// that posts here, a name that was rebound to this address, a frame around our page.
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { browserArgs, executablePath } from "./browser.ts";
import { binary, payment, send, startWeft, type Weft } from "./weft.ts";

describe.skipIf(!binary)("a foreign page", () => {
	let browser: Browser;
	let weft: Weft;
	let foreign: Server;
	let origin: string;
	let page: Page;
	const id = (0xabc000 + 1).toString(16).padStart(32, "0");

	beforeAll(async () => {
		weft = await startWeft();
		await send(weft.url, payment(1, Date.now() - 1_000, 120));
		foreign = createServer((_request, response) => {
			response
				.writeHead(200, { "Content-Type": "text/html" })
				.end("<!doctype html><title>foreign</title><body></body>");
		});
		await new Promise<void>((done) => foreign.listen(0, "127.0.0.1", done));
		origin = `http://127.0.0.1:${(foreign.address() as AddressInfo).port}`;
		browser = await chromium.launch({
			executablePath,
			args: [...browserArgs, "--host-resolver-rules=MAP evil.example 127.0.0.1"],
		});
	});
	beforeEach(async () => {
		page = await browser.newPage();
	});
	afterEach(() => page.close());
	afterAll(async () => {
		await browser?.close();
		foreign?.closeAllConnections();
		foreign?.close();
		await weft?.stop();
	});

	const stillThere = async () => expect((await fetch(`${weft.url}api/v1/traces/${id}`)).status).toBe(200);

	test("reads nothing", async () => {
		await page.goto(origin);
		for (const path of [
			"api/v1/search",
			"api/v1/status",
			`api/v1/traces/${id}`,
			"jaeger/api/services",
			"metrics",
		]) {
			const read = await page.evaluate(async (address) => {
				try {
					return await (await fetch(address)).text();
				} catch {
					return "nothing";
				}
			}, weft.url + path);
			expect(read, path).toBe("nothing");
		}
	});

	test("changes nothing, however it sends", async () => {
		await page.goto(origin);
		const tries: [method: string, path: string, body?: string][] = [
			["DELETE", `api/v1/traces/${id}`],
			["PUT", `api/v1/traces/${id}/keep`, '{"note":"x"}'],
			["POST", "api/v1/tokens", '{"scopes":["admin"]}'],
		];
		for (const [method, path, body] of tries) {
			for (const mode of ["cors", "no-cors"] as const) {
				await page.evaluate(
					async ([address, how, data, m]) => {
						try {
							await fetch(address as string, {
								method: how,
								body: data,
								mode: m as RequestMode,
								headers: { "Content-Type": "text/plain" },
							});
						} catch {
							// what is refused by the browser never arrived
						}
					},
					[weft.url + path, method, body, mode] as const,
				);
			}
		}
		await stillThere();
		const kept = (await (await fetch(`${weft.url}api/v1/traces/${id}/card`)).json()) as { kept?: unknown };
		expect(kept.kept).toBeUndefined();
		expect(await weft.run("token", "list", "-o", "json")).not.toContain("wft_");
	});

	test("posts no form", async () => {
		for (const path of ["api/v1/tokens", "api/v1/session", "v1/traces"]) {
			const tab = await browser.newPage();
			await tab.goto(origin);
			const [response] = await Promise.all([
				tab.waitForResponse((r) => r.url() === weft.url + path),
				tab.evaluate((address) => {
					const form = document.createElement("form");
					form.method = "post";
					form.enctype = "text/plain";
					form.action = address;
					const field = document.createElement("input");
					field.name = '{"scopes":["admin"],"x":"';
					field.value = '"}';
					form.append(field);
					document.body.append(form);
					form.submit();
				}, weft.url + path),
			]);
			expect(response.status(), path).toBeGreaterThanOrEqual(400);
			await tab.close();
		}
		expect(await weft.run("token", "list", "-o", "json")).not.toContain("wft_");
	});

	test("under a rebound name gets no data and no page", async () => {
		const rebound = weft.url.replace("127.0.0.1", "evil.example");
		for (const path of ["", "search", "api/v1/search", `api/v1/traces/${id}`]) {
			const tab = await browser.newPage();
			const response = await tab.goto(rebound + path);
			expect(response?.status(), path).toBe(403);
			expect(await tab.content(), path).not.toContain("POST /pay");
			await tab.close();
		}
	});

	test("frames no page of ours", async () => {
		await page.goto(origin);
		const framed = await page.evaluate(async (address) => {
			const frame = document.createElement("iframe");
			frame.src = address;
			document.body.append(frame);
			await new Promise((done) => frame.addEventListener("load", done, { once: true }));
			return frame.contentDocument === null;
		}, weft.url);
		expect(framed).toBe(true);
		expect(
			page
				.frames()
				.some(
					(f) =>
						f !== page.mainFrame() &&
						f.url().startsWith(weft.url) &&
						f.url() !== "chrome-error://chromewebdata/",
				),
		).toBe(false);
	});
});
