import { onThemeChange } from "../lib/theme";
import { findCriticalPath } from "./criticalPath";
import { Flag, type Layout, rowName, rowNamed } from "./decode";
import { barEnd, drawRows, indexPath, type PathIndex, type Scene } from "./draw";
import { canLoad } from "./graft";
import { Minimap } from "./minimap";
import { FoldState, Model, RowKind } from "./model";
import { element, RowView } from "./rowView";
import { findQuiet, TimeScale } from "./scale";
import { estimateSkew, type Skew } from "./skew";
import { onMediaChange, readTheme, type Theme } from "./theme";
import { type Tick, ticks } from "./ticks";
import "./timeline.css";

export interface WaterfallEvents {
	/** A span was chosen; -1: none. */
	select(row: number): void;
	/** The active row moved to another span. */
	active(row: number): void;
	/** The view, the folds or a switch changed: what a link carries is another. */
	changed(): void;
	/** The children of this row, which the server left out, are wanted. */
	load(row: number): void;
}

export type Clock = "raw" | "corrected";

/** Rows drawn above and below what is in view, so that scrolling shows no edge. */
const overscan = 20;
/** Free pixels right of the plot, for the duration of a bar that reaches its end. */
const gutter = 76;
const leastLabel = 140;
/** Below this width the label stands above its bar. */
const stackedBelow = 640;

/**
 * The waterfall: bars on canvas, labels in about sixty recycled DOM rows (a treegrid with
 * roving focus), minimap and axis. Bars and labels lie in the same scrolled content, so
 * the browser moves both at once; this class draws only when rows come into reach.
 *
 * It owns its model and scale; whoever embeds it says what to do by methods and hears
 * what happened through WaterfallEvents. No method draws at once: changes of one task are
 * one frame.
 */
export class Waterfall {
	private readonly host: HTMLElement;
	private readonly events: WaterfallEvents;
	private readonly root = element("div", "tl");
	private readonly head = element("div", "tl-head");
	private readonly headLabel = element("div", "tl-head-label");
	private readonly axis = element("div", "tl-axis", { "aria-hidden": "true" });
	private readonly splitter = element("div", "tl-splitter", {
		role: "separator",
		tabindex: "0",
		"aria-orientation": "vertical",
		"aria-label": "Width of the labels",
	});
	private readonly scroller = element("div", "tl-scroll");
	private readonly grid = element("div", "tl-grid", {
		role: "treegrid",
		"aria-label": "Spans of the trace",
		"aria-colcount": "2",
		tabindex: "-1",
	});
	private readonly canvas = element("canvas", "tl-bars", { "aria-hidden": "true" });
	private readonly cursor = element("div", "tl-cursor", { "aria-hidden": "true" });
	private readonly cursorTime = element("span", "tl-cursor-time");
	private readonly minimap: Minimap;
	private readonly rows: RowView[] = [];
	private readonly tickEls: HTMLElement[] = [];
	private readonly stop: (() => void)[] = [];

	model: Model | null = null;
	scale = new TimeScale(0, 1);
	skew: Skew | null = null;
	private path: PathIndex | null = null;
	private theme: Theme;
	private clock: Clock = "raw";
	private compressed = false;
	private pathShown = true;
	private active = 0;
	private selectedRow = -1;
	private matches = new Uint8Array(0);
	private currentMatch = -1;
	private labelWidth = 0;
	private stacked = false;
	private rowHeight = 24;
	private viewHeight = 0;
	private indent = 12;
	private tickList: Tick[] = [];

	private frame = 0;
	private allRows = true;
	private bars = true;
	private wholeMap = true;
	private drawnFrom = 0;
	private drawnTo = 0;
	private moves = false;
	private movedAt = 0;

