import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";
import { mockApi } from "./mock/plugin.ts";
import { compressAssets } from "./scripts/compress.ts";

/** In development nobody fills in <base>, and the page lives at the root. */
function devBase(): Plugin {
	return {
		name: "weft-dev-base",
		apply: "serve",
		transformIndexHtml: (html) => html.replace('<base href="./">', '<base href="/">'),
	};
}

export default defineConfig(({ mode }) => ({
	// Relative, so that the same build works under any path prefix: <base> decides.
	base: "./",
	html: { cspNonce: "__CSP_NONCE__" },
	plugins: [react(), devBase(), compressAssets(), ...(mode === "mock" ? [mockApi()] : [])],
	build: {
		target: "es2023",
		outDir: "dist",
		emptyOutDir: false, // dist/.gitkeep stays; scripts/compress.ts clears the rest
		assetsInlineLimit: 0,
		modulePreload: { polyfill: false },
		reportCompressedSize: false,
	},
	server: {
		port: 5180,
		proxy: mode === "mock" ? undefined : { "/api": process.env.WEFT_SERVER ?? "http://127.0.0.1:8800" },
	},
}));
