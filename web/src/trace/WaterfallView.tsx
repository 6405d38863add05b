import { type RefObject, useEffect, useRef } from "react";
import type { Layout } from "../timeline/decode";
import type { Skew } from "../timeline/skew";
import { Waterfall } from "../timeline/waterfall";
import css from "./Trace.module.css";
import type { PageState } from "./traceUrl";

interface Props {
	layout: Layout;
	skew: Skew;
	state: PageState;
	/** Row of the chosen span, -1 for none. */
	row: number;
	handle: RefObject<Waterfall | null>;
	hits: Int32Array;
	current: number;
	onSelect: (row: number) => void;
	onState: (change: Partial<PageState>) => void;
	onLoad: (row: number) => void;
}

/** How long the waterfall rests before its folds and its zoom go into the URL. */
const restMs = 300;
/** How long a row is active before an open panel follows. */
const followMs = 120;

/** Joins the framework-free waterfall to the page: props go in by its methods, what happens comes out as state. */
export function WaterfallView(props: Props) {
	const { layout, skew, state, row, handle } = props;
	const host = useRef<HTMLDivElement>(null);
	const latest = useRef(props);
	useEffect(() => {
		latest.current = props;
	});
	/** Nothing of the URL has been applied to the waterfall yet. */
	const first = useRef(true);
	/** What the waterfall and the URL last agreed on. */
	const agreed = useRef({ fold: "", zoom: "" });

	useEffect(() => {
		if (host.current === null) return;
		let rest: ReturnType<typeof setTimeout> | undefined;
		let follow: ReturnType<typeof setTimeout> | undefined;
		const w = new Waterfall(host.current, {
			select: (r) => latest.current.onSelect(r),
			active: (r) => {
				if (latest.current.state.span === undefined || r < 0) return;
				clearTimeout(follow);
				follow = setTimeout(() => latest.current.onSelect(r), followMs);
			},
			changed: () => {
				clearTimeout(rest);
				rest = setTimeout(() => {
					const fold = w.model?.foldCode() ?? "";
					const zoom = zoomOf(w);
					if (fold === agreed.current.fold && zoomText(zoom) === agreed.current.zoom) return;
					agreed.current = { fold, zoom: zoomText(zoom) };
					latest.current.onState({ fold, zoom });
				}, restMs);
			},
			load: (r) => latest.current.onLoad(r),
		});
		handle.current = w;
		first.current = true;
		return () => {
			clearTimeout(rest);
			clearTimeout(follow);
			handle.current = null;
			w.destroy();
		};
	}, [handle]);

	useEffect(() => {
		const w = handle.current;
		if (w === null) return;
		w.setClock(latest.current.state.clock);
		w.setCompressed(latest.current.state.short);
		w.setLayout(layout, skew);
		w.setMatches(latest.current.hits, latest.current.current);
		if (!first.current) return;
		first.current = false;
		const { state: s, row: chosen } = latest.current;
		applyState(w, s);
		agreed.current = { fold: w.model?.foldCode() ?? "", zoom: zoomText(zoomOf(w)) };
		if (chosen >= 0) w.select(chosen);
		// The keys work at once, unless someone is busy elsewhere.
		const focus = document.activeElement;
		if (focus === null || focus === document.body || focus.matches("main")) w.focusActive();
	}, [layout, skew, handle]);

	useEffect(() => handle.current?.setClock(state.clock), [state.clock, handle]);
	useEffect(() => handle.current?.setCompressed(state.short), [state.short, handle]);
	useEffect(() => handle.current?.setPathShown(state.path), [state.path, handle]);
	useEffect(() => handle.current?.select(row), [row, handle]);

	// Back, forward, or a link to another place in the same trace.
	useEffect(() => {
		const w = handle.current;
		if (w === null || first.current) return;
		if (state.fold === agreed.current.fold && zoomText(state.zoom) === agreed.current.zoom) return;
		agreed.current = { fold: state.fold, zoom: zoomText(state.zoom) };
		applyState(w, state);
	}, [state, handle]);

	return <div ref={host} className={css.waterfall} />;
}

function applyState(w: Waterfall, s: PageState): void {
	w.model?.applyFoldCode(s.fold);
	if (s.zoom === undefined || w.model === null) w.resetZoom();
	else {
		const base = w.model.layout.baseUnixNano;
		w.scale.setView(Number(s.zoom.from - base), Number(s.zoom.to - base));
		w.zoom(1);
	}
}

function zoomOf(w: Waterfall): PageState["zoom"] {
	if (!w.scale.zoomed || w.model === null) return undefined;
	const { from, to } = w.scale.view;
	const base = w.model.layout.baseUnixNano;
	return { from: base + BigInt(Math.round(from)), to: base + BigInt(Math.round(to)) };
}

function zoomText(zoom: PageState["zoom"]): string {
	return zoom === undefined ? "" : `${zoom.from}-${zoom.to}`;
}
