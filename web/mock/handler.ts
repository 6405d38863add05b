import { existsSync, readFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { fileURLToPath } from "node:url";
import type { components } from "../src/api/schema.gen.ts";
import { complete, heatmap, refused, services, status, traces } from "./data.ts";
import { mockTrace } from "./traces.ts";

type Schemas = components["schemas"];

/** What a test can ask of the mock, to see a page in that state. */
export interface MockState {
	waiting?: boolean;
	signIn?: boolean;
	empty?: boolean;
	/** Answer the search with this limit's name. */
	partial?: string;
	/** Answer these paths (/search) with this problem. */
	problems?: Record<string, Schemas["Problem"]>;
	/** Leave these paths without an answer. */
	hang?: string[];
	/** New traces a second on the tail. */
	tailPerSecond?: number;
}

const goldens = fileURLToPath(new URL("../../internal/server/api/testdata/", import.meta.url));

/** A golden answer that the server's tests hold. */
function golden(name: string): unknown {
	const path = `${goldens}${name}.json`;
	return existsSync(path) ? JSON.parse(readFileSync(path, "utf8")) : undefined;
}

/** Serves /api/v1 from data.ts and the goldens. State is read at every request. */
export function mockHandler(state: MockState = {}, now: () => number = Date.now) {
	const begun = now();
	const all = traces(begun, 2_400);
	let signedIn = false;

	return (request: IncomingMessage, response: ServerResponse, next: () => void) => {
		const url = new URL(request.url ?? "/", "http://mock");
		const at = url.pathname.indexOf("/api/v1/");
		if (at < 0) return next();
		const path = url.pathname.slice(at + "/api/v1".length);
		const param = (name: string) => url.searchParams.get(name) ?? "";
		const send = (body: unknown, code = 200) => {
			response.writeHead(code, {
				"Content-Type": code < 400 ? "application/json" : "application/problem+json",
			});
			response.end(JSON.stringify(body));
		};
		if (state.hang?.includes(path)) return;
		const problem = state.problems?.[path];
		if (problem) return send(problem, problem.status);
		if (state.signIn && !signedIn && path !== "/session")
			return send(
				{ type: "about:blank", title: "Unauthorized", status: 401, code: "unauthorized", id: "m1" },
				401,
			);

		const start = Date.parse(param("start"));
		const end = Date.parse(param("end"));
		const inWindow = () =>
			state.empty
				? []
				: all.filter((row) => {
						const ms = Number(row.start_unix_nano.slice(0, -6));
						return ms >= start && ms < end && matches(row, param("q"));
					});
		switch (path) {
			case "/status":
				return send(status(now(), state.waiting ?? false));
			case "/refused":
				return send({
					refused: state.waiting
						? refused.map((r, i) => ({ ...r, time_unix_nano: `${now() - 4_000 - i * 21_000}000000` }))
						: [],
				});
			case "/session":
				if (request.method === "POST") signedIn = true;
				if (request.method === "DELETE") signedIn = false;
				return send({
					signed_in: signedIn,
					required: state.signIn ?? false,
					tenant: "default",
					scopes: ["read"],
					name: "laptop",
				});
			case "/services":
				return send({ services: services.filter((s) => s.name.startsWith(param("prefix"))) });
			case "/complete":
				return send(complete(param("q"), Number(param("pos") || param("q").length)));
			case "/heatmap":
				return send(heatmap(inWindow(), start, end, Number(param("columns") || 120)));
			case "/search": {
				const rows = inWindow();
				if (param("order") === "duration") rows.sort((a, b) => Number(b.duration_ns) - Number(a.duration_ns));
				const from = Number(param("page") || 0);
				const to = from + Number(param("limit") || 20);
				return send({
					traces: rows.slice(from, to),
					...(to < rows.length && { next_page: String(to) }),
					...(state.partial && { partial: state.partial }),
					stats: { elapsed_ns: "4210000", rows: Math.min(rows.length, to) - from },
				});
			}
			case "/tail":
				return tail(request, response, state, now);
		}
		const trace = path.startsWith("/traces/") ? mockTrace(path.slice(8), url.searchParams) : undefined;
		if (trace) {
			response.writeHead(200, { "Content-Type": trace.type });
			response.end(typeof trace.body === "string" ? trace.body : Buffer.from(trace.body));
			return;
		}
		if (/^\/traces\/[0-9a-f]+\/card$/.test(path)) {
			const card = golden("card");
			if (card) return send(card);
		}
		send(
			{
				type: "about:blank",
				title: "Not found",
				status: 404,
				code: "not_found",
				detail: `the mock has no ${path}`,
				id: "m2",
			},
			404,
		);
	};
}

/** service=x, status=error and words of the name; anything else matches. */
function matches(row: Schemas["TraceRow"], q: string): boolean {
	for (const [, key, value] of q.matchAll(/(\w+)="?([^\s"]+)"?/g)) {
		if (key === "service" && !row.services?.some((s) => s.name === value)) return false;
		if (key === "status" && value === "error" && row.errors === 0) return false;
	}
	for (const [, op, n, unit] of q.matchAll(/traceDuration\s*(>=|<)\s*([\d.]+)(ns|us|ms|s)/g)) {
		const bound = Number(n) * ({ ns: 1, us: 1e3, ms: 1e6, s: 1e9 }[unit ?? "ns"] ?? 1);
		if (op === "<" ? Number(row.duration_ns) >= bound : Number(row.duration_ns) < bound) return false;
	}
	return true;
}

function tail(request: IncomingMessage, response: ServerResponse, state: MockState, now: () => number) {
	response.writeHead(200, { "Content-Type": "text/event-stream" });
	response.write(": here\n\n");
	const every = 1000 / (state.tailPerSecond ?? 1.5);
	const timer = setInterval(() => {
		const ms = now();
		const [row] = traces(ms + (ms % 9_973), 1);
		if (!row) return;
		const { services: _s, miniature: _m, error_path: _p, error_message: _e, ...bare } = row;
		const id = ms.toString(16).padStart(32, "0");
		response.write(
			`id: ${ms}\nevent: trace\ndata: ${JSON.stringify({ ...bare, trace_id: id, start_unix_nano: `${ms}000000` })}\n\n`,
		);
	}, every);
	request.on("close", () => clearInterval(timer));
}
