import type { CriticalPath } from "./criticalPath";
import { endOf, Flag, type Layout, Status } from "./decode";
import { type Model, RowKind } from "./model";
import type { TimeScale } from "./scale";
import { membersOf } from "./siblings";
import type { Theme } from "./theme";
import type { Tick } from "./ticks";

/** What the bars of some rows are drawn from. */
export interface Scene {
	readonly model: Model;
	readonly scale: TimeScale;
	readonly theme: Theme;
	/** Where bars are drawn, and where their ghosts are: the other clock, or null. */
	readonly start: Float64Array;
	readonly ghost: Float64Array | null;
	/** Segments of the critical path by row, or null where it is not shown. */
	readonly path: PathIndex | null;
	readonly ticks: readonly Tick[];
	readonly rowHeight: number;
	/** Offset of the bar inside its row, and its height. */
	readonly barTop: number;
	readonly barHeight: number;
	/** Labels stand above their bars instead of beside them. */
	readonly stacked: boolean;
	/** Seconds, for what moves. */
	readonly clock: number;
}

/** The segments of each row, so that a row finds its own without a search; times count from the row's start. */
export interface PathIndex {
	readonly first: Int32Array;
	readonly from: Float64Array;
	readonly to: Float64Array;
}

/** `start` is the clock the path was found on. */
export function indexPath(p: CriticalPath, start: Float64Array): PathIndex {
	const rows = start.length;
	const first = new Int32Array(rows + 1);
	for (const r of p.row) first[r + 1]!++;
	for (let r = 0; r < rows; r++) first[r + 1]! += first[r]!;
	const at = first.slice();
	const from = new Float64Array(p.row.length);
	const to = new Float64Array(p.row.length);
	for (let i = p.row.length - 1; i >= 0; i--) {
		const k = at[p.row[i]!]!++;
		from[k] = p.from[i]! - start[p.row[i]!]!;
		to[k] = p.to[i]! - start[p.row[i]!]!;
	}
	return { first, from, to };
}

/** Bars thinner than this are drawn this wide, so that no span is invisible. */
const leastBar = 1.5;
/** Length of a live bar's open end. */
const openEnd = 28;

type Context = CanvasRenderingContext2D;

/** Draws the bars of visible rows [from, to); y = 0 is the top of row `from`. True if one of them moves. */
export function drawRows(ctx: Context, s: Scene, from: number, to: number): boolean {
	const width = s.scale.width;
	const height = (to - from) * s.rowHeight;
	ctx.strokeStyle = s.theme.colors.line;
	ctx.lineWidth = 1;
	ctx.beginPath();
	for (const t of s.ticks) {
		const x = Math.round(t.x) + 0.5;
		if (s.stacked) {
			// Beside the bars only: above them stands the label.
			for (let y = s.barTop - 2; y < height; y += s.rowHeight) {
				ctx.moveTo(x, y);
				ctx.lineTo(x, y + s.barHeight + 4);
			}
		} else {
			ctx.moveTo(x, 0);
			ctx.lineTo(x, height);
		}
	}
	ctx.stroke();
	drawBreaks(ctx, s, height);

	let moves = false;
	ctx.save();
	ctx.beginPath();
	ctx.rect(0, 0, width + 1, height);
	ctx.clip();
	for (let i = from; i < to; i++) {
		const y = (i - from) * s.rowHeight + s.barTop;
		switch (s.model.kind[i]) {
			case RowKind.fold:
				drawFold(ctx, s, s.model.ref[i]!, y);
				break;
			case RowKind.gap:
				drawGap(ctx, s, s.model.ref[i]!, y);
				break;
			case RowKind.cut:
				break;
			default:
				moves = drawSpan(ctx, s, s.model.ref[i]!, y) || moves;
		}
	}
	ctx.restore();
	return moves;
}

/** A span's bar in pixels: at least a sliver, and not further out than the canvas can take. */
function extent(s: Scene, a: number, b: number): [x: number, width: number] {
	const x0 = Math.max(s.scale.x(a), -50);
	const x1 = Math.min(s.scale.x(b), s.scale.width + 50);
	return [x0, Math.max(x1 - x0, leastBar)];
}

