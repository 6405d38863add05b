import type { Plugin } from "vite";
import { mockHandler } from "./handler.ts";

/** Serves the API from fixtures, so that the app runs without a server: npm run mock. */
export function mockApi(): Plugin {
	return {
		name: "weft-mock-api",
		configureServer: (server) => {
			server.middlewares.use(mockHandler());
		},
	};
}
