import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { AxeBuilder } from "@axe-core/playwright";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";

const shots = fileURLToPath(new URL("shots/", import.meta.url));

export const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";

export const browserArgs = [
	"--headless",
	"--no-sandbox",
	"--disable-gpu",
	"--disable-quic",
	"--no-first-run",
	"--disable-background-networking",
	"--disable-component-update",
	"--disable-sync",
];

export function launch(): Promise<Browser> {
	return chromium.launch({ executablePath, args: browserArgs });
}

export interface Looks {
	width: number;
	height: number;
	theme: "light" | "dark";
}

export const everyLook: readonly Looks[] = [
	{ width: 1280, height: 800, theme: "light" },
	{ width: 1280, height: 800, theme: "dark" },
	{ width: 390, height: 844, theme: "light" },
	{ width: 390, height: 844, theme: "dark" },
];

/** A page that records what must never happen: errors, and breaches of the policy. */
export async function openPage(
	browser: Browser,
	look: Looks,
): Promise<{ page: Page; context: BrowserContext; wrong: string[] }> {
	const context = await browser.newContext({
		viewport: { width: look.width, height: look.height },
		colorScheme: look.theme,
		reducedMotion: "reduce",
		hasTouch: look.width < 700,
		isMobile: look.width < 700,
		timezoneId: "Asia/Seoul",
		permissions: ["clipboard-read", "clipboard-write"],
	});
	const page = await context.newPage();
	const wrong: string[] = [];
	page.on("pageerror", (error) => wrong.push(`page error: ${error.message}`));
	page.on("console", (message) => {
		const text = message.text();
		// An answer that says no is logged by the browser; the pages under test ask for those.
		if (message.type() === "error" && !text.startsWith("Failed to load resource"))
			wrong.push(`console: ${text}`);
	});
	return { page, context, wrong };
}

/** A picture for people to look at: e2e/shots/NAME-THEME-WIDTH.png. */
export async function shoot(page: Page, name: string, look: Looks): Promise<void> {
	mkdirSync(shots, { recursive: true });
	await page.screenshot({ path: `${shots}${name}-${look.theme}-${look.width}.png` });
}

/** What axe finds, as sentences. */
export async function accessibility(page: Page): Promise<string[]> {
	const { violations } = await new AxeBuilder({ page }).analyze();
	return violations.map((v) => `${v.id}: ${v.help}: ${v.nodes.map((n) => n.html.slice(0, 160)).join(" | ")}`);
}