function drawSpan(ctx: Context, s: Scene, row: number, y: number): boolean {
	const l = s.model.layout;
	const { colors } = s.theme;
	const a = s.start[row]!;
	const b = a + endOf(l, row, l.durationNs) - l.start[row]!;
	const [x, w] = extent(s, a, b);
	if (s.ghost !== null && s.ghost[row] !== a)
		drawGhost(ctx, s, s.scale.x(s.ghost[row]!) - s.scale.x(a), x, w, y);
	if (x > s.scale.width || x + w < 0) return false;
	const h = s.barHeight;

	if (l.flags[row]! & Flag.missing) {
		ctx.strokeStyle = colors["text-faint"];
		ctx.lineWidth = 1;
		ctx.setLineDash([3, 3]);
		ctx.strokeRect(x + 0.5, y + 0.5, Math.max(w - 1, 1), h - 1);
		ctx.setLineDash([]);
		return false;
	}
	const failed = l.status[row] === Status.error;
	const color = s.theme.service[l.service[row]!]!;
	const live = (l.flags[row]! & Flag.live) !== 0;
	ctx.fillStyle = live ? openFill(ctx, s, color, x, w) : color;
	bar(ctx, x, y, w, h);
	ctx.fill();
	if (live && w > openEnd) drawOpenEnd(ctx, s, x + w, y);
	if (failed) {
		// An edge all around and a filled corner: seen in grey as well as in red.
		ctx.strokeStyle = colors["error-fill"];
		ctx.lineWidth = 1.5;
		bar(ctx, x + 0.25, y + 0.25, Math.max(w - 0.5, leastBar), h - 0.5);
		ctx.stroke();
		if (w > 10) {
			ctx.fillStyle = colors["error-fill"];
			ctx.beginPath();
			ctx.moveTo(x + w, y);
			ctx.lineTo(x + w, y + 8);
			ctx.lineTo(x + w - 8, y);
			ctx.fill();
		}
	}
	drawPath(ctx, s, row, y + h);
	return live;
}

function drawPath(ctx: Context, s: Scene, row: number, y: number): void {
	const p = s.path;
	if (p === null) return;
	ctx.fillStyle = s.theme.colors.text;
	for (let k = p.first[row]!; k < p.first[row + 1]!; k++) {
		const [x, w] = extent(s, s.start[row]! + p.from[k]!, s.start[row]! + p.to[k]!);
		ctx.fillRect(x, y + 1, w, 2);
	}
}

/** Where the bar would be on the other clock, and how far that is from here. */
function drawGhost(ctx: Context, s: Scene, shift: number, x: number, w: number, y: number): void {
	if (Math.abs(shift) < 1.5) return;
	ctx.strokeStyle = s.theme.colors["text-faint"];
	ctx.lineWidth = 1;
	ctx.setLineDash([2, 2]);
	bar(ctx, x + shift + 0.5, y + 0.5, Math.max(w - 1, leastBar), s.barHeight - 1);
	ctx.stroke();
	const mid = Math.round(y + s.barHeight / 2) + 0.5;
	ctx.beginPath();
	ctx.moveTo(x, mid);
	ctx.lineTo(x + shift, mid);
	ctx.stroke();
	ctx.setLineDash([]);
}

/** Members of a group as one bar: overlapping ones merge, failed ones stay visible. */
function drawFold(ctx: Context, s: Scene, group: number, y: number): void {
	const { model, theme } = s;
	const l = model.layout;
	const members = membersOf(model.siblings, group);
	const color = theme.service[l.service[members[0]!]!]!;
	const h = s.barHeight;
	let first = Infinity;
	let last = -Infinity;
	for (const r of members) {
		first = Math.min(first, s.start[r]!);
		last = Math.max(last, s.start[r]! + l.duration[r]!);
	}
	const [x0, w0] = extent(s, first, last);
	ctx.fillStyle = color;
	ctx.globalAlpha = 0.22;
	bar(ctx, x0, y, w0, h);
	ctx.fill();
	ctx.globalAlpha = 1;
	let from = -Infinity;
	let to = -Infinity;
	for (const r of members) {
		const [x, w] = extent(s, s.start[r]!, s.start[r]! + l.duration[r]!);
		if (x + w < 0 || x > s.scale.width) continue;
		// Bars of half a pixel and less apart are one bar.
		if (x <= to + 0.5 && x >= from) {
			to = Math.max(to, x + w);
			continue;
		}
		if (to > from) ctx.fillRect(from, y + 1, to - from, h - 2);
		from = x;
		to = x + w;
	}
	if (to > from) ctx.fillRect(from, y + 1, to - from, h - 2);
	ctx.fillStyle = theme.colors["error-fill"];
	for (const r of members) {
		if (l.status[r] !== Status.error) continue;
		const [x, w] = extent(s, s.start[r]!, s.start[r]! + l.duration[r]!);
		ctx.fillRect(x, y, Math.max(w, 2), h);
	}
	if (s.path !== null) for (const r of members) drawPath(ctx, s, r, y + h);
}

