// Text can be read and marks can be seen, in both themes: contrasts by WCAG, computed from the
// tokens themselves, so that a changed colour is judged before anyone sees it.
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { serviceHues } from "../lib/serviceColor";

const css = readFileSync(`${import.meta.dirname}/tokens.css`, "utf8");

type Theme = "light" | "dark";

/** The OKLCH value of a token. */
function token(name: string, theme: Theme): [l: number, c: number, h: number] {
	const pair = new RegExp(
		`--${name}:\\s*light-dark\\(\\s*oklch\\(([^)]*)\\),\\s*oklch\\(([^)]*)\\)\\s*\\)`,
	).exec(css);
	const text = pair?.[theme === "light" ? 1 : 2];
	if (!text) throw new Error(`no token --${name} with two colours`);
	const [l = 0, c = 0, h = 0] = text.split(/[\s/]+/).map(Number);
	return [l, c, h];
}

/** Relative luminance, of the colour as an sRGB screen shows it. */
function luminance([l, c, h]: [number, number, number]): number {
	const a = c * Math.cos((h * Math.PI) / 180);
	const b = c * Math.sin((h * Math.PI) / 180);
	const L = (l + 0.3963377774 * a + 0.2158037573 * b) ** 3;
	const M = (l - 0.1055613458 * a - 0.0638541728 * b) ** 3;
	const S = (l - 0.0894841775 * a - 1.291485548 * b) ** 3;
	const linear = [
		4.0767416621 * L - 3.3077115913 * M + 0.2309699292 * S,
		-1.2684380046 * L + 2.6097574011 * M - 0.3413193965 * S,
		-0.0041960863 * L - 0.7034186147 * M + 1.707614701 * S,
	].map((x) => Math.min(1, Math.max(0, x)));
	const [red = 0, green = 0, blue = 0] = linear;
	return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(a: string, b: string, theme: Theme): number {
	const [high = 0, low = 0] = [luminance(token(a, theme)), luminance(token(b, theme))].sort((x, y) => y - x);
	return (high + 0.05) / (low + 0.05);
}

const themes: Theme[] = ["light", "dark"];
const surfaces = ["bg", "bg-sunken", "bg-raised", "bg-hover"];

test.each(themes)("%s: body text AAA, the rest AA", (theme) => {
	const f = (text: string, on: string, least: number) =>
		expect(contrast(text, on, theme), `${text} on ${on}`).toBeGreaterThanOrEqual(least);
	for (const on of surfaces) {
		f("text", on, 7);
		f("text-muted", on, 7);
		for (const text of ["text-faint", "accent", "error", "warn", "ok"]) f(text, on, 4.5);
	}
	for (const on of ["bg-selected", "bg-active"]) {
		f("text", on, 7);
		f("text-muted", on, 4.5);
	}
	f("accent-strong", "accent-soft", 4.5);
	f("text-muted", "accent-soft", 4.5);
	f("error", "error-soft", 4.5);
	f("warn", "warn-soft", 4.5);
	f("text", "error-soft", 7);
	f("text", "warn-soft", 7);
	f("text-on-accent", "accent", 4.5);
	f("text-on-accent", "accent-strong", 4.5);
});

test.each(themes)("%s: marks stand out from the page", (theme) => {
	for (const mark of [
		"line-strong",
		"error-fill",
		"focus",
		...Array.from({ length: serviceHues }, (_, i) => `svc-${i}`),
	]) {
		const name = mark === "focus" ? "accent" : mark;
		expect(contrast(name, "bg", theme), mark).toBeGreaterThanOrEqual(3);
	}
});

test.each(themes)("%s: services have one lightness and chroma, and no hue near that of failure", (theme) => {
	const colors = Array.from({ length: serviceHues }, (_, i) => token(`svc-${i}`, theme));
	expect(new Set(colors.map(([l, c]) => `${l} ${c}`)).size).toBe(1);
	expect(new Set(colors.map(([, , h]) => h)).size).toBe(serviceHues);
	const failure = token("error-fill", theme)[2];
	for (const [, , h] of colors)
		expect(Math.min(Math.abs(h - failure), 360 - Math.abs(h - failure))).toBeGreaterThan(20);
});
