import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, gzipSync, constants as z } from "node:zlib";
import type { Plugin } from "vite";

/** Below this many bytes a compressed copy costs more than it saves. */
const smallestBytes = 1024;

/**
 * Clears dist before a build, keeping .gitkeep, and writes a .br and a .gz beside every
 * asset, so that the server compresses nothing.
 */
export function compressAssets(): Plugin {
	let dir = "";
	return {
		name: "weft-compress-assets",
		apply: "build",
		configResolved: (config) => {
			dir = join(config.root, config.build.outDir);
		},
		buildStart: () => {
			if (!existsSync(dir)) return;
			for (const name of readdirSync(dir)) {
				if (name !== ".gitkeep") rmSync(join(dir, name), { recursive: true });
			}
		},
		closeBundle: () => {
			const assets = join(dir, "assets");
			if (!existsSync(assets)) return; // the build did not get that far
			for (const name of readdirSync(assets)) {
				const path = join(assets, name);
				const bytes = readFileSync(path);
				if (bytes.length < smallestBytes) continue;
				writeFileSync(`${path}.gz`, gzipSync(bytes, { level: 9 }));
				writeFileSync(`${path}.br`, brotliCompressSync(bytes, { params: { [z.BROTLI_PARAM_QUALITY]: 11 } }));
			}
		},
	};
}
