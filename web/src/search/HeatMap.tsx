import {
	type KeyboardEvent,
	type PointerEvent,
	useEffect,
	useLayoutEffect,
	useMemo,
	useRef,
	useState,
} from "react";
import type { Heatmap } from "../api/queries";
import { readColors, useThemeVersion } from "../lib/colors";
import { formatCount, plural } from "../lib/format";
import { clock, day, millis, useZone, type Zone, zoneName } from "../lib/time";
import css from "./HeatMap.module.css";
import {
	axisDuration,
	boxOf,
	type CellBox,
	countIn,
	decadeRows,
	narrow,
	type Rows,
	rowBound,
	shade,
	timeTicks,
	visibleRows,
} from "./heat";

const height = 132;
const axisLeft = 56;
const axisBottom = 18;
const padTop = 6;
const padRight = 16;

interface Props {
	map: Heatmap;
	q: string;
	/** A newer answer is on its way. */
	stale: boolean;
	onNarrow: (to: { q: string; start: number; end: number }) => void;
}

interface Cell {
	column: number;
	row: number;
}

const tokens = [
	"heat-low",
	"heat-high",
	"heat-error-low",
	"heat-error-high",
	"line",
	"text-faint",
	"accent",
	"bg-sunken",
] as const;

/**
 * Traces by time and duration, on a log scale. A box drawn with the pointer, or with
 * shift and the arrows, becomes a time range and conditions.
 */
export function HeatMap({ map, q, stale, onNarrow }: Props) {
	const canvas = useRef<HTMLCanvasElement>(null);
	const [width, setWidth] = useState(0);
	const [hover, setHover] = useState<Cell>();
	const [from, setFrom] = useState<Cell>();
	const theme = useThemeVersion();
	const zone = useZone();
	const rows = useMemo(() => visibleRows(map), [map]);
	const box = hover && boxOf(from ?? hover, hover);

	useLayoutEffect(() => {
		const el = canvas.current?.parentElement;
		if (!el) return;
		const observer = new ResizeObserver(() => setWidth(el.clientWidth));
		observer.observe(el);
		setWidth(el.clientWidth);
		return () => observer.disconnect();
	}, []);

	const area = useMemo(
		() => ({
			left: axisLeft,
			top: padTop,
			width: Math.max(0, width - axisLeft - padRight),
			height: height - padTop - axisBottom,
		}),
		[width],
	);
	const cell = useMemo(
		() => ({ width: area.width / map.columns, height: area.height / (rows.high - rows.low + 1) }),
		[area, map.columns, rows],
	);

	// biome-ignore lint/correctness/useExhaustiveDependencies: the theme decides what colours are read
	useEffect(() => {
		const el = canvas.current;
		const g = el?.getContext("2d");
		if (!el || !g || width === 0) return;
		const scale = window.devicePixelRatio || 1;
		el.width = Math.round(width * scale);
		el.height = Math.round(height * scale);
		g.scale(scale, scale);
		g.clearRect(0, 0, width, height);
		const colors = readColors(tokens);
		drawAxes(g, { map, rows, area, cell, colors, zone });
		drawCells(g, { map, rows, area, cell, colors });
	}, [map, rows, width, theme, zone, area, cell]);

	const cellAt = (event: PointerEvent): Cell => {
		const rect = event.currentTarget.getBoundingClientRect();
		const column = Math.floor((event.clientX - rect.left - area.left) / cell.width);
		const up = Math.floor((area.top + area.height - (event.clientY - rect.top)) / cell.height);
		return {
			column: Math.min(Math.max(0, column), map.columns - 1),
			row: Math.min(Math.max(rows.low, rows.low + up), rows.high),
		};
	};
	const finish = (a: Cell, b: Cell) => {
		setFrom(undefined);
		setHover(undefined);
		onNarrow(narrow(map, rows, boxOf(a, b), q));
	};
	const onKeyDown = (event: KeyboardEvent) => {
		const move = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
		const at = hover ?? { column: map.columns - 1, row: Math.round((rows.low + rows.high) / 2) };
		if (move) {
			if (event.shiftKey && !from) setFrom(at);
			if (!event.shiftKey) setFrom(undefined);
			setHover({
				column: Math.min(Math.max(0, at.column + (move[0] ?? 0)), map.columns - 1),
				row: Math.min(Math.max(rows.low, at.row + (move[1] ?? 0)), rows.high),
			});
		} else if (event.key === "Enter" && hover) finish(from ?? hover, hover);
		else if (event.key === "Escape" && hover) {
			setFrom(undefined);
			setHover(undefined);
		} else return;
		event.preventDefault();
		event.stopPropagation();
	};

	return (
		<div className={css.map} data-stale={stale || undefined}>
			<div
				className={css.plane}
				style={{ height }}
				// biome-ignore lint/a11y/noNoninteractiveTabindex: arrows move over the cells, Enter takes the box
				tabIndex={0}
				role="application"
				aria-roledescription="heat map"
				aria-label={`Heat map: ${plural(map.total, "trace")}, ${formatCount(map.errors)} failed. Arrows move, with shift they draw a box, Enter searches in it.`}
				onKeyDown={onKeyDown}
				onBlur={() => {
					setFrom(undefined);
					setHover(undefined);
				}}
				onPointerDown={(event) => {
					if (event.button !== 0) return;
					event.currentTarget.setPointerCapture(event.pointerId);
					setFrom(cellAt(event));
					setHover(cellAt(event));
				}}
				onPointerMove={(event) => {
					if (event.pointerType === "mouse" || from) setHover(cellAt(event));
				}}
				onPointerUp={(event) => {
					if (from) finish(from, cellAt(event));
				}}
				onPointerCancel={() => {
					setFrom(undefined);
					setHover(undefined);
				}}
				onPointerLeave={() => {
					if (!from) setHover(undefined);
				}}
			>
				<canvas ref={canvas} className={css.canvas} />
				{box && width > 0 && (
					<Selection
						map={map}
						rows={rows}
						box={box}
						area={area}
						cell={cell}
						drawn={from !== undefined}
						zone={zone}
					/>
				)}
			</div>
		</div>
	);
}

