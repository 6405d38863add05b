/**
 * Numbers as people read them: a unit, at most three significant digits, a thin structure
 * (1.24 s, 38 ms, 12.3 k). Nanoseconds come as decimal strings or bigint, because a
 * JavaScript number cannot hold nanoseconds since 1970.
 */
export type Nanos = string | bigint | number;

const space = "\u00a0"; // a number and its unit stay on one line

/** At most three significant digits, without trailing zeros: 1.24, 38, 310. */
export function threeDigits(value: number): string {
	if (!Number.isFinite(value)) return "–";
	const abs = Math.abs(value);
	if (abs >= 999.5) return Math.round(value).toString();
	return Number(value.toPrecision(3)).toString();
}

const shortUnits: readonly [unit: string, ns: number][] = [
	["s", 1e9],
	["ms", 1e6],
	["µs", 1e3],
	["ns", 1],
];

const longUnits: readonly [unit: string, s: number][] = [
	["d", 86_400],
	["h", 3_600],
	["min", 60],
	["s", 1],
];

/** A duration in a column: always three digits, so that the points stand below each other: 1.10 s. */
export function durationColumn(nanos: Nanos): string {
	return formatDuration(nanos, fixedDigits);
}

function fixedDigits(value: number): string {
	return value >= 999.5 ? Math.round(value).toString() : value.toPrecision(3);
}

/** A duration: 1.24 s, 38 ms, 2 min 5 s, 3 d 4 h. */
export function formatDuration(nanos: Nanos, digits: (value: number) => string = threeDigits): string {
	const ns = Number(nanos);
	if (!Number.isFinite(ns)) return "–";
	if (ns < 0) return `−${formatDuration(-ns, digits)}`;
	if (ns === 0) return `0${space}s`;
	if (ns < 59.95e9) {
		for (const [unit, size] of shortUnits) {
			// 999.6 ms is 1 s, not 1000 ms.
			if (size === 1) return `${threeDigits(ns)}${space}${unit}`; // there is nothing below it
			if (ns >= size * 0.9995) return `${digits(ns / size)}${space}${unit}`;
		}
	}
	let seconds = Math.round(ns / 1e9);
	if (seconds >= 86_400) seconds = Math.round(seconds / 3_600) * 3_600;
	else if (seconds >= 3_600) seconds = Math.round(seconds / 60) * 60;
	const parts: string[] = [];
	for (const [unit, size] of longUnits) {
		const n = Math.floor(seconds / size);
		if (n > 0) parts.push(`${n}${space}${unit}`);
		else if (parts.length > 0) break;
		seconds -= n * size;
		if (parts.length === 2) break;
	}
	return parts.join(space);
}

/** A count: whole with thousands marks below ten thousand, then 12.3 k, 4.56 M. */
export function formatCount(n: number): string {
	if (!Number.isFinite(n)) return "–";
	const abs = Math.abs(n);
	if (abs < 10_000) return Math.round(n).toLocaleString("en-US");
	for (const [unit, size] of [
		["k", 1e3],
		["M", 1e6],
		["G", 1e9],
		["T", 1e12],
	] as const) {
		if (abs < size * 999.5) return `${threeDigits(n / size)}${space}${unit}`;
	}
	return `${threeDigits(n / 1e15)}${space}P`;
}

/** A size on disk or on the wire, in powers of a thousand. */
export function formatBytes(n: number): string {
	if (n < 1_000) return `${n}${space}B`;
	for (const [unit, size] of [
		["kB", 1e3],
		["MB", 1e6],
		["GB", 1e9],
	] as const) {
		if (n < size * 999.5) return `${threeDigits(n / size)}${space}${unit}`;
	}
	return `${threeDigits(n / 1e12)}${space}TB`;
}

/** 1 span, 2 spans, 12.3 k spans. */
export function plural(n: number, one: string, many = `${one}s`): string {
	return `${formatCount(n)}${space}${n === 1 ? one : many}`;
}

/** The first eight digits of an id; the whole is for hovering and copying. */
export function shortId(id: string): string {
	return id.length > 8 ? id.slice(0, 8) : id;
}
