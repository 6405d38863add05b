import { expect, test } from "vitest";
import { files, paths } from "./paths";

// Links are kept in chats and tickets for years: a change here breaks them, and needs a redirect.
test("every link", () => {
	const id = "5b8efff798038103d269b633813fc60c";
	const day = { start: Date.UTC(2026, 0, 31, 14), end: Date.UTC(2026, 0, 31, 15) };
	expect([
		paths.home(),
		paths.search(),
		paths.search({ q: 'service=payment status="error"', range: { last: "15m" } }),
		paths.search({ q: "{ span.n > 1 && name =~ `a+b` }", range: day, order: "duration" }),
		paths.search({ range: { last: "1h" }, order: "newest" }),
		paths.trace(id),
		paths.trace(id, { span: "eee19b7ec3c1b174", view: "flame" }),
		paths.trace("../x"),
		paths.send(),
		files.traceDownload(id, "json"),
		files.openapi(),
	]).toMatchInlineSnapshot(`
		[
		  "/",
		  "/search",
		  "/search?q=service%3Dpayment+status%3D%22error%22&last=15m",
		  "/search?q=%7B+span.n+%3E+1+%26%26+name+%3D%7E+%60a%2Bb%60+%7D&start=2026-01-31T14%3A00%3A00.000Z&end=2026-01-31T15%3A00%3A00.000Z&order=duration",
		  "/search",
		  "/trace/5b8efff798038103d269b633813fc60c",
		  "/trace/5b8efff798038103d269b633813fc60c?span=eee19b7ec3c1b174&view=flame",
		  "/trace/..%2Fx",
		  "/send",
		  "/api/v1/traces/5b8efff798038103d269b633813fc60c?format=json&download=true",
		  "/api/v1/openapi.yaml",
		]
	`);
});