interface Area {
	left: number;
	top: number;
	width: number;
	height: number;
}

interface Drawing {
	map: Heatmap;
	rows: Rows;
	area: Area;
	cell: { width: number; height: number };
	colors: Record<(typeof tokens)[number], string>;
}

function drawAxes(
	g: CanvasRenderingContext2D,
	{ map, rows, area, cell, colors, zone }: Drawing & { zone: Zone },
) {
	g.font = `11px ${getComputedStyle(document.documentElement).fontFamily}`;
	g.fillStyle = colors["text-faint"];
	g.strokeStyle = colors.line;
	g.lineWidth = 1;
	g.textBaseline = "middle";
	g.textAlign = "right";
	const decades = decadeRows(map, rows);
	const every = Math.ceil((decades.length * 16) / area.height);
	decades.forEach(({ row, ns }, i) => {
		const y = Math.round(area.top + area.height - (row - rows.low) * cell.height) + 0.5;
		g.globalAlpha = 0.7;
		line(g, area.left, y, area.left + area.width, y);
		g.globalAlpha = 1;
		if (i % every === 0) g.fillText(axisDuration(ns), area.left - 8, Math.min(y, area.top + area.height - 5));
	});
	const start = millis(map.start_unix_nano);
	const end = millis(map.end_unix_nano);
	const offset = zone === "utc" ? 0 : -new Date(start).getTimezoneOffset() * 60_000;
	const base = area.top + area.height;
	line(g, area.left, base + 0.5, area.left + area.width, base + 0.5);
	g.textAlign = "center";
	const ticks = timeTicks(start, end, Math.max(2, Math.floor(area.width / 90)), offset);
	const seconds = ticks.some((tick) => tick.ms % 60_000 !== 0);
	for (const tick of ticks) {
		const x = Math.round(area.left + ((tick.ms - start) / (end - start)) * area.width) + 0.5;
		line(g, x, base, x, base + 4);
		const midnight = clock(tick.ms, zone) === "00:00:00";
		const label =
			tick.days || midnight ? day(tick.ms, zone).slice(5) : clock(tick.ms, zone).slice(0, seconds ? 8 : 5);
		if (x > area.left + 20 && x < area.left + area.width - 16) g.fillText(label, x, base + 11);
	}
}

