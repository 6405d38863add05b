import { randomBytes } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { type MockState, mockHandler } from "../mock/handler.ts";

/** The build under test; WEFT_WEB_DIST names another than dist. */
const dist = process.env.WEFT_WEB_DIST ?? fileURLToPath(new URL("../dist", import.meta.url));

const types: Record<string, string> = {
	".js": "text/javascript",
	".css": "text/css",
	".svg": "image/svg+xml",
	".html": "text/html; charset=utf-8",
};

/** The policy of internal/server/page. */
export function policy(nonce: string): string {
	return [
		"default-src 'none'",
		`script-src 'self' 'nonce-${nonce}'`,
		`style-src 'self' 'nonce-${nonce}'`,
		"img-src 'self' data: blob:",
		"font-src 'self'",
		"connect-src 'self'",
		"worker-src 'self'",
		"manifest-src 'self'",
		"base-uri 'self'",
		"form-action 'self'",
		"frame-ancestors 'none'",
		"object-src 'none'",
		"require-trusted-types-for 'script'",
	].join("; ");
}

/**
 * The build with the mock behind it, served as README.md asks the server to: under a
 * prefix, with the base path and a fresh nonce written into the page, and the strict policy.
 */
export async function serveMock(
	state: MockState,
	prefix = "/",
): Promise<{ url: string; close: () => Promise<void> }> {
	if (!existsSync(join(dist, "index.html"))) throw new Error("web/dist is not built: npm run build");
	const api = mockHandler(state);
	const server: Server = createServer((request, response) => {
		const { pathname } = new URL(request.url ?? "/", "http://mock");
		if (!pathname.startsWith(prefix)) {
			response.writeHead(404).end();
			return;
		}
		api(request, response, () => {
			const file = join(dist, normalize(pathname.slice(prefix.length)));
			const type = types[extname(file)];
			if (type && existsSync(file)) {
				response.writeHead(200, { "Content-Type": type });
				response.end(readFileSync(file));
				return;
			}
			const nonce = randomBytes(16).toString("base64url");
			response.writeHead(200, {
				"Content-Type": "text/html; charset=utf-8",
				"Content-Security-Policy": policy(nonce),
			});
			response.end(
				readFileSync(join(dist, "index.html"), "utf8")
					.replace('<base href="./">', `<base href="${prefix}">`)
					.replaceAll("__CSP_NONCE__", nonce),
			);
		});
	});
	await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
	const { port } = server.address() as AddressInfo;
	return {
		url: `http://127.0.0.1:${port}${prefix}`,
		close: () =>
			new Promise((done) => {
				server.closeAllConnections();
				server.close(() => done());
			}),
	};
}
