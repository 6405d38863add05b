import { formatDuration } from "../lib/format";
import { endOf, Flag, type Layout, Status } from "./decode";
import { element } from "./rowView";
import type { TimeScale } from "./scale";
import { countErrorsBefore } from "./siblings";
import type { Theme } from "./theme";

/**
 * The whole trace in a strip, with the view as a window in it. Drag on it to zoom, inside
 * the window to move it, at its edges to widen it; twice clicked it shows everything. The
 * edges are sliders for the keyboard.
 */
export class Minimap {
	readonly el = element("div", "tl-minimap");
	private readonly canvas = element("canvas", "", { "aria-hidden": "true" });
	private readonly window = element("div", "tl-window", { "aria-hidden": "true" });
	private readonly shadeLeft = element("div", "tl-shade", { "aria-hidden": "true" });
	private readonly shadeRight = element("div", "tl-shade", { "aria-hidden": "true" });
	private readonly handles: HTMLElement[];
	private scale: TimeScale | null = null;
	private readonly changed: () => void;

	constructor(changed: () => void) {
		this.changed = changed;
		this.handles = ["Start of the view", "End of the view"].map((name) =>
			element("div", "tl-handle", {
				role: "slider",
				tabindex: "0",
				"aria-label": name,
				"aria-valuemin": "0",
				"aria-valuemax": "100",
			}),
		);
		this.el.append(this.canvas, this.shadeLeft, this.shadeRight, this.window, ...this.handles);
		this.el.addEventListener("pointerdown", (e) => this.drag(e));
		this.el.addEventListener("dblclick", () => {
			this.scale?.reset();
			this.changed();
		});
		this.handles.forEach((h, side) => {
			h.addEventListener("keydown", (e) => this.key(e, side));
		});
	}

	/** Draws the trace. The window is drawn apart, by `update`. */
	draw(l: Layout, start: Float64Array, scale: TimeScale, theme: Theme): void {
		this.scale = scale;
		const width = this.el.clientWidth;
		const height = this.el.clientHeight;
		if (width === 0 || height === 0) return;
		const dpr = Math.min(window.devicePixelRatio || 1, 2);
		this.canvas.width = Math.round(width * dpr);
		this.canvas.height = Math.round(height * dpr);
		const ctx = this.canvas.getContext("2d");
		if (ctx === null) return;
		ctx.scale(dpr, dpr);
		paint(ctx, l, start, scale, theme, width, height);
		this.update();
	}

	/** Moves the window to where the view is. */
	update(): void {
		if (this.scale === null) return;
		const { from, to } = this.scale.share;
		this.el.toggleAttribute("data-zoomed", this.scale.zoomed);
		this.window.style.left = `${from * 100}%`;
		this.window.style.width = `${(to - from) * 100}%`;
		this.shadeLeft.style.left = "0";
		this.shadeLeft.style.width = `${from * 100}%`;
		this.shadeRight.style.left = `${to * 100}%`;
		this.shadeRight.style.width = `${(1 - to) * 100}%`;
		const view = this.scale.view;
		[from, to].forEach((share, side) => {
			const h = this.handles[side]!;
			h.style.left = `${share * 100}%`;
			h.setAttribute("aria-valuenow", String(Math.round(share * 100)));
			h.setAttribute("aria-valuetext", formatDuration(side === 0 ? view.from : view.to));
		});
	}

	private drag(e: PointerEvent): void {
		const scale = this.scale;
		if (e.button !== 0 || scale === null) return;
		const box = this.el.getBoundingClientRect();
		const share = (x: number) => Math.min(Math.max((x - box.left) / box.width, 0), 1);
		const at = share(e.clientX);
		const view = scale.share;
		const near = 6 / box.width;
		const zoomed = scale.zoomed;
		let mode: "new" | "left" | "right" | "move" = "new";
		if (zoomed && Math.abs(at - view.from) < near) mode = "left";
		else if (zoomed && Math.abs(at - view.to) < near) mode = "right";
		else if (zoomed && at > view.from && at < view.to) mode = "move";
		let moved = false;
		const move = (m: PointerEvent) => {
			const now = share(m.clientX);
			// A click is not a drag: three pixels make the difference.
			if (!moved && Math.abs(m.clientX - e.clientX) < 3) return;
			moved = true;
			if (mode === "left") scale.setShare(now, view.to);
			else if (mode === "right") scale.setShare(view.from, now);
			else if (mode === "new") scale.setShare(at, now);
			else {
				const shift = Math.min(Math.max(now - at, -view.from), 1 - view.to);
				scale.setShare(view.from + shift, view.to + shift);
			}
			this.changed();
		};
		const end = () => {
			this.el.removeEventListener("pointermove", move);
			this.el.removeEventListener("pointerup", end);
			this.el.removeEventListener("pointercancel", end);
		};
		this.el.setPointerCapture(e.pointerId);
		this.el.addEventListener("pointermove", move);
		this.el.addEventListener("pointerup", end);
		this.el.addEventListener("pointercancel", end);
	}