function drawCells(g: CanvasRenderingContext2D, { map, rows, area, cell, colors }: Drawing) {
	let most = 1;
	for (const c of map.cells) most = Math.max(most, c.count);
	const gap = cell.width > 5 ? 1 : 0;
	for (const c of map.cells) {
		if (c.row < rows.low || c.row > rows.high) continue;
		const x = area.left + c.column * cell.width;
		const y = area.top + area.height - (c.row - rows.low + 1) * cell.height;
		const w = Math.max(1, cell.width - gap);
		const h = Math.max(1, cell.height - 1);
		const dark = shade(c.count, most);
		// Failed ones fill the cell from below, by their share, and never less than can be seen.
		const failed = c.errors > 0 ? Math.max(Math.min(h, 4), (c.errors / c.count) * h) : 0;
		if (failed < h) mix(g, colors["heat-low"], colors["heat-high"], dark, x, y, w, h);
		if (failed > 0)
			mix(
				g,
				colors["heat-error-low"],
				colors["heat-error-high"],
				Math.max(0.35, dark),
				x,
				y + h - failed,
				w,
				failed,
			);
	}
}

/** Fills with a colour between two: the far one over the near one. */
function mix(
	g: CanvasRenderingContext2D,
	near: string,
	far: string,
	share: number,
	x: number,
	y: number,
	w: number,
	h: number,
) {
	g.globalAlpha = 1;
	g.fillStyle = near;
	g.fillRect(x, y, w, h);
	g.globalAlpha = share;
	g.fillStyle = far;
	g.fillRect(x, y, w, h);
	g.globalAlpha = 1;
}

function line(g: CanvasRenderingContext2D, x0: number, y0: number, x1: number, y1: number) {
	g.beginPath();
	g.moveTo(x0, y0);
	g.lineTo(x1, y1);
	g.stroke();
}

/** The frame around the cell or the box under the pointer, and what is in it. */
function Selection({
	map,
	rows,
	box,
	area,
	cell,
	drawn,
	zone,
}: Omit<Drawing, "colors"> & { box: CellBox; drawn: boolean; zone: Zone }) {
	const { count, errors } = countIn(map, box);
	const left = area.left + box.left * cell.width;
	const top = area.top + area.height - (box.top - rows.low + 1) * cell.height;
	const step = Number(BigInt(map.step_ns) / 1_000_000n);
	const start = millis(map.start_unix_nano) + box.left * step;
	const end = millis(map.start_unix_nano) + (box.right + 1) * step;
	const rightHalf = left > area.left + area.width / 2;
	const bounds = `${axisBound(rowBound(map, box.bottom))} – ${axisBound(rowBound(map, box.top + 1))}`;
	return (
		<>
			<div
				className={drawn ? css.box : css.cell}
				style={{
					left,
					top,
					width: (box.right - box.left + 1) * cell.width,
					height: (box.top - box.bottom + 1) * cell.height,
				}}
			/>
			{(count > 0 || drawn) && (
				<div
					className={css.said}
					role="status"
					style={
						rightHalf
							? { right: `calc(100% - ${left - 8}px)`, top: padTop }
							: { left: left + (box.right - box.left + 1) * cell.width + 8, top: padTop }
					}
				>
					<strong>{plural(count, "trace")}</strong>
					{errors > 0 && <span className={css.failed}> {formatCount(errors)} ✕ failed</span>}
					<br />
					{bounds}
					<br />
					{clock(start, zone)} – {clock(end, zone)} {zoneName(start, zone)}
				</div>
			)}
		</>
	);
}

function axisBound(ns: number): string {
	return ns === 0 ? "0" : axisDuration(ns);
}
