import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import type { Card } from "../api/queries";
import { absoluteHref } from "../lib/base";
import { copyText } from "../lib/copy";
import { formatCount, plural } from "../lib/format";
import { useGo } from "../lib/go";
import { useKeys } from "../lib/keys";
import { neighbours, recallResults } from "../lib/resultList";
import { paths } from "../paths";
import { type Layout, rowName, rowNamed, rowOfSpan, Status } from "../timeline/decode";
import { find, nextHit } from "../timeline/find";
import { estimateSkew } from "../timeline/skew";
import type { Waterfall } from "../timeline/waterfall";
import { Notice } from "../ui/States";
import { FailureCard } from "./FailureCard";
import { FlameView } from "./FlameView";
import { SpanPanel } from "./SpanPanel";
import { Toolbar } from "./Toolbar";
import css from "./Trace.module.css";
import { TraceHeader } from "./TraceHeader";
import { rangeAround, TraceRange } from "./traceRange";
import { type PageState, readState, writeState } from "./traceUrl";
import type { LoadedTrace } from "./useTrace";
import { WaterfallView } from "./WaterfallView";

interface Props {
	trace: LoadedTrace;
	layout: Layout;
	card: Card | undefined;
	cardError: Error | null;
	params: Record<string, string>;
}

/** The page of a trace that is there. The URL is its state; the waterfall's own part of it follows after a moment. */
export function TraceView({ trace, layout, card, cardError, params }: Props) {
	const go = useGo();
	const state = useMemo(() => readState(params), [params]);
	const waterfall = useRef<Waterfall | null>(null);
	const findBox = useRef<HTMLInputElement>(null);
	const [findText, setFindText] = useState("");
	const [current, setCurrent] = useState(-1);
	const [said, setSaid] = useState("");

	const range = useMemo(() => rangeAround(layout), [layout]);
	const skew = useMemo(() => estimateSkew(layout), [layout]);

	// Changes within one moment are made on what was last asked for, not on what the URL says yet.
	const latest = useRef(state);
	useEffect(() => {
		latest.current = state;
	}, [state]);
	const update = useCallback(
		(change: Partial<PageState>, push = false) => {
			latest.current = { ...latest.current, ...change };
			go(paths.trace(layout.traceId, writeState(latest.current)), { replace: !push });
		},
		[go, layout.traceId],
	);

	const hits = useMemo(() => find(layout, findText), [layout, findText]);
	useEffect(() => waterfall.current?.setMatches(hits, current), [hits, current]);

	const row = state.span === undefined ? -1 : rowNamed(layout, state.span);
	const [spanId, nth = "1"] = state.span?.split(".") ?? [];
	const choose = useCallback(
		(next: number) => update({ span: next < 0 ? undefined : rowName(layout, next) }),
		[layout, update],
	);

	/** Goes to a row; into the panel if one is open, or if that is what was meant. */
	const show = (next: number, details: boolean) => {
		if (next < 0) return;
		setCurrent(next);
		if (details || latest.current.span !== undefined) choose(next);
		if (latest.current.view === "flame") update({ view: "waterfall" });
		else waterfall.current?.show(next, document.activeElement !== findBox.current);
	};
	const from = () => waterfall.current?.activeSpan ?? row;
	const nextMatch = (step: 1 | -1) =>
		show(nextHit(hits, current >= 0 ? current : from() - step, step), false);
	const nextError = (step: 1 | -1) => {
		const failed = rowsWith(layout, (r) => layout.status[r] === Status.error);
		const next = nextHit(failed, row >= 0 ? row : from() - step, step);
		if (next < 0) setSaid("No span of this trace failed");
		show(next, true);
	};
	const link = () =>
		absoluteHref(paths.trace(layout.traceId, writeState({ ...latest.current, at: beganAt(layout) })));
	const results = useMemo(() => neighbours(recallResults(), layout.traceId), [layout.traceId]);

	const move = (by: number) => {
		waterfall.current?.move(by);
		waterfall.current?.focusActive();
	};
	const leave = () => {
		if (document.activeElement === findBox.current || findText !== "") {
			setFindText("");
			setCurrent(-1);
			waterfall.current?.focusActive();
		} else if (latest.current.span !== undefined) {
			choose(-1);
			waterfall.current?.focusActive();
		} else waterfall.current?.resetZoom();
	};
	useKeys({
		title: "Trace",
		bindings: [
			{ keys: "j", does: "Next row", run: () => move(1) },
			{ keys: "k", does: "Row before", run: () => move(-1) },
			{
				keys: "l",
				does: "Unfold; a group first its slowest, then all",
				run: () => waterfall.current?.openActive(),
			},
			{ keys: "h", does: "Fold; again: to the parent", run: () => waterfall.current?.closeActive() },
			{ keys: "Enter", does: "Details of the row", run: () => waterfall.current?.enter() },
			{ keys: "/", does: "Find in this trace", run: () => findBox.current?.select() },
			{ keys: "n", does: "Next match", run: () => nextMatch(1) },
			{ keys: "N", does: "Match before", run: () => nextMatch(-1) },
			{ keys: "e", does: "Next error", run: () => nextError(1) },
			{ keys: "E", does: "Error before", run: () => nextError(-1) },
			{ keys: "w", does: "Zoom in", run: () => waterfall.current?.zoom(0.7) },
			{ keys: "s", does: "Zoom out", run: () => waterfall.current?.zoom(1 / 0.7) },
			{ keys: "a", does: "Pan left", run: () => waterfall.current?.pan(-0.15) },
			{ keys: "d", does: "Pan right", run: () => waterfall.current?.pan(0.15) },
			{ keys: "f", does: "Fit the view to the row", run: () => waterfall.current?.zoomTo(from()) },
			{ keys: "0", does: "Show the whole trace", run: () => waterfall.current?.resetZoom() },
			{ keys: "c", does: "Critical path on or off", run: () => update({ path: !latest.current.path }) },
			{
				keys: "v",
				does: "Waterfall or flame graph",
				run: () => update({ view: latest.current.view === "flame" ? "waterfall" : "flame" }, true),
			},
			{
				keys: "[",
				does: "Trace before in the result list",
				run: () => results.previous && go(paths.trace(results.previous)),
			},
			{
				keys: "]",
				does: "Next trace of the result list",
				run: () => results.next && go(paths.trace(results.next)),
			},
			{
				keys: "y",
				does: "Copy a link to exactly this",
				run: () =>
					void copyText(link()).then((ok) =>
						setSaid(ok ? "Link copied" : "The browser did not let the link be copied"),
					),
			},
			{ keys: "Escape", does: "Leave the search, the panel, the zoom", inFields: true, run: leave },
		],
	});

	return (
		<div className={css.page}>
			<TraceHeader layout={layout} card={card} link={link} results={results} onErrors={() => nextError(1)} />
			<div className={css.split} data-panel={state.span !== undefined || undefined}>
				<div className={css.main}>
					<FailureCard
						card={card}
						error={cardError}
						layout={layout}
						brief={state.span !== undefined}
						onSpan={(id) => show(rowOfSpan(layout, id), true)}
					/>
					{layout.cut && (
						<Notice tone="warn">
							{formatCount(layout.rows)} of {plural(layout.cut.spans, "span")} are shown, from the root down.
							Rows that say “not sent” load what is below them; under one parent, the failed and the longest
							are shown.
						</Notice>
					)}
					{trace.loadError && (
						<Notice tone="error">The rest could not be loaded: {trace.loadError.message}</Notice>
					)}
					{trace.error && <Notice tone="warn">This is the trace as it was: {trace.error.message}</Notice>}
					<Toolbar
						layout={layout}
						skew={skew}
						state={state}
						update={update}
						waterfall={waterfall}
						findBox={findBox}
						findText={findText}
						onFind={(text) => {
							setFindText(text);
							setCurrent(-1);
						}}
						hits={hits}
						current={current}
						onStep={nextMatch}
					/>
					{state.view === "waterfall" ? (
						<WaterfallView
							layout={layout}
							skew={skew}
							state={state}
							row={row}
							handle={waterfall}
							hits={hits}
							current={current}
							onSelect={choose}
							onState={update}
							onLoad={trace.loadBelow}
						/>
					) : (
						<FlameView layout={layout} onOpen={(r) => show(r, true)} />
					)}
				</div>
				{state.span !== undefined && (
					<div className={css.panel}>
						<TraceRange value={range}>
							<SpanPanel
								key={spanId}
								traceId={layout.traceId}
								spanId={spanId ?? ""}
								nth={Number(nth)}
								layout={layout}
								row={row}
								onClose={() => {
									choose(-1);
									waterfall.current?.focusActive();
								}}
								onSpan={(id) => show(rowOfSpan(layout, id), true)}
								onNth={(n) => update({ span: n > 1 ? `${spanId}.${n}` : spanId })}
							/>
						</TraceRange>
					</div>
				)}
			</div>
			<span className="sr" role="status">
				{said}
			</span>
		</div>
	);
}

function rowsWith(l: Layout, test: (row: number) => boolean): Int32Array {
	const rows: number[] = [];
	for (let r = 0; r < l.rows; r++) if (test(r)) rows.push(r);
	return Int32Array.from(rows);
}

function beganAt(l: Layout): string {
	return new Date(Number(l.baseUnixNano / 1_000_000n)).toISOString();
}
