import { formatCount, formatDuration } from "../lib/format";
import { onThemeChange } from "../lib/theme";
import type { Layout } from "./decode";
import { type Flame, type FlameBox, layoutFlame } from "./flame";
import { element } from "./rowView";
import { onMediaChange, readTheme, type Theme } from "./theme";
import "./timeline.css";

export interface FlameEvents {
	/** A span is wanted in the waterfall. */
	open(row: number): void;
}

const rowHeight = 20;

/**
 * The flame graph on canvas, callers above. A click zooms to a node, a click on a caller
 * zooms out, Shift or a second click opens its slowest span. Arrow keys walk, Enter zooms.
 * The same numbers stand in the table beside it, which is what assistive technology reads.
 */
export class FlameGraph {
	private readonly events: FlameEvents;
	private readonly root = element("div", "fl");
	private readonly content = element("div", "fl-content");
	private readonly canvas = element("canvas", "", {
		tabindex: "0",
		role: "img",
		"aria-label": "Flame graph: time by chain of calls. The table holds the same numbers.",
	});
	private readonly tip = element("div", "fl-tip");
	private readonly stop: (() => void)[] = [];
	private flame: Flame | null = null;
	private layout: Layout | null = null;
	private theme: Theme;
	private boxes: FlameBox[] = [];
	private zoomNode = -1;
	private hovered = -1;
	private marked = new Set<number>();
	private frame = 0;

	constructor(host: HTMLElement, events: FlameEvents) {
		this.events = events;
		this.theme = readTheme([]);
		this.tip.hidden = true;
		this.content.append(this.canvas);
		this.root.append(this.content, this.tip);
		host.append(this.root);
		this.root.addEventListener("scroll", () => this.draw(), { passive: true });
		this.canvas.addEventListener("pointermove", (e) => this.hover(e));
		this.canvas.addEventListener("pointerleave", () => this.hover(null));
		this.canvas.addEventListener("click", (e) => this.click(e));
		this.canvas.addEventListener("dblclick", (e) => this.openSlowest(this.at(e)));
		this.canvas.addEventListener("keydown", (e) => this.key(e));
		const resize = new ResizeObserver(() => this.relayout());
		resize.observe(this.root);
		const retheme = () => {
			this.theme = readTheme(this.layout?.services ?? []);
			this.draw();
		};
		this.stop.push(() => resize.disconnect(), onThemeChange(retheme), onMediaChange(retheme));
	}

	destroy(): void {
		for (const stop of this.stop) stop();
		cancelAnimationFrame(this.frame);
		this.root.remove();
	}

	setFlame(f: Flame, l: Layout): void {
		this.flame = f;
		this.layout = l;
		this.theme = readTheme(l.services);
		this.zoomNode = -1;
		this.hovered = -1;
		this.relayout();
	}

	/** Shows a node over the whole width; -1 shows everything. */
	zoom(node: number): void {
		this.zoomNode = node;
		this.relayout();
	}

	/** Marks the nodes of one service and name. */
	mark(service: number, name: number): void {
		this.marked.clear();
		const f = this.flame;
		if (f !== null) {
			for (let n = 0; n < f.count; n++)
				if (f.service[n] === service && f.name[n] === name) this.marked.add(n);
		}
		this.draw();
	}

	private relayout(): void {
		const f = this.flame;
		if (f === null) return;
		this.boxes = layoutFlame(f, this.root.clientWidth, this.zoomNode);
		this.content.style.height = `${(f.maxDepth + 1) * rowHeight + 8}px`;
		this.draw();
	}

	private at(e: MouseEvent): number {
		const box = this.canvas.getBoundingClientRect();
		const x = e.clientX - box.left;
		const depth = Math.floor((e.clientY - box.top + this.root.scrollTop) / rowHeight);
		return this.boxes.find((b) => b.depth === depth && x >= b.x && x < b.x + b.width)?.node ?? -1;
	}

	private click(e: MouseEvent): void {
		const node = this.at(e);
		if (node < 0) return;
		if (e.shiftKey) this.openSlowest(node);
		else this.zoom(node === this.zoomNode ? -1 : node);
	}

	private openSlowest(node: number): void {
		if (node >= 0 && this.flame !== null) this.events.open(this.flame.slowest[node]!);
	}

	private hover(e: PointerEvent | null): void {
		const node = e === null ? -1 : this.at(e);
		if (e !== null && node >= 0) {
			const box = this.root.getBoundingClientRect();
			this.showTip(node, e.clientX - box.left, e.clientY - box.top + this.root.scrollTop);
		} else this.tip.hidden = true;
		if (node === this.hovered) return;
		this.hovered = node;
		this.draw();
	}

	private showTip(node: number, x: number, y: number): void {
		const f = this.flame as Flame;
		const l = this.layout as Layout;
		const title = document.createElement("b");
		title.textContent = `${l.services[f.service[node]!]}  ${l.names[f.name[node]!]}`;
		const lines = document.createElement("span");
		const share = f.total0 > 0 ? `, ${((f.total[node]! / f.total0) * 100).toFixed(1)} %` : "";
		lines.textContent = [
			`total ${formatDuration(f.total[node]!)}${share}`,
			`self ${formatDuration(f.self[node]!)}`,
			`${formatCount(f.spans[node]!)} ${f.spans[node] === 1 ? "span" : "spans"}`,
			...(f.errors[node]! > 0 ? [`${formatCount(f.errors[node]!)} failed`] : []),
		].join(" · ");
		this.tip.replaceChildren(title, document.createElement("br"), lines);
		this.tip.hidden = false;
		const left = Math.min(x + 12, Math.max(this.root.clientWidth - this.tip.offsetWidth - 8, 0));
		this.tip.style.transform = `translate(${left}px, ${y + 16}px)`;
	}

