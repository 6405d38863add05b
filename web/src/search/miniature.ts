import type { TraceRow } from "../api/queries";

/** One bar of the miniature: a place in a picture of the size given. */
export interface MiniBar {
	x: number;
	y: number;
	width: number;
	height: number;
	/** Index into the row's services; -1 for a service that is not among them. */
	service: number;
	error: boolean;
}

/** Lays the bars of a row's miniature out, top to bottom, thick where there are few. */
export function miniBars(bars: NonNullable<TraceRow["miniature"]>, width: number, height: number): MiniBar[] {
	const pitch = height / Math.max(bars.length, 4);
	const thick = Math.max(1, Math.min(3, pitch > 3 ? pitch - 1 : pitch));
	const top = Math.max(0, (height - pitch * bars.length) / 2);
	return bars.map((bar, i) => {
		const left = Math.min(bar.start * width, width - 1);
		return {
			x: left,
			y: Math.min(top + i * pitch, height - thick),
			width: Math.max(1, Math.min(width, bar.end * width) - left),
			height: thick,
			service: bar.service,
			error: bar.error,
		};
	});
}
