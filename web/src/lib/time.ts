import { useSyncExternalStore } from "react";
import type { Nanos } from "./format";

/** Which clock the pages show. The zone is printed wherever a time is. */
export type Zone = "local" | "utc";

const key = "weft.zone";
const listeners = new Set<() => void>();
let current: Zone | undefined;

export function zone(): Zone {
	if (current === undefined) {
		try {
			current = localStorage.getItem(key) === "utc" ? "utc" : "local";
		} catch {
			current = "local"; // storage is forbidden
		}
	}
	return current;
}

export function setZone(next: Zone): void {
	current = next;
	try {
		localStorage.setItem(key, next);
	} catch {
		// The choice then lasts until the page is left.
	}
	for (const listener of listeners) listener();
}

export function useZone(): Zone {
	return useSyncExternalStore((listener) => {
		listeners.add(listener);
		return () => listeners.delete(listener);
	}, zone);
}

/** Milliseconds since 1970 of a time in nanoseconds, rounded down. */
export function millis(unixNano: Nanos): number {
	if (typeof unixNano === "number") return Math.floor(unixNano / 1e6);
	const ns = BigInt(unixNano);
	const ms = ns / 1_000_000n;
	return Number(ns % 1_000_000n < 0n ? ms - 1n : ms);
}

/** The fields of a time in a zone. A Date has getters for two zones only, which are the two. */
function fields(ms: number, z: Zone) {
	const d = new Date(ms);
	return z === "utc"
		? {
				y: d.getUTCFullYear(),
				mo: d.getUTCMonth() + 1,
				d: d.getUTCDate(),
				h: d.getUTCHours(),
				mi: d.getUTCMinutes(),
				s: d.getUTCSeconds(),
				off: 0,
			}
		: {
				y: d.getFullYear(),
				mo: d.getMonth() + 1,
				d: d.getDate(),
				h: d.getHours(),
				mi: d.getMinutes(),
				s: d.getSeconds(),
				off: -d.getTimezoneOffset(),
			};
}

const two = (n: number) => String(n).padStart(2, "0");

/** UTC, or the offset of the zone at that time: UTC+09:00. */
export function zoneName(ms: number, z: Zone): string {
	const { off } = fields(ms, z);
	if (off === 0) return "UTC";
	const abs = Math.abs(off);
	return `UTC${off < 0 ? "−" : "+"}${two(Math.floor(abs / 60))}:${two(abs % 60)}`;
}

/** 14:59:58 */
export function clock(ms: number, z: Zone): string {
	const f = fields(ms, z);
	return `${two(f.h)}:${two(f.mi)}:${two(f.s)}`;
}

/** 2026-01-31 */
export function day(ms: number, z: Zone): string {
	const f = fields(ms, z);
	return `${f.y}-${two(f.mo)}-${two(f.d)}`;
}

/** 2026-01-31 14:59:58.123 UTC+09:00; digits below milliseconds follow if they are given. */
export function absoluteTime(time: { unixNano: Nanos } | { ms: number }, z: Zone): string {
	const ms = "ms" in time ? time.ms : millis(time.unixNano);
	let fraction = String(((ms % 1000) + 1000) % 1000).padStart(3, "0");
	if ("unixNano" in time && typeof time.unixNano !== "number") {
		const ns = ((BigInt(time.unixNano) % 1_000_000n) + 1_000_000n) % 1_000_000n;
		if (ns !== 0n)
			fraction += ` ${String(ns)
				.padStart(6, "0")
				.replace(/^(...)(...)$/, "$1 $2")}`;
	}
	return `${day(ms, z)} ${clock(ms, z)}.${fraction} ${zoneName(ms, z)}`;
}

/** The time of a list row: the clock, with the day before it unless it is today. */
export function listTime(ms: number, z: Zone, now: number): string {
	const time = clock(ms, z);
	return day(ms, z) === day(now, z) ? time : `${day(ms, z).slice(5)} ${time}`;
}

/** just now, 12 s ago, 3 min ago, 5 h ago, 2 d ago; the same with "in" for the future. */
export function relativeTime(ms: number, now: number): string {
	const seconds = Math.round((now - ms) / 1000);
	const abs = Math.abs(seconds);
	if (abs < 2) return "just now";
	const [n, unit] =
		abs < 90
			? [abs, "s"]
			: abs < 5_400
				? [Math.round(abs / 60), "min"]
				: abs < 129_600
					? [Math.round(abs / 3_600), "h"]
					: [Math.round(abs / 86_400), "d"];
	return seconds >= 0 ? `${n}\u00a0${unit} ago` : `in ${n}\u00a0${unit}`;
}