	private key(e: KeyboardEvent): void {
		const f = this.flame;
		if (f === null || f.count === 0 || e.altKey || e.ctrlKey || e.metaKey) return;
		const at = this.hovered < 0 ? Math.max(this.zoomNode, 0) : this.hovered;
		const parent = f.parent[at]!;
		const end = parent < 0 ? f.count : parent + f.subtree[parent]!;
		let next = at;
		switch (e.key) {
			case "ArrowDown":
				if (f.subtree[at]! > 1) next = at + 1;
				break;
			case "ArrowUp":
				if (parent >= 0) next = parent;
				break;
			case "ArrowRight":
				if (at + f.subtree[at]! < end) next = at + f.subtree[at]!;
				break;
			case "ArrowLeft": {
				let n = parent + 1;
				while (n < at && n + f.subtree[n]! < at) n += f.subtree[n]!;
				if (n < at) next = n;
				break;
			}
			case "Enter":
				if (e.shiftKey) this.openSlowest(at);
				else this.zoom(at === this.zoomNode ? -1 : at);
				break;
			case "Escape":
				if (this.zoomNode < 0) return;
				this.zoom(-1);
				break;
			default:
				return;
		}
		e.preventDefault();
		e.stopPropagation();
		this.hovered = next;
		const y = f.depth[next]! * rowHeight;
		if (y < this.root.scrollTop) this.root.scrollTop = y;
		if (y + rowHeight > this.root.scrollTop + this.root.clientHeight) {
			this.root.scrollTop = y + rowHeight - this.root.clientHeight;
		}
		const box = this.boxes.find((b) => b.node === next);
		this.showTip(next, box?.x ?? 0, y + rowHeight);
		this.draw();
	}

	private draw(): void {
		if (this.frame === 0) this.frame = requestAnimationFrame(() => this.paint());
	}

	private paint(): void {
		this.frame = 0;
		const f = this.flame;
		const l = this.layout;
		const width = this.root.clientWidth;
		const height = this.root.clientHeight;
		if (f === null || l === null || width === 0) return;
		const dpr = Math.min(window.devicePixelRatio || 1, 2);
		this.canvas.width = Math.round(width * dpr);
		this.canvas.height = Math.round(height * dpr);
		this.canvas.style.width = `${width}px`;
		this.canvas.style.height = `${height}px`;
		const ctx = this.canvas.getContext("2d");
		if (ctx === null) return;
		ctx.setTransform(dpr, 0, 0, dpr, 0, 0);
		ctx.font = `12px ${this.theme.font}`;
		ctx.textBaseline = "middle";
		const { colors } = this.theme;
		const top = this.root.scrollTop;
		for (const b of this.boxes) {
			const y = b.depth * rowHeight - top;
			if (y + rowHeight < 0 || y > height) continue;
			const w = Math.max(b.width - (b.width > 3 ? 1 : 0), 0.5);
			if (b.node < 0) {
				ctx.fillStyle = colors.bar;
				ctx.fillRect(b.x, y, w, rowHeight - 1);
				continue;
			}
			const above = this.zoomNode >= 0 && f.depth[b.node]! < f.depth[this.zoomNode]!;
			const dim = above || (this.marked.size > 0 && !this.marked.has(b.node));
			ctx.globalAlpha = dim ? 0.45 : 1;
			ctx.fillStyle = this.theme.service[f.service[b.node]!]!;
			ctx.fillRect(b.x, y, w, rowHeight - 1);
			ctx.globalAlpha = 1;
			if (f.errors[b.node]! > 0) {
				ctx.fillStyle = colors["error-fill"];
				ctx.fillRect(b.x, y + rowHeight - 4, w, 3);
			}
			if (b.node === this.hovered) {
				ctx.strokeStyle = colors.text;
				ctx.lineWidth = 2;
				ctx.strokeRect(b.x + 1, y + 1, Math.max(w - 2, 1), rowHeight - 3);
			}
			if (w > 28) this.write(ctx, `${l.names[f.name[b.node]!]}`, l.services[f.service[b.node]!]!, b.x, y, w);
		}
	}

	/** Name first, then service: where the box is narrow, the name is what is wanted. */
	private write(
		ctx: CanvasRenderingContext2D,
		name: string,
		service: string,
		x: number,
		y: number,
		w: number,
	): void {
		ctx.save();
		ctx.beginPath();
		ctx.rect(x, y, w - 4, rowHeight);
		ctx.clip();
		ctx.fillStyle = this.theme.service[0] === "CanvasText" ? "Canvas" : "oklch(0.16 0.02 275)";
		ctx.fillText(w > 160 ? `${name}  ${service}` : name, x + 5, y + rowHeight / 2);
		ctx.restore();
	}
}
