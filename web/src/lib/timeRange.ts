/**
 * The time range of all pages. In the URL it is either last=1h, which moves with the clock,
 * or start and end as RFC 3339, which is what a copied link carries.
 */
export type TimeRange = { last: string } | { start: number; end: number };

/** Milliseconds since 1970, end excluded. */
export interface Window {
	start: number;
	end: number;
}

export const defaultRange: TimeRange = { last: "1h" };

/** What the menu offers. */
export const presets: readonly { last: string; label: string }[] = [
	{ last: "5m", label: "last 5 min" },
	{ last: "15m", label: "last 15 min" },
	{ last: "1h", label: "last 1 h" },
	{ last: "6h", label: "last 6 h" },
	{ last: "24h", label: "last 24 h" },
	{ last: "3d", label: "last 3 d" },
	{ last: "7d", label: "last 7 d" },
	{ last: "30d", label: "last 30 d" },
];

const units: Record<string, number> = { s: 1e3, m: 60e3, h: 3_600e3, d: 86_400e3, w: 604_800e3 };

/** Milliseconds of 90s, 15m, 1h, 7d; undefined for anything else. */
export function parseLast(text: string): number | undefined {
	const m = /^(\d{1,6})\s*(s|m|min|h|d|w)$/.exec(text.trim().toLowerCase());
	const unit = units[m?.[2] === "min" ? "m" : (m?.[2] ?? "")];
	const n = Number(m?.[1]);
	return unit !== undefined && n > 0 ? n * unit : undefined;
}

/** Milliseconds of RFC 3339, of 2026-01-31 14:59 in the zone given, or of Unix seconds. */
export function parseTime(text: string, zone: "local" | "utc"): number | undefined {
	const t = text.trim();
	if (/^\d{9,11}(\.\d+)?$/.test(t)) return Math.round(Number(t) * 1000);
	const m = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d+)?)?)\s*(Z|[+-]\d\d:?\d\d)?)?$/i.exec(t);
	if (!m) return undefined;
	const offset = m[3] ?? (zone === "utc" ? "Z" : "");
	const ms = Date.parse(`${m[1]}T${m[2] ?? "00:00"}${offset}`);
	return Number.isNaN(ms) ? undefined : ms;
}

/** The range that URL parameters mean; the default where they make no sense. */
export function rangeFromUrl(params: { last?: string; start?: string; end?: string }): TimeRange {
	const start = params.start ? parseTime(params.start, "utc") : undefined;
	const end = params.end ? parseTime(params.end, "utc") : undefined;
	if (start !== undefined && end !== undefined && start < end) return { start, end };
	if (params.last && parseLast(params.last) !== undefined) return { last: params.last };
	return defaultRange;
}

/** The URL parameters of a range. The default is not written. */
export function rangeToUrl(range: TimeRange): { last?: string; start?: string; end?: string } {
	if ("last" in range)
		return "last" in defaultRange && range.last === defaultRange.last ? {} : { last: range.last };
	return { start: new Date(range.start).toISOString(), end: new Date(range.end).toISOString() };
}

/** The window that a range means at the time now. */
export function resolveRange(range: TimeRange, now: number): Window {
	if (!("last" in range)) return { start: range.start, end: range.end };
	return { start: now - (parseLast(range.last) ?? 3_600e3), end: now };
}

/** The next larger thing to try when nothing was found; undefined where there is none. */
export function widen(range: TimeRange): TimeRange | undefined {
	if (!("last" in range)) {
		const length = range.end - range.start;
		return { start: range.start - length * 2, end: range.end + length * 2 };
	}
	const length = parseLast(range.last) ?? 0;
	const next = presets.find((p) => (parseLast(p.last) ?? 0) >= length * 4);
	return next && { last: next.last };
}
