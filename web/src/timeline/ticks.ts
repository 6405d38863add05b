import type { TimeScale } from "./scale";

export interface Tick {
	readonly t: number;
	readonly x: number;
	readonly label: string;
}

const units: readonly [ns: number, name: string][] = [
	[3600e9, "h"],
	[60e9, "min"],
	[1e9, "s"],
	[1e6, "ms"],
	[1e3, "µs"],
	[1, "ns"],
];

/** Steps that divide evenly within their unit. */
const steps: readonly number[] = [
	...[1, 2, 5, 10, 20, 50, 100, 200, 500],
	...[1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 2e5, 5e5],
	...[1e6, 2e6, 5e6, 1e7, 2e7, 5e7, 1e8, 2e8, 5e8],
	...[1e9, 2e9, 5e9, 10e9, 15e9, 30e9],
	...[60e9, 120e9, 300e9, 600e9, 900e9, 1800e9],
	...[3600e9, 7200e9, 10800e9, 21600e9, 43200e9, 86400e9, 172800e9, 604800e9],
];

/** The smallest even step that keeps ticks `least` pixels apart. */
export function tickStep(nsPerPixel: number, least: number): number {
	for (const s of steps) if (s / nsPerPixel >= least) return s;
	const week = steps[steps.length - 1]!;
	return week * 2 ** Math.ceil(Math.log2((nsPerPixel * least) / week));
}

/**
 * Labels of one axis share the unit of what is in view and show as many decimals as tell
 * two ticks apart: 1.2304 s, 1.2306 s.
 */
export function tickLabel(t: number, step: number, viewTo: number): string {
	if (t === 0) return "0";
	const [ns, name] = units.find(([u]) => Math.abs(viewTo) >= u) ?? units[units.length - 1]!;
	if (ns >= 60e9) return clockLabel(t, step);
	const decimals = Math.max(0, -Math.floor(Math.log10(step / ns) + 1e-9));
	return `${(t / ns).toFixed(Math.min(decimals, 9))} ${name}`;
}

/** Minutes and hours: 3 min 20 s reads better than 3.33 min. */
function clockLabel(t: number, step: number): string {
	const sign = t < 0 ? "−" : "";
	const seconds = Math.abs(t) / 1e9;
	const h = Math.floor(seconds / 3600);
	const m = Math.floor((seconds % 3600) / 60);
	const s = seconds % 60;
	const parts: string[] = [];
	if (h > 0) parts.push(`${h} h`);
	if (m > 0) parts.push(`${m} min`);
	const decimals = step >= 1e9 ? 0 : Math.min(9, -Math.floor(Math.log10(step / 1e9) + 1e-9));
	if (Number(s.toFixed(decimals)) > 0) parts.push(`${s.toFixed(decimals)} s`);
	return sign + parts.join(" ");
}

/** Ticks of the axis, at least `least` pixels apart; each busy piece of a compressed axis has its own. */
export function ticks(scale: TimeScale, least = 96): Tick[] {
	const { from, to } = scale.view;
	const out: Tick[] = [];
	let pieceFrom = from;
	const pieces: { from: number; to: number }[] = [];
	for (const b of scale.breaks) {
		if (b.to <= from || b.from >= to) continue;
		if (b.from > pieceFrom) pieces.push({ from: pieceFrom, to: b.from });
		pieceFrom = b.to;
	}
	if (pieceFrom < to) pieces.push({ from: pieceFrom, to });
	for (const p of pieces) {
		const px = scale.x(p.to) - scale.x(p.from);
		if (px < 8) continue;
		const step = tickStep((p.to - p.from) / px, least);
		for (let k = Math.ceil(p.from / step); k * step <= p.to; k++) {
			const t = k * step;
			const x = scale.x(t);
			if (out.length > 0 && x - out[out.length - 1]!.x < least * 0.75) continue;
			out.push({ t, x, label: tickLabel(t, step, to) });
		}
	}
	return out;
}