	constructor(host: HTMLElement, events: WaterfallEvents) {
		this.host = host;
		this.events = events;
		this.theme = readTheme([]);
		this.minimap = new Minimap(() => this.viewChanged());
		this.headLabel.append(this.splitter);
		this.axis.append(this.cursorTime);
		this.cursor.hidden = true;
		this.cursorTime.hidden = true;
		this.head.append(this.headLabel, this.axis);
		this.grid.append(this.canvas);
		this.scroller.append(this.grid);
		this.root.append(this.minimap.el, this.head, this.scroller, this.cursor);
		host.append(this.root);

		this.scroller.addEventListener("scroll", () => this.draw(), { passive: true });
		this.grid.addEventListener("click", (e) => this.click(e));
		this.grid.addEventListener("dblclick", (e) => this.doubleClick(e));
		this.grid.addEventListener("keydown", (e) => this.key(e));
		this.grid.addEventListener("focusin", (e) => this.focused(e));
		this.scroller.addEventListener("wheel", (e) => this.wheel(e, e.ctrlKey || e.metaKey), { passive: false });
		for (const el of [this.minimap.el, this.head]) {
			el.addEventListener("wheel", (e) => this.wheel(e, true), { passive: false });
		}
		this.axis.addEventListener("pointerdown", (e) => this.dragAxis(e));
		this.splitter.addEventListener("pointerdown", (e) => this.dragSplitter(e));
		this.splitter.addEventListener("keydown", (e) => this.keySplitter(e));
		for (const el of [this.scroller, this.axis]) {
			el.addEventListener("pointermove", (e) => this.hover(e));
			el.addEventListener("pointerleave", () => this.hover(null));
		}
		// The active row has a ring while keys are used, and none while a pointer is.
		const keys = () => this.root.toggleAttribute("data-keys", true);
		const pointer = () => this.root.toggleAttribute("data-keys", false);
		document.addEventListener("keydown", keys, true);
		document.addEventListener("pointerdown", pointer, true);
		this.stop.push(
			() => document.removeEventListener("keydown", keys, true),
			() => document.removeEventListener("pointerdown", pointer, true),
		);
		const resize = new ResizeObserver(() => this.measure());
		resize.observe(host);
		const retheme = () => {
			this.theme = readTheme(this.model?.layout.services ?? []);
			this.redraw();
		};
		this.stop.push(() => resize.disconnect(), onThemeChange(retheme), onMediaChange(retheme));
		this.measure();
	}

	destroy(): void {
		for (const stop of this.stop) stop();
		cancelAnimationFrame(this.frame);
		this.root.remove();
	}

	// What is shown.

	/** Shows a trace. Folds, selection, zoom and place stay where the new one has the same spans. */
	setLayout(l: Layout, skew: Skew = estimateSkew(l)): void {
		const before = this.model;
		const view = this.scale.zoomed ? this.scale.view : null;
		const folds = before?.foldCode(10_000);
		const activeName =
			before === null || before.length === 0 ? "" : rowName(before.layout, before.spanAt(this.active));
		const selectedName =
			before !== null && this.selectedRow >= 0 ? rowName(before.layout, this.selectedRow) : "";

		const anchor = this.anchor();
		this.skew = skew;
		this.path = null;
		this.model = new Model(l, this.clock === "raw" ? l.start : this.skew.start, this.skew.start);
		this.theme = readTheme(l.services);
		this.matches = new Uint8Array(l.rows);
		this.currentMatch = -1;
		this.rescale();
		if (before !== null) {
			if (folds) this.model.applyFoldCode(folds);
			if (view !== null) this.scale.setView(view.from, view.to);
			const active = activeName === "" ? -1 : rowNamed(l, activeName);
			this.active = active < 0 ? 0 : Math.max(this.model.find(active), 0);
			this.selectedRow = selectedName === "" ? -1 : rowNamed(l, selectedName);
		}
		this.grid.setAttribute("aria-rowcount", String(this.model.length));
		this.measureIndent();
		this.resize();
		if (anchor !== null) {
			const at = this.model.find(rowNamed(l, anchor.name));
			if (at >= 0) this.scroller.scrollTop = at * this.rowHeight + anchor.offset;
		}
		this.redraw();
		// The path needs the whole trace; the first picture does not wait for it.
		const model = this.model;
		setTimeout(() => {
			if (this.model !== model) return;
			this.path = indexPath(findCriticalPath(l, skew.start), skew.start);
			this.bars = true;
			this.draw();
		});
	}

