import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { ApiError } from "../api/client";
import { heatmapQuery, searchQuery, statusQuery, type TraceRow } from "../api/queries";
import { absoluteHref } from "../lib/base";
import { copyText } from "../lib/copy";
import { useGo } from "../lib/go";
import { useKeys } from "../lib/keys";
import { rememberResults } from "../lib/resultList";
import { useStored } from "../lib/stored";
import { rangeFromUrl, resolveRange } from "../lib/timeRange";
import { useTitle } from "../lib/title";
import { useUrlParams } from "../lib/url";
import { paths, type SearchState } from "../paths";
import { Button } from "../ui/Button";
import { SkeletonRows, useSlow } from "../ui/Skeleton";
import { ErrorState, Notice } from "../ui/States";
import { useNow } from "../ui/Time";
import { Welcome } from "../welcome/Welcome";
import { HeatMap } from "./HeatMap";
import { emptyHeatmap } from "./heat";
import { NothingFound, QueryProblem } from "./Nothing";
import { ResultList } from "./ResultList";
import { allRows, mergeRows } from "./rows";
import { SearchBox } from "./SearchBox";
import css from "./SearchPage.module.css";
import { ListFoot, StatusLine } from "./StatusLine";
import { useLive } from "./useLive";
import { useNoVisitWhile, useView } from "./view";

/** Before the first span the page says how to send one; it advances by itself. */
export function SearchPage() {
	const status = useQuery({
		...statusQuery,
		refetchInterval: (query) => (query.state.data?.waiting_for_first_span ? 1_000 : false),
	});
	const slow = useSlow(status.isPending);
	const waiting = status.data?.waiting_for_first_span ?? false;
	useNoVisitWhile(waiting);
	// The answer decides which page this is; nothing is shown for the moment that it takes.
	if (status.isPending && !slow) return null;
	return status.data && waiting ? <Welcome status={status.data} /> : <Search />;
}

