import { defineConfig } from "vitest/config";

export default defineConfig({
	test: {
		// A machine that is busy elsewhere may miss a wait once; a fault fails twice.
		retry: process.env.CI ? 1 : 0,
		include: ["e2e/**/*.test.ts"],
		environment: "node",
		// One browser, one server, one file after the other: the machine is small.
		fileParallelism: false,
		testTimeout: 60_000,
		hookTimeout: 120_000,
	},
});