	setClock(clock: Clock): void {
		if (clock === this.clock) return;
		this.clock = clock;
		this.keepPlace(() => this.model?.setClock(this.start()));
		this.redraw();
	}

	/** Whether quiet stretches are shrunk on the axis. Resets the zoom. */
	setCompressed(on: boolean): void {
		if (on === this.compressed) return;
		this.compressed = on;
		this.rescale();
		this.redraw();
	}

	setPathShown(on: boolean): void {
		this.pathShown = on;
		this.bars = true;
		this.draw();
	}

	/** Marks what find found. */
	setMatches(hits: Int32Array, current: number): void {
		this.matches.fill(0);
		for (const r of hits) this.matches[r] = 1;
		this.currentMatch = current;
		this.allRows = true;
		this.draw();
	}

	/** Chooses a span and brings it into view; -1 chooses none. */
	select(row: number, focus = false): void {
		this.selectedRow = row;
		if (row >= 0) this.show(row, focus);
		this.allRows = true;
		this.draw();
	}

	/** Makes a span the active row, opening what hides it. */
	show(row: number, focus = false): void {
		if (this.model === null || row < 0) return;
		const before = this.model.length;
		const at = this.model.reveal(row);
		if (at < 0) return;
		if (this.model.length !== before) this.folded();
		this.active = at;
		this.allRows = true;
		this.scrollTo(at);
		this.draw();
		if (focus) this.focusActive();
	}

	get activeSpan(): number {
		return this.model === null || this.model.length === 0 ? -1 : this.model.spanAt(this.active);
	}

	// What the keyboard does.

	move(by: number): void {
		if (this.model === null || this.model.length === 0) return;
		this.goTo(Math.min(Math.max(this.active + by, 0), this.model.length - 1));
	}

	/** Unfolds the active row: a group first to its slowest, then to all; then goes to the first below. */
	openActive(): void {
		const m = this.model;
		if (m === null) return;
		const i = this.active;
		if (m.kind[i] === RowKind.fold && m.foldStateOf(m.ref[i]!) === FoldState.slowest) {
			m.setFold(i, FoldState.all);
			this.folded();
		} else if (m.canOpen(i) && !m.isOpen(i)) this.toggle(i);
		else if (m.canOpen(i) && i + 1 < m.length && m.level[i + 1]! > m.level[i]!) this.goTo(i + 1);
	}

	/** Folds the active row; if it is, goes to its parent. */
	closeActive(): void {
		const m = this.model;
		if (m === null) return;
		if (m.isOpen(this.active)) this.toggle(this.active);
		else if (m.parentOf(this.active) >= 0) this.goTo(m.parentOf(this.active));
	}

	/** What Enter does: opens details of a span, unfolds a group, loads what was cut. */
	enter(): void {
		if (this.model !== null && this.model.length > 0) this.act(this.active);
	}

	openAll(): void {
		this.keepPlace(() => this.model?.openAll());
	}

	closeFrom(level: number): void {
		this.keepPlace(() => this.model?.closeFrom(level));
	}

	/** Zooms around the middle of the plot; below 1 is in. */
	zoom(factor: number): void {
		this.scale.zoom(factor, this.scale.width / 2);
		this.viewChanged();
	}

	/** Moves the view by a share of its width. */
	pan(share: number): void {
		this.scale.pan(share * this.scale.width);
		this.viewChanged();
	}

	/** Fits the view to a span, with a little around it. */
	zoomTo(row: number): void {
		const l = this.model?.layout;
		if (l === undefined || row < 0) return;
		const a = this.start()[row]!;
		const length = l.flags[row]! & Flag.live ? l.durationNs - l.start[row]! : l.duration[row]!;
		this.scale.setView(a - length * 0.05, a + length * 1.05);
		this.viewChanged();
	}

	resetZoom(): void {
		this.scale.reset();
		this.viewChanged();
	}