	private key(e: KeyboardEvent, side: number): void {
		const scale = this.scale;
		const step = {
			ArrowLeft: -0.02,
			ArrowRight: 0.02,
			ArrowDown: -0.02,
			ArrowUp: 0.02,
			PageDown: -0.1,
			PageUp: 0.1,
		}[e.key];
		if (scale === null || (step === undefined && e.key !== "Home" && e.key !== "End")) return;
		e.preventDefault();
		e.stopPropagation();
		const { from, to } = scale.share;
		const clamp = (v: number) => Math.min(Math.max(v, 0), 1);
		if (side === 0) {
			const next = e.key === "Home" ? 0 : e.key === "End" ? to - 0.01 : from + (step ?? 0);
			scale.setShare(clamp(Math.min(next, to - 0.001)), to);
		} else {
			const next = e.key === "End" ? 1 : e.key === "Home" ? from + 0.01 : to + (step ?? 0);
			scale.setShare(from, clamp(Math.max(next, from + 0.001)));
		}
		this.changed();
	}
}

/** Above this many rows the picture is made of pixels, because a call for each row costs too much. */
const mostBars = 4_000;
const pad = 4;

function paint(
	ctx: CanvasRenderingContext2D,
	l: Layout,
	start: Float64Array,
	scale: TimeScale,
	theme: Theme,
	width: number,
	height: number,
): void {
	if (l.rows === 0) return;
	if (l.rows > mostBars) {
		paintPixels(ctx, l, start, scale, theme, width, height);
		return;
	}
	const lines = Math.min(l.rows, height - 2 * pad);
	const pitch = (height - 2 * pad) / lines;
	// A small trace has bars of some height, a large one lines of a pixel.
	const thick = Math.max(1, Math.min(pitch - (pitch > 2 ? 1 : 0), 6));
	const failures = startsOfFailure(l);
	for (let r = 0; r < l.rows; r++) {
		if (l.flags[r]! & Flag.missing) continue;
		const a = scale.shareOf(start[r]!) * width;
		const b = scale.shareOf(start[r]! + endOf(l, r, l.durationNs) - l.start[r]!) * width;
		ctx.fillStyle = failures[r] ? theme.colors["error-fill"] : theme.service[l.service[r]!]!;
		ctx.fillRect(
			a,
			pad + Math.floor((r / l.rows) * lines) * pitch,
			Math.max(b - a, failures[r] ? 2 : 1),
			thick,
		);
	}
}

/** One line of pixels for some hundred rows each. What a line already shows is not drawn again; failures are. */
function paintPixels(
	ctx: CanvasRenderingContext2D,
	l: Layout,
	start: Float64Array,
	scale: TimeScale,
	theme: Theme,
	width: number,
	height: number,
): void {
	const lines = height - 2 * pad;
	const image = ctx.createImageData(width, lines);
	const pixels = new Uint32Array(image.data.buffer);
	const palette = [...theme.service, theme.colors["error-fill"]].map((c) => pixelOf(c));
	const error = palette[palette.length - 1]!;
	const failures = startsOfFailure(l);
	// The stretch of each line that is filled without a hole.
	const from = new Int32Array(lines).fill(width);
	const to = new Int32Array(lines);
	for (let r = 0; r < l.rows; r++) {
		if (l.flags[r]! & Flag.missing) continue;
		const line = Math.floor((r / l.rows) * lines);
		const a = Math.max(Math.floor(scale.shareOf(start[r]!) * width), 0);
		const end = scale.shareOf(start[r]! + endOf(l, r, l.durationNs) - l.start[r]!) * width;
		const b = Math.min(Math.max(Math.ceil(end), a + 1), width);
		if (failures[r]) {
			pixels.fill(error, line * width + a, line * width + Math.max(b, Math.min(a + 2, width)));
			continue;
		}
		if (a >= from[line]! && b <= to[line]!) continue;
		const color = palette[l.service[r]!]!;
		for (let x = line * width + a; x < line * width + b; x++) if (pixels[x] === 0) pixels[x] = color;
		if (b - a >= to[line]! - from[line]!) {
			from[line] = a;
			to[line] = b;
		}
	}
	const copy = document.createElement("canvas");
	copy.width = width;
	copy.height = lines;
	copy.getContext("2d")?.putImageData(image, 0, 0);
	ctx.imageSmoothingEnabled = false;
	ctx.drawImage(copy, 0, pad);
}

/** A CSS colour as a pixel of image data. */
function pixelOf(color: string): number {
	const one = document.createElement("canvas");
	one.width = 1;
	one.height = 1;
	const ctx = one.getContext("2d");
	if (ctx === null) return 0;
	ctx.fillStyle = color;
	ctx.fillRect(0, 0, 1, 1);
	return new Uint32Array(ctx.getImageData(0, 0, 1, 1).data.buffer)[0]!;
}

/** Rows where a failure began: what it passed through would paint the whole strip red. */
function startsOfFailure(l: Layout): Uint8Array {
	const before = countErrorsBefore(l);
	const at = new Uint8Array(l.rows);
	for (let r = 0; r < l.rows; r++) {
		if (l.status[r] === Status.error && before[r + l.subtree[r]!]! - before[r]! === 1) at[r] = 1;
	}
	return at;
}
