/** Where a floating box goes beside what opened it, always inside the window. */
export interface Box {
	left: number;
	top: number;
	width: number;
	height: number;
}

const gap = 4;
const edge = 8;

/** Below the anchor, or above where there is more room; aligned at its start or end. */
export function placeBox(
	anchor: Box,
	float: { width: number; height: number },
	view: { width: number; height: number },
	align: "start" | "end",
): { left: number; top: number } {
	const below = view.height - (anchor.top + anchor.height) - gap - edge;
	const above = anchor.top - gap - edge;
	const under = float.height <= below || below >= above;
	const top = under ? anchor.top + anchor.height + gap : anchor.top - gap - float.height;
	const left = align === "start" ? anchor.left : anchor.left + anchor.width - float.width;
	const most = (size: number, room: number) => Math.max(edge, room - size - edge);
	return {
		left: Math.min(Math.max(edge, left), most(float.width, view.width)),
		top: Math.min(Math.max(edge, top), most(float.height, view.height)),
	};
}

/** Places a fixed element beside an anchor. */
export function place(float: HTMLElement, anchor: Element, align: "start" | "end" = "start"): void {
	const view = { width: document.documentElement.clientWidth, height: window.innerHeight };
	const { left, top } = placeBox(anchor.getBoundingClientRect(), float.getBoundingClientRect(), view, align);
	float.style.left = `${left}px`;
	float.style.top = `${top}px`;
}