	focusActive(): void {
		// Rows appear with the next frame; focus follows them.
		requestAnimationFrame(() => {
			const row = this.rows.find((r) => r.index === this.active);
			(row?.el ?? this.grid).focus({ preventScroll: true });
		});
	}

	// Events.

	private act(i: number): void {
		const m = this.model;
		if (m === null) return;
		switch (m.kind[i]) {
			case RowKind.fold:
				this.toggle(i);
				break;
			case RowKind.cut:
				this.load(m.ref[i]!);
				break;
			default:
				this.selectedRow = m.spanAt(i);
				this.allRows = true;
				this.draw();
				this.events.select(this.selectedRow);
		}
	}

	private load(row: number): void {
		if (this.model !== null && canLoad(this.model.layout, row)) this.events.load(row);
	}

	private click(e: MouseEvent): void {
		const at = this.rowOf(e.target);
		if (at < 0 || this.model === null) return;
		this.active = at;
		this.allRows = true;
		const target = e.target as HTMLElement;
		if (target.closest(".tl-more") !== null) {
			if (this.model.kind[at] === RowKind.cut) this.load(this.model.ref[at]!);
			else {
				this.model.setFold(at, FoldState.all);
				this.folded();
			}
		} else if (target.closest(".tl-twist") !== null && this.model.canOpen(at)) this.toggle(at);
		// Text that was just selected is to be copied, not to be left for the panel.
		else if (getSelection()?.isCollapsed !== false) this.act(at);
		this.draw();
	}

	private doubleClick(e: MouseEvent): void {
		const at = this.rowOf(e.target);
		if (at < 0 || this.model === null || (e.target as HTMLElement).closest(".tl-label") !== null) return;
		getSelection()?.removeAllRanges();
		this.zoomTo(this.model.spanAt(at));
	}

	private focused(e: FocusEvent): void {
		const at = this.rowOf(e.target);
		if (at >= 0 && at !== this.active) {
			this.active = at;
			this.allRows = true;
			this.draw();
		}
	}

	private key(e: KeyboardEvent): void {
		if (e.altKey || e.ctrlKey || e.metaKey) return;
		const page = Math.max(Math.floor(this.viewHeight / this.rowHeight) - 1, 1);
		const moves: Record<string, number> = {
			ArrowDown: 1,
			ArrowUp: -1,
			PageDown: page,
			PageUp: -page,
			Home: -Infinity,
			End: Infinity,
		};
		const by = moves[e.key];
		if (by !== undefined) this.move(by);
		else if (e.key === "ArrowRight") this.openActive();
		else if (e.key === "ArrowLeft") this.closeActive();
		else if (e.key === "Enter") this.enter();
		else if (e.key === " ") this.model?.canOpen(this.active) && this.toggle(this.active);
		else return;
		e.preventDefault();
		e.stopPropagation();
		this.focusActive();
	}

	private wheel(e: WheelEvent, zoom: boolean): void {
		if (zoom) {
			e.preventDefault();
			const x = e.clientX - this.axis.getBoundingClientRect().left;
			this.scale.zoom(Math.exp(clamp(e.deltaY, -60, 60) * 0.01), clamp(x, 0, this.scale.width));
			this.viewChanged();
			return;
		}
		const sideways = e.shiftKey ? e.deltaY || e.deltaX : e.deltaX;
		if (sideways === 0 || Math.abs(sideways) <= Math.abs(e.shiftKey ? 0 : e.deltaY)) return;
		e.preventDefault();
		this.scale.pan(sideways);
		this.viewChanged();
	}