/** Unexplained time: hatched, because nothing is there. */
function drawGap(ctx: Context, s: Scene, gap: number, y: number): void {
	const t = s.model.selfTime;
	const [x, w] = extent(s, t.gapFrom[gap]!, t.gapTo[gap]!);
	if (x > s.scale.width || x + w < 0) return;
	const h = s.barHeight - 4;
	ctx.save();
	bar(ctx, x, y + 2, w, h);
	ctx.clip();
	ctx.strokeStyle = s.theme.colors["line-strong"];
	ctx.lineWidth = 1;
	ctx.beginPath();
	for (let d = x - h; d < x + w; d += 5) {
		ctx.moveTo(d, y + 2 + h);
		ctx.lineTo(d + h, y + 2);
	}
	ctx.stroke();
	ctx.restore();
	ctx.strokeStyle = s.theme.colors["line-strong"];
	ctx.lineWidth = 1;
	bar(ctx, x + 0.5, y + 2.5, Math.max(w - 1, leastBar), h - 1);
	ctx.stroke();
}

function openFill(ctx: Context, s: Scene, color: string, x: number, w: number): CanvasGradient | string {
	if (w <= openEnd) return color;
	const end = Math.min(x + w, s.scale.width + 50);
	const g = ctx.createLinearGradient(end - openEnd, 0, end, 0);
	g.addColorStop(0, color);
	g.addColorStop(1, s.theme.colors["bar-track"]);
	return g;
}

/** Chevrons that leave a live bar; they stand still where motion is unwanted. */
function drawOpenEnd(ctx: Context, s: Scene, end: number, y: number): void {
	const phase = s.theme.still ? 0.5 : (s.clock * 0.6) % 1;
	const h = s.barHeight;
	ctx.strokeStyle = s.theme.colors["text-muted"];
	ctx.lineWidth = 1.5;
	for (let k = 0; k < 2; k++) {
		const p = (phase + k / 2) % 1;
		const x = end - 12 + p * 12;
		ctx.globalAlpha = s.theme.still ? 0.9 : Math.sin(p * Math.PI);
		ctx.beginPath();
		ctx.moveTo(x, y + 2);
		ctx.lineTo(x + 4, y + h / 2);
		ctx.lineTo(x, y + h - 2);
		ctx.stroke();
	}
	ctx.globalAlpha = 1;
}

/** A compressed stretch: a sunken strip between two strokes, as on a map's scale. */
function drawBreaks(ctx: Context, s: Scene, height: number): void {
	for (const q of s.scale.breaks) {
		const a = s.scale.x(q.from);
		const b = s.scale.x(q.to);
		if (b < 0 || a > s.scale.width) continue;
		ctx.fillStyle = s.theme.colors["bg-sunken"];
		ctx.strokeStyle = s.theme.colors["line-strong"];
		ctx.setLineDash([2, 3]);
		// Beside the bars only where labels stand above them.
		const step = s.stacked ? s.rowHeight : height;
		const length = s.stacked ? s.barHeight + 4 : height;
		for (let y = s.stacked ? s.barTop - 2 : 0; y < height; y += step) {
			ctx.fillRect(a, y, b - a, length);
			ctx.beginPath();
			for (const x of [Math.round(a) + 0.5, Math.round(b) + 0.5]) {
				ctx.moveTo(x, y);
				ctx.lineTo(x, y + length);
			}
			ctx.stroke();
		}
		ctx.setLineDash([]);
	}
}

export function bar(ctx: Context, x: number, y: number, w: number, h: number): void {
	ctx.beginPath();
	const r = Math.min(2, w / 2, h / 2);
	ctx.roundRect(x, y, w, h, r);
}

/** The end of a row's bar for placing its text: pixels, and the side it stands on if out of view. */
export function barEnd(s: Pick<Scene, "model" | "scale" | "start">, i: number): { from: number; to: number } {
	const { model, scale, start } = s;
	const l: Layout = model.layout;
	const ref = model.ref[i]!;
	switch (model.kind[i]) {
		case RowKind.gap:
			return { from: scale.x(model.selfTime.gapFrom[ref]!), to: scale.x(model.selfTime.gapTo[ref]!) };
		case RowKind.fold: {
			let first = Infinity;
			let last = -Infinity;
			for (const r of membersOf(model.siblings, ref)) {
				first = Math.min(first, start[r]!);
				last = Math.max(last, start[r]! + l.duration[r]!);
			}
			return { from: scale.x(first), to: scale.x(last) };
		}
		default: {
			const a = start[ref]!;
			return { from: scale.x(a), to: scale.x(a + endOf(l, ref, l.durationNs) - l.start[ref]!) };
		}
	}
}
