// What a browser loads before the first page shows: index.html and what it names, gzipped.
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";

const dist = fileURLToPath(new URL("../dist/", import.meta.url));
const budgetBytes = 220_000;

test(`the first load is at most ${budgetBytes / 1000} kB`, () => {
	const html = readFileSync(`${dist}index.html`, "utf8");
	const named = [...html.matchAll(/(?:src|href)="\.\/(assets\/[^"]+)"/g)].map((m) => m[1] ?? "");
	expect(named.some((name) => name.endsWith(".js"))).toBe(true);
	expect(named.some((name) => name.endsWith(".css"))).toBe(true);
	const sizes = ["index.html", ...named].map((name) => ({
		name,
		bytes: gzipSync(readFileSync(dist + name), { level: 9 }).length,
	}));
	const total = sizes.reduce((sum, s) => sum + s.bytes, 0);
	expect(total, JSON.stringify(sizes)).toBeLessThanOrEqual(budgetBytes);
});

test("what can be compressed is, and names have a hash", () => {
	const names = readdirSync(`${dist}assets`);
	for (const name of names.filter((n) => /\.(js|css)$/.test(n))) {
		expect(name).toMatch(/-[\w-]{8}\.(js|css)$/);
		if (readFileSync(`${dist}assets/${name}`).length >= 1024) {
			expect(names).toContain(`${name}.gz`);
			expect(names).toContain(`${name}.br`);
		}
	}
});