	private dragAxis(e: PointerEvent): void {
		if (e.button !== 0) return;
		const left = this.axis.getBoundingClientRect().left;
		const from = this.scale.t(e.clientX - left);
		const select = element("div", "tl-range");
		const move = (m: PointerEvent) => {
			const a = Math.min(e.clientX, m.clientX) - left;
			const b = Math.max(e.clientX, m.clientX) - left;
			select.style.left = `${clamp(a, 0, this.scale.width)}px`;
			select.style.width = `${clamp(b, 0, this.scale.width) - clamp(a, 0, this.scale.width)}px`;
		};
		const end = (m: PointerEvent) => {
			this.axis.removeEventListener("pointermove", move);
			this.axis.removeEventListener("pointerup", end);
			this.axis.removeEventListener("pointercancel", end);
			select.remove();
			if (m.type !== "pointerup" || Math.abs(m.clientX - e.clientX) < 4) return;
			this.scale.setView(from, this.scale.t(m.clientX - left));
			this.viewChanged();
		};
		this.axis.append(select);
		this.axis.setPointerCapture(e.pointerId);
		this.axis.addEventListener("pointermove", move);
		this.axis.addEventListener("pointerup", end);
		this.axis.addEventListener("pointercancel", end);
	}

	private dragSplitter(e: PointerEvent): void {
		if (e.button !== 0) return;
		e.preventDefault();
		const left = this.root.getBoundingClientRect().left;
		const move = (m: PointerEvent) => this.setLabelWidth(m.clientX - left);
		const end = () => {
			this.splitter.removeEventListener("pointermove", move);
			this.splitter.removeEventListener("pointerup", end);
			this.splitter.removeEventListener("pointercancel", end);
		};
		this.splitter.setPointerCapture(e.pointerId);
		this.splitter.addEventListener("pointermove", move);
		this.splitter.addEventListener("pointerup", end);
		this.splitter.addEventListener("pointercancel", end);
	}

	private keySplitter(e: KeyboardEvent): void {
		const by = { ArrowLeft: -16, ArrowRight: 16 }[e.key];
		if (by === undefined) return;
		e.preventDefault();
		e.stopPropagation();
		this.setLabelWidth(this.labelWidth + by);
	}

	private setLabelWidth(px: number): void {
		this.labelWidth = clamp(px, leastLabel, Math.max(this.root.clientWidth * 0.7, leastLabel));
		this.measure();
	}

	private hover(e: PointerEvent | null): void {
		const box = this.axis.getBoundingClientRect();
		const x = e === null || e.pointerType === "touch" ? -1 : e.clientX - box.left;
		const on = x >= 0 && x <= this.scale.width;
		this.cursor.hidden = !on;
		this.cursorTime.hidden = !on;
		if (!on) return;
		const offset = box.left - this.root.getBoundingClientRect().left;
		this.cursor.style.transform = `translateX(${Math.round(offset + x)}px)`;
		this.cursorTime.textContent = preciseTime(
			this.scale.t(x),
			(this.scale.view.to - this.scale.view.from) / this.scale.width,
		);
		this.cursorTime.style.transform = `translateX(${Math.round(x)}px) translateX(-50%)`;
	}

	private rowOf(target: EventTarget | null): number {
		const el = target instanceof Element ? target.closest(".tl-row") : null;
		return this.rows.find((r) => r.el === el)?.index ?? -1;
	}

	// Changes.

	private start(): Float64Array {
		const l = (this.model as Model).layout;
		return this.clock === "raw" || this.skew === null ? l.start : this.skew.start;
	}

	/** The clock that is not shown, null where both are the same. */
	private ghost(): Float64Array | null {
		if (this.skew === null || this.skew.pairs.length === 0) return null;
		return this.clock === "raw" ? this.skew.start : (this.model as Model).layout.start;
	}

	private toggle(i: number): void {
		this.model?.toggle(i);
		this.folded();
	}

	private folded(): void {
		this.active = clamp(this.active, 0, Math.max((this.model?.length ?? 1) - 1, 0));
		this.grid.setAttribute("aria-rowcount", String(this.model?.length ?? 0));
		this.allRows = true;
		this.bars = true;
		this.draw();
		this.events.changed();
	}

	/** Rewrites the rows and stays at the span that was active, at the same height on screen. */
	private keepPlace(change: () => void): void {
		const m = this.model;
		if (m === null || m.length === 0) return;
		const row = m.spanAt(this.active);
		const above = this.active * this.rowHeight - this.scroller.scrollTop;
		change();
		let at = -1;
		for (let r = row; r >= 0 && at < 0; r = m.layout.parent[r]!) at = m.find(r);
		this.active = Math.max(at, 0);
		this.resize();
		this.scroller.scrollTop = this.active * this.rowHeight - above;
		this.folded();
	}

