import { afterEach, expect, test, vi } from "vitest";
import { ApiError, apiPath, call } from "./client";

afterEach(() => vi.unstubAllGlobals());

function answer(response: () => Response | Promise<Response>) {
	const fetched = vi.fn(async (_input: string, _init?: RequestInit) => response());
	vi.stubGlobal("fetch", fetched);
	return fetched;
}

const problemOf = (promise: Promise<unknown>) =>
	promise.then(
		() => {
			throw new Error("it answered");
		},
		(error: unknown) => {
			if (!(error instanceof ApiError)) throw error;
			return error;
		},
	);

// What an id or a query holds is one segment or one value, never more path.
test("addresses", () => {
	expect(apiPath("/traces/{id}/spans/{span_id}", { id: "../a?b", span_id: "1/2" })).toBe(
		"/api/v1/traces/..%2Fa%3Fb/spans/1%2F2",
	);
	expect(apiPath("/search", {}, { q: "a=1&b", page: undefined, limit: 50, preview: true, start: "" })).toBe(
		"/api/v1/search?q=a%3D1%26b&limit=50&preview=true",
	);
});

test("a call sends what it is given, under the base path", async () => {
	const fetched = answer(() => Response.json({ signed_in: true, required: true, scopes: [] }));
	const session = await call("post", "/session", { body: { token: "wft_x" } });
	expect(session.signed_in).toBe(true);
	const [path, init] = fetched.mock.calls[0] ?? [];
	expect(path).toBe("/api/v1/session");
	expect(init).toMatchObject({ method: "POST", body: '{"token":"wft_x"}', credentials: "same-origin" });
	answer(() => new Response(null, { status: 204 }));
	expect(await call("delete", "/session")).toBeUndefined();
});

test("a no carries what the server said", async () => {
	answer(() =>
		Response.json(
			{ type: "t", title: "Too many", status: 429, code: "too_many", id: "01J", detail: "8 queries run" },
			{ status: 429, headers: { "Content-Type": "application/problem+json", "Retry-After": "3" } },
		),
	);
	const error = await problemOf(call("get", "/status"));
	expect(error.problem).toMatchObject({ code: "too_many", id: "01J" });
	expect(error.retryAfter).toBe(3);
	expect(error.message).toBe("8 queries run");
});

test("a no of a proxy, a page of HTML, half a document: all are problems", async () => {
	answer(
		() =>
			new Response("<h1>Bad Gateway</h1>", {
				status: 502,
				statusText: "Bad Gateway",
				headers: { "Content-Type": "text/html" },
			}),
	);
	expect((await problemOf(call("get", "/status"))).problem).toMatchObject({
		status: 502,
		title: "The server answered 502 Bad Gateway",
		code: "http",
	});
	answer(() => new Response('{"title":', { status: 500, headers: { "Content-Type": "application/json" } }));
	expect((await problemOf(call("get", "/status"))).problem.status).toBe(500);
});

test("no server is a problem, a cancelled call is none", async () => {
	answer(() => Promise.reject(new TypeError("fetch failed")));
	expect((await problemOf(call("get", "/status"))).problem.code).toBe("offline");
	const controller = new AbortController();
	controller.abort();
	await expect(call("get", "/status", { signal: controller.signal })).rejects.toBeInstanceOf(TypeError);
});
