// Imports go one way: lib ← ui ← api ← frame and features ← routes. What every link, colour
// and helper is worth depends on it.
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { expect, test } from "vitest";

const src = import.meta.dirname;

/** The folders each folder may import from, itself included; . is the files of src itself. */
const may: Record<string, readonly string[]> = {
	lib: ["lib"],
	timeline: ["timeline", "lib"],
	ui: ["ui", "lib"],
	api: ["api", "lib"],
	frame: ["frame", "ui", "api", "lib", "paths", "access"],
	access: ["access", "ui", "api", "lib", "paths"],
	search: ["search", "ui", "api", "lib", "paths", "frame", "welcome"],
	welcome: ["welcome", "ui", "api", "lib", "paths", "frame"],
	trace: ["trace", "timeline", "ui", "api", "lib", "paths", "frame"],
};

function sources(dir: string): string[] {
	return readdirSync(dir, { withFileTypes: true }).flatMap((entry) => {
		const path = join(dir, entry.name);
		if (entry.isDirectory()) return sources(path);
		return /\.tsx?$/.test(entry.name) && !/\.test\.tsx?$/.test(entry.name) ? [path] : [];
	});
}

test("imports go down the layers only", () => {
	const wrong: string[] = [];
	const files = sources(src);
	for (const file of files) {
		const layer = relative(src, file).split("/")[0] ?? "";
		const allowed = may[layer];
		if (!allowed) continue; // main, routes and paths stand above or beside
		for (const [, from] of readFileSync(file, "utf8").matchAll(/(?:from|import)\s*\(?\s*"(\.[^"]+)"/g)) {
			const target = relative(src, resolve(dirname(file), from ?? "")).split("/")[0] ?? "";
			if (!allowed.includes(target.replace(/\.(tsx?|css)$/, "")))
				wrong.push(`${relative(src, file)} must not import ${target}`);
		}
	}
	expect(files.length).toBeGreaterThan(40);
	expect(wrong).toEqual([]);
});

test("nothing sets HTML or runs text", () => {
	for (const file of sources(src)) {
		expect(readFileSync(file, "utf8"), relative(src, file)).not.toMatch(
			/dangerouslySetInnerHTML|\.innerHTML|\.outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function\(/,
		);
	}
});
