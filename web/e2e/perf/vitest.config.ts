import { defineConfig } from "vitest/config";

/** npm run perf: measures, and writes docs/perf/web.md. It fails on what is broken, never on what is slow. */
export default defineConfig({
	root: new URL("../..", import.meta.url).pathname,
	test: {
		include: ["e2e/perf/*.perf.ts"],
		environment: "node",
		fileParallelism: false,
		testTimeout: 300_000,
		hookTimeout: 120_000,
	},
});
