import { useVirtualizer } from "@tanstack/react-virtual";
import { memo, type ReactNode, type RefObject, useEffect, useLayoutEffect, useRef, useState } from "react";
import type { TraceRow } from "../api/queries";
import { durationColumn, formatCount } from "../lib/format";
import { serviceColor } from "../lib/serviceColor";
import { paths } from "../paths";
import { Bar } from "../ui/Bar";
import { Icon } from "../ui/Icon";
import { Link } from "../ui/Link";
import { Time } from "../ui/Time";
import { Miniature } from "./Miniature";
import css from "./ResultList.module.css";
import { errorWords, longest } from "./rows";

interface Props {
	rows: readonly TraceRow[];
	order: "newest" | "duration";
	onOrder: (order: "newest" | "duration") => void;
	/** The selected row; -1 is none. */
	selected: number;
	onSelect: (index: number) => void;
	scroller: RefObject<HTMLDivElement | null>;
	/** Where the list was when it was left. */
	scrollTop: number;
	/** The end of the list came into view. */
	onEnd: () => void;
	/** Rows that came live and slide in. */
	fresh: ReadonlySet<string>;
	stale: boolean;
	foot: ReactNode;
}

/** Rows are one line, and two where the window is narrow. */
function rowHeight(): number {
	if (matchMedia("(max-width: 699px)").matches) return 60;
	return matchMedia("(pointer: coarse)").matches ? 40 : 28;
}

function useRowHeight(): number {
	const [height, setHeight] = useState(rowHeight);
	useEffect(() => {
		const resized = () => setHeight(rowHeight());
		window.addEventListener("resize", resized);
		return () => window.removeEventListener("resize", resized);
	}, []);
	return height;
}

/** The traces found. Each row is a link, so it opens in a new tab as links do. */
export function ResultList(props: Props) {
	const { rows, selected, scroller, scrollTop, onEnd } = props;
	const height = useRowHeight();
	const list = useRef<HTMLOListElement>(null);
	const virtual = useVirtualizer({
		count: rows.length,
		getScrollElement: () => scroller.current,
		estimateSize: () => height,
		overscan: 12,
		initialOffset: scrollTop,
		getItemKey: (i) => rows[i]?.trace_id ?? i,
	});
	// biome-ignore lint/correctness/useExhaustiveDependencies: another height is another measure
	useLayoutEffect(() => {
		virtual.measure();
	}, [height, virtual]);

	const items = virtual.getVirtualItems();
	const last = items.at(-1)?.index ?? -1;
	useEffect(() => {
		if (last >= rows.length - 10 && rows.length > 0) onEnd();
	}, [last, rows.length, onEnd]);

	useEffect(() => {
		if (selected < 0) return;
		virtual.scrollToIndex(selected, { align: "auto" });
		// The row may be drawn only after the scroll.
		const frame = requestAnimationFrame(() => {
			list.current
				?.querySelector<HTMLElement>(`[data-index="${selected}"] a`)
				?.focus({ preventScroll: true });
		});
		return () => cancelAnimationFrame(frame);
	}, [selected, virtual]);

	const scale = longest(rows);
	return (
		<>
			<Head order={props.order} onOrder={props.onOrder} />
			<ol
				ref={list}
				className={css.list}
				style={{ height: virtual.getTotalSize() }}
				data-stale={props.stale || undefined}
				aria-label="Traces"
			>
				{items.map((item) => {
					const row = rows[item.index];
					return row ? (
						<li
							key={item.key}
							data-index={item.index}
							aria-setsize={rows.length}
							aria-posinset={item.index + 1}
							className={css.item}
							data-fresh={props.fresh.has(row.trace_id) || undefined}
							style={{ height: item.size, transform: `translateY(${item.start}px)` }}
						>
							<Row
								row={row}
								scale={scale}
								selected={item.index === selected}
								index={item.index}
								onSelect={props.onSelect}
							/>
						</li>
					) : null;
				})}
			</ol>
			{props.foot}
		</>
	);
}

function Head({ order, onOrder }: Pick<Props, "order" | "onOrder">) {
	const sort = (value: Props["order"], label: string) => (
		<button
			type="button"
			className={css.sort}
			aria-pressed={order === value}
			onClick={() => onOrder(value)}
			data-tip={value === "newest" ? "Newest first" : "Longest first"}
		>
			{label}
			{order === value && <span aria-hidden="true"> ↓</span>}
		</button>
	);
	return (
		<div className={css.head}>
			<span className={css.when}>{sort("newest", "when")}</span>
			<span className={css.root}>trace</span>
			<span className={css.duration}>{sort("duration", "duration")}</span>
			<span className={css.bar} data-tip="Bars have one scale for all rows: the square root of the duration">
				relative
			</span>
			<span className={css.mini}>shape</span>
			<span className={css.spans}>spans</span>
			<span className={css.errors}>failed</span>
			<span className={css.path}>where it failed</span>
		</div>
	);
}

interface RowProps {
	row: TraceRow;
	scale: number;
	selected: boolean;
	index: number;
	onSelect: (index: number) => void;
}

const Row = memo(function Row({ row, scale, selected, index, onSelect }: RowProps) {
	const failed = row.errors > 0;
	const words = errorWords(row);
	return (
		<Link
			to={paths.trace(row.trace_id)}
			className={css.row}
			data-selected={selected || undefined}
			onFocus={() => onSelect(index)}
		>
			<span className={css.when}>
				<Time unixNano={row.start_unix_nano} />
			</span>
			<span className={css.root}>
				<span className={css.swatch} style={{ background: serviceColor(row.root_service) }} />
				<span className={css.service}>{row.root_service || "no service"}</span>{" "}
				<span className={css.name}>{row.root_name || "no name"}</span>
			</span>
			<span className={css.duration}>
				<span className="sr">took </span>
				{durationColumn(row.duration_ns)}
			</span>
			<span className={css.bar}>
				<Bar value={Number(row.duration_ns)} max={scale} />
			</span>
			<span className={css.mini}>
				<Miniature row={row} />
			</span>
			<span
				className={css.spans}
				data-tip={row.matched < row.spans ? `${row.matched} of ${row.spans} spans match` : undefined}
			>
				{formatCount(row.spans)}
				<span className={css.unit}> spans</span>
			</span>
			<span className={css.errors}>
				{failed && (
					<>
						{formatCount(row.errors)} <Icon name="close" size={12} />
						<span className="sr">failed</span>
					</>
				)}
			</span>
			<span className={css.path} data-tip={row.error_message ? `${words}\n${row.error_message}` : undefined}>
				{words}
				{row.error_message && <span className={css.message}> {row.error_message}</span>}
			</span>
		</Link>
	);
});
