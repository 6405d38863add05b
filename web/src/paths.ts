/**
 * All links of the app. A path begins with / and is relative to the base path; ui/Link and
 * useGo put that in front. The URL is the state: what a page shows can be read from it.
 */
import { rangeToUrl, type TimeRange } from "./lib/timeRange";

export interface SearchState {
	/** Text of the search box: TraceQL or its shorthand. */
	q?: string;
	range?: TimeRange;
	order?: "newest" | "duration";
}

/** What a link to a trace can say; the trace page gives the words their meaning. */
export interface TraceState {
	span?: string;
	view?: string;
	/** Every other parameter of the trace page, as it reads it. */
	[parameter: string]: string | undefined;
}

function withQuery(path: string, params: Record<string, string | undefined>): string {
	const query = new URLSearchParams();
	for (const [name, value] of Object.entries(params)) {
		if (value) query.set(name, value);
	}
	const text = query.toString();
	return text ? `${path}?${text}` : path;
}

export const paths = {
	home: () => "/",
	search: ({ q, range, order }: SearchState = {}) =>
		withQuery("/search", {
			q,
			...(range && rangeToUrl(range)),
			order: order === "newest" ? undefined : order,
		}),
	trace: (traceId: string, state: TraceState = {}) =>
		withQuery(`/trace/${encodeURIComponent(traceId)}`, state),
	/** How to send spans here. */
	send: () => "/send",
};

/** Addresses of the API that a browser opens by itself, relative to the base path. */
export const files = {
	traceDownload: (traceId: string, format: "json" | "protobuf" | "jaeger") =>
		withQuery(`/api/v1/traces/${encodeURIComponent(traceId)}`, { format, download: "true" }),
	openapi: () => "/api/v1/openapi.yaml",
};
