import { formatCount, formatDuration, plural } from "../lib/format";
import { serviceColor } from "../lib/serviceColor";
import { Flag, Status, spanIdOf } from "./decode";
import { canLoad, notSent } from "./graft";
import { FoldState, type Model, RowKind } from "./model";

/** What a row shows besides what the model knows. */
export interface RowState {
	readonly active: boolean;
	readonly selected: boolean;
	readonly match: "" | "hit" | "current";
	/** Pixels of indentation a level. */
	readonly indent: number;
}

/**
 * One row's DOM: a label that can be read, selected and copied, and the text at the end
 * of its bar. Rows are recycled; bind writes only what differs from what is there.
 */
export class RowView {
	readonly el: HTMLDivElement;
	/** Visible row this shows, -1 for none. */
	index = -1;
	private readonly label = element("div", "tl-label", { role: "gridcell" });
	private readonly twist = element("span", "tl-twist", { "aria-hidden": "true" });
	private readonly mark = element("span", "tl-mark");
	private readonly stripe = element("span", "tl-stripe", { "aria-hidden": "true" });
	private readonly service = element("span", "tl-service");
	private readonly name = element("span", "tl-name");
	private readonly note = element("span", "tl-note");
	private readonly more = element("button", "tl-more", { type: "button", tabindex: "-1" });
	private readonly time = element("div", "tl-time", { role: "gridcell" });
	private readonly timeText = element("span", "");
	private readonly timeError = element("span", "tl-errors");
	private readonly written = new Map<string, string>();

	constructor() {
		this.el = element("div", "tl-row", { role: "row" });
		this.label.append(this.twist, this.mark, this.stripe, this.service, this.name, this.note, this.more);
		this.time.append(this.timeText, this.timeError);
		this.el.append(this.label, this.time);
	}

	hide(): void {
		this.index = -1;
		this.el.hidden = true;
	}

	bind(m: Model, i: number, top: number, s: RowState): void {
		this.index = i;
		this.el.hidden = false;
		this.style("top", `${top}px`);
		this.attribute("aria-level", String(m.level[i]! + 1));
		this.attribute("aria-posinset", String(m.pos[i]!));
		this.attribute("aria-setsize", String(m.size[i]!));
		this.attribute("aria-rowindex", String(i + 1));
		this.attribute("aria-expanded", m.canOpen(i) ? String(m.isOpen(i)) : null);
		this.attribute("aria-selected", String(s.selected));
		this.attribute("tabindex", s.active ? "0" : "-1");
		this.attribute("data-active", s.active ? "" : null);
		this.attribute("data-match", s.match || null);
		this.style("--tl-indent", `${m.level[i]! * s.indent}px`);
		this.style("--tl-step", `${s.indent}px`);
		this.write(m, i);
	}

	/** About how wide the text at the bar is: measuring it would cost a layout for every row. */
	get timeWidth(): number {
		const { length } = `${this.written.get("time") ?? ""}${this.written.get("errors") ?? ""}`;
		return length * 6.6 + 6;
	}

	/** Puts the text at a pixel of the plot: it begins there, or ends there, before the bar or on it. */
	placeTime(x: number, side: "after" | "before" | "on"): void {
		this.attribute("data-side", side);
		this.style("--tl-x", `${Math.round(x)}px`);
	}

	private write(m: Model, i: number): void {
		const l = m.layout;
		const ref = m.ref[i]!;
		const row = m.spanAt(i);
		const kind = m.kind[i]!;
		let look = "span";
		let service = l.services[l.service[row]!]!;
		let name = l.names[l.name[row]!]!;
		let note = "";
		let more = "";
		let mark = "";
		let time = "";
		let errors = 0;

		if (kind === RowKind.gap) {
			look = "gap";
			service = "";
			name = `gap ${formatDuration(m.selfTime.gapTo[ref]! - m.selfTime.gapFrom[ref]!)} unaccounted`;
		} else if (kind === RowKind.cut) {
			look = "cut";
			service = "";
			name = `${plural(notSent(l, row), "span")} not sent`;
			if (canLoad(l, row)) more = "load";
			else note = "too many under one parent";
		} else if (kind === RowKind.fold) {
			look = "fold";
			const g = m.groupStats(ref);
			note = `×${formatCount(g.count)}`;
			time = `p50 ${formatDuration(g.p50)}, max ${formatDuration(g.max)}`;
			errors = g.errors;
			if (m.foldStateOf(ref) === FoldState.slowest) {
				note = `5 slowest of ${formatCount(g.count)}`;
				more = "all";
			}
		} else if (l.flags[row]! & Flag.missing) {
			look = "missing";
			service = "";
			name = `missing parent ${spanIdOf(l, row).slice(0, 8)}`;
			note = "has not arrived";
		} else {
			const live = (l.flags[row]! & Flag.live) !== 0;
			time = live
				? `running ${formatDuration(l.durationNs - l.start[row]!)}`
				: formatDuration(l.duration[row]!);
			if (l.status[row] === Status.error) mark = "failed";
			if (!m.isOpen(i) && m.canOpen(i)) {
				note = `+${formatCount(Math.max(l.subtree[row]!, l.hidden?.[row] ?? 0) - 1)}`;
				errors = m.errorsBelow(row);
			}
			if (l.flags[row]! & Flag.twin) note = `${note} same id twice`.trim();
			if (l.flags[row]! & Flag.cycle) note = `${note} parent cycle`.trim();
		}

		this.attribute("data-look", look);
		this.attribute("data-failed", mark === "" ? null : "");
		this.attribute("data-open", m.canOpen(i) ? String(m.isOpen(i)) : null);
		this.text(this.service, "service", service);
		this.text(this.name, "name", name);
		this.text(this.note, "note", note);
		this.text(this.more, "more", more);
		this.more.hidden = more === "";
		this.text(this.mark, "mark", mark);
		this.text(this.timeText, "time", time);
		this.text(this.timeError, "errors", errors === 0 ? "" : `${formatCount(errors)} failed`);
		const color = service === "" ? "transparent" : serviceColor(service);
		if (this.written.get("stripe") !== color) {
			this.written.set("stripe", color);
			this.stripe.style.background = color;
		}
		const title = service === "" ? name : `${service}  ${name}`;
		if (this.written.get("title") !== title) {
			this.written.set("title", title);
			this.label.title = title;
		}
	}

	private text(el: HTMLElement, key: string, value: string): void {
		if (this.written.get(key) === value) return;
		this.written.set(key, value);
		el.textContent = value;
	}

	private attribute(name: string, value: string | null): void {
		const key = `@${name}`;
		if (this.written.get(key) === (value ?? "\0")) return;
		this.written.set(key, value ?? "\0");
		if (value === null) this.el.removeAttribute(name);
		else this.el.setAttribute(name, value);
	}

	private style(name: string, value: string): void {
		const key = `$${name}`;
		if (this.written.get(key) === value) return;
		this.written.set(key, value);
		this.el.style.setProperty(name, value);
	}
}

export function element<K extends keyof HTMLElementTagNameMap>(
	tag: K,
	className: string,
	attributes: Record<string, string> = {},
): HTMLElementTagNameMap[K] {
	const el = document.createElement(tag);
	if (className !== "") el.className = className;
	for (const [name, value] of Object.entries(attributes)) el.setAttribute(name, value);
	return el;
}
