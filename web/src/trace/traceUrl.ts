import type { TraceState } from "../paths";

/** What the trace page shows, as its URL says it. Everything has a default that is not written. */
export interface PageState {
	/** Name of the chosen span (timeline/decode.ts, rowName). */
	span?: string;
	view: "waterfall" | "flame";
	/** Rows that are not as a trace opens (timeline/model.ts, foldCode). */
	fold: string;
	/** What the axis shows, in nanoseconds since 1970: it stays true when earlier spans arrive late. */
	zoom?: { from: bigint; to: bigint };
	clock: "raw" | "corrected";
	/** Quiet stretches of the axis are shrunk. */
	short: boolean;
	/** The critical path is drawn. */
	path: boolean;
	/** When the trace began, RFC 3339: for the page that must say it is gone. */
	at?: string;
}

export function readState(params: Record<string, string | undefined>): PageState {
	const [from, to] = (/^(-?\d{1,20})-(-?\d{1,20})$/.exec(params.zoom ?? "") ?? []).slice(1).map(BigInt);
	const [, id, nth] = /^([0-9a-f]{1,16})(\.\d{1,6})?$/.exec(params.span?.toLowerCase() ?? "") ?? [];
	return {
		span: id && id.padStart(16, "0") + (nth ?? ""),
		view: params.view === "flame" ? "flame" : "waterfall",
		fold: params.fold ?? "",
		zoom: from !== undefined && to !== undefined && from < to ? { from, to } : undefined,
		clock: params.clock === "corrected" ? "corrected" : "raw",
		short: params.quiet === "short",
		path: params.path !== "off",
		at: params.at && !Number.isNaN(Date.parse(params.at)) ? params.at : undefined,
	};
}

export function writeState(s: PageState): TraceState {
	return {
		span: s.span,
		view: s.view === "flame" ? "flame" : undefined,
		fold: s.fold || undefined,
		zoom: s.zoom && `${s.zoom.from}-${s.zoom.to}`,
		clock: s.clock === "corrected" ? "corrected" : undefined,
		quiet: s.short ? "short" : undefined,
		path: s.path ? undefined : "off",
		at: s.at,
	};
}
