import type { RefObject } from "react";
import { formatCount, formatDuration } from "../lib/format";
import type { Layout } from "../timeline/decode";
import type { Skew } from "../timeline/skew";
import type { Waterfall } from "../timeline/waterfall";
import { IconButton } from "../ui/Button";
import { Icon } from "../ui/Icon";
import { Menu, type MenuItem } from "../ui/Menu";
import { Popover } from "../ui/Popover";
import css from "./Toolbar.module.css";
import type { PageState } from "./traceUrl";

interface Props {
	layout: Layout;
	skew: Skew;
	state: PageState;
	update: (change: Partial<PageState>, push?: boolean) => void;
	waterfall: RefObject<Waterfall | null>;
	findBox: RefObject<HTMLInputElement | null>;
	findText: string;
	onFind: (text: string) => void;
	hits: Int32Array;
	current: number;
	onStep: (step: 1 | -1) => void;
}

export function Toolbar(p: Props) {
	const { state, update, hits, current } = p;
	const at = hits.indexOf(current) + 1;
	const count =
		p.findText.trim() === ""
			? ""
			: hits.length === 0
				? "none"
				: `${at || "–"} of ${formatCount(hits.length)}`;
	return (
		<div className={css.bar}>
			<fieldset className={css.views} aria-label="View">
				{(["waterfall", "flame"] as const).map((view) => (
					<button
						key={view}
						type="button"
						aria-pressed={state.view === view}
						onClick={() => state.view !== view && update({ view }, true)}
					>
						{view === "waterfall" ? "Waterfall" : "Flame graph"}
					</button>
				))}
			</fieldset>
			<search className={css.find}>
				<Icon name="search" />
				<input
					ref={p.findBox}
					value={p.findText}
					onChange={(e) => p.onFind(e.target.value)}
					onKeyDown={(e) => {
						if (e.key !== "Enter") return;
						e.preventDefault();
						p.onStep(e.shiftKey ? -1 : 1);
					}}
					placeholder="Find name, service, id, is:error, >100ms"
					aria-label="Find in this trace"
					spellCheck={false}
					autoComplete="off"
				/>
				<output className={css.count}>{count}</output>
				{count !== "" && hits.length > 0 && (
					<>
						<IconButton
							icon="down"
							label="Match before"
							shortcut="N"
							className={css.up}
							onClick={() => p.onStep(-1)}
						/>
						<IconButton icon="down" label="Next match" shortcut="n" onClick={() => p.onStep(1)} />
					</>
				)}
			</search>
			<div className={css.right}>
				{p.skew.pairs.length > 0 && <SkewButton {...p} />}
				{state.view === "waterfall" && <ViewMenu {...p} />}
			</div>
		</div>
	);
}

function ViewMenu({ state, update, waterfall }: Props) {
	const items: MenuItem[] = [
		{ heading: "Show" },
		{ label: "Critical path", hint: "c", checked: state.path, run: () => update({ path: !state.path }) },
		{ label: "Quiet time shortened", checked: state.short, run: () => update({ short: !state.short }) },
		{ heading: "Rows" },
		{ label: "Open all", run: () => waterfall.current?.openAll() },
		{ label: "Only roots", run: () => waterfall.current?.closeFrom(0) },
		{ label: "Two levels", run: () => waterfall.current?.closeFrom(1) },
		{ label: "Three levels", run: () => waterfall.current?.closeFrom(2) },
		"separator",
		{ label: "Whole trace on the axis", hint: "0", run: () => waterfall.current?.resetZoom() },
	];
	return (
		<Menu
			label="What the waterfall shows"
			align="end"
			items={items}
			trigger={(props) => (
				<button {...props} type="button" className={css.button}>
					View <Icon name="down" size={12} />
				</button>
			)}
		/>
	);
}

/** Says how far which clocks seem to be off, and draws the bars by one or the other. */
function SkewButton({ layout, skew, state, update }: Props) {
	const worst = skew.pairs[0];
	if (worst === undefined) return null;
	const raw = state.clock === "raw";
	return (
		<Popover
			label="Clocks"
			align="end"
			trigger={(props) => (
				<button {...props} type="button" className={css.warn}>
					<Icon name="clock" />
					Clocks differ by {formatDuration(Math.abs(worst.aheadNs))}
				</button>
			)}
		>
			{() => (
				<div className={css.skew}>
					<p>
						Some calls lie outside of the span that made them, so their clocks disagree. Bars are drawn by the{" "}
						{raw ? "times as they were sent" : "corrected times"}; dashed outlines show the other.
					</p>
					<ul>
						{skew.pairs.slice(0, 8).map((s) => (
							<li key={`${s.from} ${s.to}`}>
								<b>{layout.services[s.to]}</b> is {formatDuration(Math.abs(s.aheadNs))}{" "}
								{s.aheadNs > 0 ? "ahead of" : "behind"} <b>{layout.services[s.from]}</b>
								<span className="muted">
									{" "}
									by {formatCount(s.outside)} of {formatCount(s.calls)} calls
									{!s.consistent && ", which contradict each other"}
								</span>
							</li>
						))}
					</ul>
					<fieldset className={css.views} aria-label="Clock">
						<button type="button" aria-pressed={raw} onClick={() => update({ clock: "raw" })}>
							As sent
						</button>
						<button type="button" aria-pressed={!raw} onClick={() => update({ clock: "corrected" })}>
							Corrected
						</button>
					</fieldset>
				</div>
			)}
		</Popover>
	);
}
