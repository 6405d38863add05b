import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

export default defineConfig({
	plugins: [react()],
	test: {
		include: ["src/**/*.test.{ts,tsx}", "mock/**/*.test.ts", "scripts/**/*.test.ts"],
		environment: "happy-dom",
		setupFiles: ["src/test/setup.ts"],
		restoreMocks: true,
	},
});