function Search() {
	const params = useUrlParams();
	const q = params.q ?? "";
	const order = params.order === "duration" ? "duration" : "newest";
	const { last, start, end } = params;
	const range = useMemo(() => rangeFromUrl({ last, start, end }), [last, start, end]);
	const view = useView();
	const window = useMemo(() => resolveRange(range, view.asOf), [range, view.asOf]);
	const go = useGo();
	const show = useCallback(
		(next: SearchState) => go(paths.search({ q, range, order, ...next })),
		[go, q, range, order],
	);

	const list = useInfiniteQuery(searchQuery({ q, window, order }));
	const [heat, setHeat] = useStored("weft.heat", "shown");
	const columns = useHeatColumns();
	const moving = "last" in range;
	const [wantsLive, setWantsLive] = useState(false);
	const canLive = moving && order === "newest";
	const listKey = `${paths.search({ q, range, order })} ${view.asOf}`;
	const live = useLive(q, wantsLive && canLive, listKey);
	// While the list moves, so does the map.
	const liveNow = useNow(wantsLive && canLive ? 5_000 : undefined);
	const heatWindow = useMemo(
		() => (liveNow > view.asOf ? resolveRange(range, liveNow) : window),
		[liveNow, range, view.asOf, window],
	);
	const map = useQuery({ ...heatmapQuery(q, heatWindow, columns), enabled: heat === "shown" });

	const here = paths.search({ q, range, order });
	const [good, setGood] = useState<{ path: string; rows: readonly TraceRow[] }>();
	const answered = useMemo(() => allRows(list.data?.pages ?? []), [list.data]);
	useEffect(() => {
		if (list.isSuccess && !list.isPlaceholderData) setGood({ path: here, rows: answered });
	}, [list.isSuccess, list.isPlaceholderData, here, answered]);
	// An answer that did not come leaves the one before on the page, and says so.
	const older = list.isError && !list.data && good?.path === here ? good.rows : undefined;
	const found = older ?? answered;
	const rows = useMemo(
		() => (live.rows.length > 0 ? mergeRows(live.rows, found) : found),
		[live.rows, found],
	);
	const [selected, setSelected] = useState(-1);
	const scroller = useRef<HTMLDivElement>(null);
	const input = useRef<HTMLInputElement>(null);
	useTakeAtTop(live, scroller, selected < 0);

	// A new list begins at its top, without a selection.
	const shownKey = useRef(listKey);
	useEffect(() => {
		if (shownKey.current === listKey) return;
		shownKey.current = listKey;
		setSelected(-1);
		scroller.current?.scrollTo({ top: view.scrollTop });
	}, [listKey, view.scrollTop]);

	useEffect(() => rememberResults({ path: here, traceIds: rows.map((row) => row.trace_id) }), [here, rows]);

	const { hasNextPage, isFetchingNextPage, isFetchNextPageError, fetchNextPage } = list;
	const onEnd = useCallback(() => {
		if (hasNextPage && !isFetchingNextPage && !isFetchNextPageError) void fetchNextPage();
	}, [hasNextPage, isFetchingNextPage, isFetchNextPageError, fetchNextPage]);

	// A range that moves is counted from now; one that stands may have got late spans.
	const askAgain = () => {
		if (moving) view.refresh();
		else void Promise.all([list.refetch(), map.refetch()]);
	};
	const move = (step: number) => setSelected((at) => Math.min(Math.max(0, at + step), rows.length - 1));
	const absolute = () => absoluteHref(paths.search({ q, range: window, order }));
	const zoom = (factor: number, shift: number) => {
		const length = window.end - window.start;
		const middle = (window.start + window.end) / 2 + shift * length;
		show({
			range: {
				start: Math.round(middle - (length * factor) / 2),
				end: Math.round(middle + (length * factor) / 2),
			},
		});
	};
	useKeys({
		title: "Search",
		bindings: [
			{ keys: "/", does: "Type a query", run: () => input.current?.focus() },
			{ keys: ["j", "ArrowDown"], does: "Next trace", run: () => move(1) },
			{ keys: ["k", "ArrowUp"], does: "Previous trace", run: () => move(-1) },
			{
				keys: "Enter",
				does: "Open the trace",
				run: () => {
					const row = rows[Math.max(0, selected)];
					if (row) go(paths.trace(row.trace_id));
				},
			},
			{
				keys: "e",
				does: "Next failed trace",
				run: () => {
					const next = rows.findIndex((row, i) => i > selected && row.errors > 0);
					if (next >= 0) setSelected(next);
				},
			},
			{ keys: "Escape", does: "Nothing selected", run: () => setSelected(-1) },
			{ keys: "r", does: "Ask again", run: askAgain },
			{ keys: "l", does: "Follow live, or stop", run: () => setWantsLive((on) => canLive && !on) },
			{
				keys: ["w", "s"],
				does: "Less time, more time",
				run: (event) => zoom(event.key === "w" ? 0.5 : 2, 0),
			},
			{ keys: ["a", "d"], does: "Earlier, later", run: (event) => zoom(1, event.key === "a" ? -0.5 : 0.5) },
			{ keys: "y", does: "Copy the link, with absolute time", run: () => void copyText(absolute()) },
		],
	});

	useTitle(q || "Search");

	const problem = list.error instanceof ApiError ? list.error.problem : undefined;
	const badQuery = problem?.code === "bad_query" ? problem : undefined;
	const slow = useSlow(list.isPending);
	const partial = list.data?.pages.at(-1)?.partial;
	// What is on the screen is of the query before while the new one is on its way.
	const stale = list.isPlaceholderData;
	// The axes stand while the counts are on their way; where nothing was found there is nothing to draw.
	const broken = list.isError && !list.data && !older;
	const nothing = broken || (list.isSuccess && !stale && rows.length === 0);
	const drawn =
		heat === "hidden" || nothing
			? undefined
			: (map.data ?? (map.isPending ? emptyHeatmap(window, columns) : undefined));

	return (
		<>
			<h1 className="sr">Search</h1>
			<SearchBox
				q={q}
				onSearch={(next) => (next === q ? askAgain() : show({ q: next }))}
				bad={badQuery ? badPart(q, badQuery) : undefined}
				inputRef={input}
			/>
			<StatusLine
				total={
					map.data && (!map.isPlaceholderData || heatWindow !== window) && heat === "shown"
						? { traces: map.data.total, failed: map.data.errors, partial: map.data.partial }
						: undefined
				}
				rows={rows.length}
				complete={list.data !== undefined && !hasNextPage}
				asOf={moving && !broken ? view.asOf : undefined}
				fetching={list.isFetching && !isFetchingNextPage}
				live={live}
				canLive={canLive}
				whyNotLive={moving ? "Live works for newest first" : "Live needs a range that ends now"}
				wantsLive={wantsLive}
				onLive={setWantsLive}
				onRefresh={askAgain}
				heat={heat === "shown"}
				onHeat={(on) => setHeat(on ? "shown" : "hidden")}
				link={absolute}
				search={{ q, range: window, order }}
			/>
			{drawn && (
				<HeatMap
					map={drawn}
					q={q}
					stale={map.isPlaceholderData && heatWindow === window}
					onNarrow={({ q: text, start: from, end: to }) => show({ q: text, range: { start: from, end: to } })}
				/>
			)}
			{live.pending > 0 && (
				<div className={css.pillPlace}>
					<button
						type="button"
						className={css.pill}
						onClick={() => {
							live.take();
							scroller.current?.scrollTo({ top: 0 });
						}}
					>
						↑ {live.pending} new
					</button>
				</div>
			)}
			{list.isError && !broken && !badQuery && <StaleNotice error={list.error} onRetry={askAgain} />}
			{map.isError && !list.isError && (
				<Notice tone="plain">The heat map did not come: {map.error.message}</Notice>
			)}
			{partial && !stale && (
				<Notice tone="warn">
					Not everything was looked at: {partial}. What is here is right; a shorter time range or one
					condition more finds the rest.
				</Notice>
			)}
			<div
				ref={scroller}
				className={css.scroller}
				onScroll={(event) => view.rememberScroll(event.currentTarget.scrollTop)}
			>
				{badQuery ? (
					<QueryProblem q={q} problem={badQuery} />
				) : broken ? (
					<ErrorState
						title="The search did not work"
						reason={problem?.detail ?? problem?.title ?? list.error.message}
						hint={problem?.hint ?? waitHint(list.error)}
						id={problem?.id}
						onRetry={askAgain}
					/>
				) : list.isPending ? (
					slow && <SkeletonRows rows={14} height={28} label="Searching" />
				) : rows.length === 0 && !list.isFetching ? (
					<NothingFound q={q} range={range} window={window} onShow={show} />
				) : (
					<ResultList
						rows={rows}
						order={order}
						onOrder={(next) => show({ order: next })}
						selected={selected}
						onSelect={setSelected}
						scroller={scroller}
						scrollTop={view.scrollTop}
						onEnd={onEnd}
						fresh={live.fresh}
						stale={stale}
						foot={
							<ListFoot
								rows={rows.length}
								hasMore={hasNextPage}
								fetching={isFetchingNextPage}
								failed={isFetchNextPageError}
								onMore={() => void fetchNextPage()}
							/>
						}
					/>
				)}
			</div>
		</>
	);
}