	/** The span at the top of the view, so that rows which come in above do not move it. */
	private anchor(): { name: string; offset: number } | null {
		const m = this.model;
		const top = this.scroller.scrollTop;
		if (m === null || m.length === 0 || top === 0) return null;
		let i = Math.min(Math.floor(top / this.rowHeight), m.length - 1);
		while (i > 0 && m.kind[i] !== RowKind.span) i--;
		return { name: rowName(m.layout, m.spanAt(i)), offset: top - i * this.rowHeight };
	}

	private goTo(i: number): void {
		const m = this.model;
		if (m === null || m.length === 0) return;
		const at = clamp(i, 0, m.length - 1);
		const row = m.spanAt(at);
		this.active = at;
		this.allRows = true;
		this.scrollTo(at);
		this.draw();
		this.events.active(m.kind[at] === RowKind.span ? row : -1);
	}

	private scrollTo(i: number): void {
		this.resize();
		const top = i * this.rowHeight;
		const view = this.scroller.scrollTop;
		const room = this.viewHeight;
		if (top >= view && top + this.rowHeight <= view + room) return;
		const far = top < view - room || top > view + 2 * room;
		const margin = room > 4 * this.rowHeight ? this.rowHeight : 0;
		if (far) this.scroller.scrollTop = top - room / 2;
		else this.scroller.scrollTop = top < view ? top - margin : top + this.rowHeight - room + margin;
	}

	private viewChanged(): void {
		this.bars = true;
		this.allRows = true;
		this.draw();
		this.events.changed();
	}

	private rescale(): void {
		if (this.model === null) return;
		const l = this.model.layout;
		const corrected = (this.skew as Skew).start;
		let from = 0;
		let to = l.durationNs;
		if (corrected !== l.start) {
			// Both clocks are on the axis, so that switching does not move it.
			for (let r = 0; r < l.rows; r++) {
				from = Math.min(from, corrected[r]!);
				to = Math.max(to, corrected[r]! + l.duration[r]!);
			}
		}
		const width = this.scale.width;
		this.scale = new TimeScale(from, to);
		this.scale.width = width;
		if (this.compressed) this.scale.compress(findQuiet(l, this.start()));
	}

	private measure(): void {
		const top = this.active * this.rowHeight - this.scroller.scrollTop;
		const inView = top > -this.rowHeight && top < this.viewHeight;
		const width = this.host.clientWidth;
		const css = getComputedStyle(this.root);
		const compact = Number.parseFloat(css.getPropertyValue("--row-compact")) || 24;
		this.stacked = width < stackedBelow;
		this.rowHeight = this.stacked ? 40 : compact;
		const most = Math.max(width * (this.stacked ? 1 : 0.7), leastLabel);
		if (this.labelWidth === 0 && width > 0) this.labelWidth = clamp(width * 0.29, 260, 440);
		this.labelWidth = clamp(this.labelWidth, leastLabel, most);
		const left = this.stacked ? 8 : this.labelWidth;
		this.root.toggleAttribute("data-stacked", this.stacked);
		this.root.style.setProperty("--tl-label", `${left}px`);
		this.root.style.setProperty("--tl-row", `${this.rowHeight}px`);
		this.root.style.setProperty("--tl-gutter", `${gutter}px`);
		this.splitter.setAttribute("aria-valuenow", String(Math.round(this.labelWidth)));
		this.splitter.setAttribute("aria-valuemin", String(leastLabel));
		this.splitter.setAttribute("aria-valuemax", String(Math.round(most)));
		this.viewHeight = this.scroller.clientHeight;
		// A panel that opens must not cover the row it was opened from.
		if (inView && this.model !== null) this.scrollTo(this.active);
		this.scale.width = Math.max(this.scroller.clientWidth - left - gutter, 20);
		this.measureIndent();
		this.redraw();
	}