/** Live rows go into the list by themselves only while its top is in view and nobody reads in it. */
function useTakeAtTop(
	live: ReturnType<typeof useLive>,
	scroller: React.RefObject<HTMLDivElement | null>,
	unread: boolean,
) {
	const { pending, take } = live;
	useEffect(() => {
		if (pending === 0) return;
		const timer = setTimeout(() => {
			const el = scroller.current;
			if (el && el.scrollTop < 4 && unread && !el.matches(":hover, :focus-within")) take();
		}, 700);
		return () => clearTimeout(timer);
	}, [pending, take, unread, scroller]);
}

/** Columns of about 8 px, in steps, so that a resized window asks seldom. */
function useHeatColumns(): number {
	const [columns] = useState(() => Math.min(200, Math.max(30, Math.round(globalThis.innerWidth / 80) * 10)));
	return columns;
}

function badPart(q: string, problem: ApiError["problem"]): string | undefined {
	if (!problem.query) return undefined;
	const { position, length } = problem.query;
	return q.slice(position, position + Math.max(1, length)).trim() || undefined;
}

function waitHint(error: Error): string | undefined {
	if (!(error instanceof ApiError) || error.retryAfter === undefined) return undefined;
	return `The server asks to wait ${error.retryAfter} s.`;
}

function StaleNotice({ error, onRetry }: { error: Error; onRetry: () => void }) {
	return (
		<Notice
			tone="error"
			action={
				<Button look="quiet" icon="refresh" onClick={onRetry}>
					Try again
				</Button>
			}
		>
			What is below is older. {error.message}
		</Notice>
	);
}