	/** Deep traces indent less, so that the names stay readable. */
	private measureIndent(): void {
		let deepest = 1;
		const l = this.model?.layout;
		if (l !== undefined) for (let r = 0; r < l.rows; r++) if (l.depth[r]! > deepest) deepest = l.depth[r]!;
		const room = (this.stacked ? this.host.clientWidth : this.labelWidth) * 0.4;
		this.indent = clamp(Math.floor(room / (deepest + 1)), 0, 12) || room / (deepest + 1);
	}

	private redraw(): void {
		this.allRows = true;
		this.bars = true;
		this.wholeMap = true;
		this.draw();
	}

	/** Asks for a frame; everything that changed until then is drawn in it. */
	private draw(): void {
		if (this.frame === 0) this.frame = requestAnimationFrame((t) => this.paint(t));
	}

	// Drawing.

	private resize(): void {
		const height = `${(this.model?.length ?? 0) * this.rowHeight}px`;
		if (this.grid.style.height !== height) this.grid.style.height = height;
	}

	private paint(now: number): void {
		this.frame = 0;
		const m = this.model;
		if (m === null) return;
		this.resize();
		const top = this.scroller.scrollTop;
		const first = Math.floor(top / this.rowHeight);
		const last = Math.min(Math.ceil((top + this.viewHeight) / this.rowHeight), m.length);
		const inReach = first >= this.drawnFrom && last <= this.drawnTo && this.drawnTo <= m.length;
		// A fifth of the overscan is left when it is filled again, so that a fling finds rows.
		const near =
			(first - this.drawnFrom < overscan / 5 && this.drawnFrom > 0) ||
			(this.drawnTo - last < overscan / 5 && this.drawnTo < m.length);
		if (this.bars || this.allRows || !inReach || near) {
			const from = Math.max(first - overscan, 0);
			const to = Math.min(last + overscan, m.length);
			if (this.bars || this.allRows) this.paintAxis();
			this.paintBars(from, to, now);
			this.paintRows(from, to);
			this.drawnFrom = from;
			this.drawnTo = to;
		} else if (this.moves && now - this.movedAt > 45) this.paintBars(this.drawnFrom, this.drawnTo, now);
		this.bars = false;
		this.allRows = false;
		if (this.wholeMap) {
			this.wholeMap = false;
			this.minimap.draw(m.layout, this.start(), this.scale, this.theme);
		} else this.minimap.update();
		if (this.moves && !this.theme.still) this.draw();
	}

	private paintAxis(): void {
		this.tickList = ticks(this.scale, this.stacked ? 64 : 96);
		this.tickList.forEach((t, i) => {
			let el = this.tickEls[i];
			if (el === undefined) {
				el = element("span", "tl-tick");
				this.tickEls.push(el);
				this.axis.append(el);
			}
			el.hidden = false;
			el.textContent = t.label;
			el.style.transform = `translateX(${Math.round(t.x)}px)`;
		});
		for (let i = this.tickList.length; i < this.tickEls.length; i++) this.tickEls[i]!.hidden = true;
	}

	private paintBars(from: number, to: number, now: number): void {
		const m = this.model as Model;
		const width = this.scroller.clientWidth - (this.stacked ? 8 : this.labelWidth);
		const height = (to - from) * this.rowHeight;
		const dpr = Math.min(window.devicePixelRatio || 1, 2);
		const w = Math.round(width * dpr);
		const h = Math.round(height * dpr);
		if (this.canvas.width !== w || this.canvas.height < h || this.canvas.height > h * 2) {
			this.canvas.width = w;
			this.canvas.height = h;
		}
		this.canvas.style.width = `${width}px`;
		this.canvas.style.height = `${this.canvas.height / dpr}px`;
		this.canvas.style.transform = `translateY(${from * this.rowHeight}px)`;
		const ctx = this.canvas.getContext("2d");
		if (ctx === null) return;
		ctx.setTransform(dpr, 0, 0, dpr, 0, 0);
		ctx.clearRect(0, 0, width, this.canvas.height / dpr);
		const scene: Scene = {
			model: m,
			scale: this.scale,
			theme: this.theme,
			start: this.start(),
			ghost: this.ghost(),
			path: this.pathShown ? this.path : null,
			ticks: this.tickList,
			rowHeight: this.rowHeight,
			barTop: this.stacked ? 23 : Math.round((this.rowHeight - 12) / 2),
			barHeight: this.stacked ? 9 : 12,
			stacked: this.stacked,
			clock: now / 1000,
		};
		this.moves = drawRows(ctx, scene, from, to);
		this.movedAt = now;
	}

	private paintRows(from: number, to: number): void {
		const m = this.model as Model;
		while (this.rows.length < to - from) {
			const r = new RowView();
			this.rows.push(r);
			this.grid.append(r.el);
		}
		this.turn(from);
		const had = document.activeElement;
		const start = this.start();
		for (let k = 0; k < this.rows.length; k++) {
			const i = from + k;
			const r = this.rows[k]!;
			if (i >= to) {
				if (r.el === had) this.grid.focus({ preventScroll: true });
				if (r.index >= 0) r.hide();
				continue;
			}
			if (r.index === i && !this.allRows && !this.bars) continue;
			const row = m.spanAt(i);
			const isSpan = m.kind[i] === RowKind.span;
			r.bind(m, i, i * this.rowHeight, {
				active: i === this.active,
				selected: isSpan && row === this.selectedRow,
				match: isSpan && this.matches[row] === 1 ? (row === this.currentMatch ? "current" : "hit") : "",
				indent: this.indent,
			});
			this.placeTime(r, i, start);
		}
		this.grid.tabIndex = this.active >= from && this.active < to ? -1 : 0;
	}

	/** Keeps the order of rows in the document equal to what is seen: what left at one side comes in at the other. */
	private turn(from: number): void {
		const at = this.rows.findIndex((r) => r.index === from);
		if (at > 0) {
			for (const r of this.rows.splice(0, at)) {
				this.rows.push(r);
				this.grid.append(r.el);
			}
			return;
		}
		const first = this.rows[0]?.index ?? -1;
		const by = first - from;
		if (at < 0 && first >= 0 && by > 0 && by < this.rows.length) {
			for (let k = 0; k < by; k++) {
				const r = this.rows.pop() as RowView;
				this.grid.insertBefore(r.el, this.rows[0]?.el ?? null);
				this.rows.unshift(r);
			}
		}
	}

	/** After the bar where there is room, else before it, else on it. */
	private placeTime(r: RowView, i: number, start: Float64Array): void {
		const m = this.model as Model;
		if (m.kind[i] === RowKind.cut) {
			r.placeTime(6, "after");
			return;
		}
		const { from, to } = barEnd({ model: m, scale: this.scale, start }, i);
		const width = this.scale.width;
		const a = clamp(from, 0, width);
		const b = clamp(to, 0, width);
		const text = r.timeWidth;
		// Not on the line to a ghost at the right.
		const ghost = m.kind[i] === RowKind.span && (this.ghost()?.[m.ref[i]!] ?? -Infinity) > start[m.ref[i]!]!;
		if (ghost && a - 6 - text >= 0) r.placeTime(a - 6, "before");
		else if (b + 6 + text <= width + gutter) r.placeTime(b + 6, "after");
		else if (a - 6 - text >= 0) r.placeTime(a - 6, "before");
		else r.placeTime(width + gutter - 8, "on");
	}
}

/** A moment with the digits that a pixel is worth. */
function preciseTime(t: number, nsPerPixel: number): string {
	const [unit, ns] =
		Math.abs(t) >= 1e9
			? ["s", 1e9]
			: Math.abs(t) >= 1e6
				? ["ms", 1e6]
				: Math.abs(t) >= 1e3
					? ["µs", 1e3]
					: ["ns", 1];
	const decimals = clamp(Math.ceil(-Math.log10(nsPerPixel / (ns as number))), 0, 9);
	return `${(t / (ns as number)).toFixed(decimals)} ${unit}`;
}

function clamp(v: number, low: number, high: number): number {
	return Math.min(Math.max(v, low), high);
}
