import { type FormEvent, useState } from "react";
import { clock, day, setZone, useZone, type Zone, zoneName } from "../lib/time";
import { parseLast, parseTime, presets, type TimeRange as Range, resolveRange } from "../lib/timeRange";
import { Button } from "./Button";
import { Icon } from "./Icon";
import { Popover } from "./Popover";
import css from "./TimeRange.module.css";

/** last 1 h, or 01-31 14:00 – 15:00. */
export function rangeLabel(range: Range, zone: Zone): string {
	if ("last" in range) return presets.find((p) => p.last === range.last)?.label ?? `last ${range.last}`;
	const { start, end } = range;
	const short = (ms: number) => (ms % 60_000 === 0 ? clock(ms, zone).slice(0, 5) : clock(ms, zone));
	const sameDay = day(start, zone) === day(end - 1, zone);
	return `${day(start, zone).slice(5)} ${short(start)} – ${sameDay ? "" : `${day(end, zone).slice(5)} `}${short(end)}`;
}

/** The one control for time: presets, or two times, and the clock they are in. */
export function TimeRange({ range, onChange }: { range: Range; onChange: (range: Range) => void }) {
	const zone = useZone();
	return (
		<Popover
			label="Time range"
			align="end"
			trigger={(props) => (
				<button {...props} type="button" className={css.trigger} data-tip="Time range">
					<Icon name="clock" />
					<span>{rangeLabel(range, zone)}</span>
					<Icon name="down" size={12} />
				</button>
			)}
		>
			{(close) => (
				<Choice
					range={range}
					zone={zone}
					onChange={(next) => {
						close();
						onChange(next);
					}}
				/>
			)}
		</Popover>
	);
}

function Choice({ range, zone, onChange }: { range: Range; zone: Zone; onChange: (range: Range) => void }) {
	const text = (ms: number) => `${day(ms, zone)} ${clock(ms, zone)}`;
	const [start, setStart] = useState(() => text(resolveRange(range, Date.now()).start));
	const [end, setEnd] = useState(() => text(resolveRange(range, Date.now()).end));
	const [last, setLast] = useState("");
	const [problem, setProblem] = useState("");

	const submitTimes = (event: FormEvent) => {
		event.preventDefault();
		const from = parseTime(start, zone);
		const to = parseTime(end, zone);
		if (from === undefined || to === undefined) setProblem("Write a time as 2026-01-31 14:59:00.");
		else if (from >= to) setProblem("The start has to be before the end.");
		else onChange({ start: from, end: to });
	};
	const submitLast = (event: FormEvent) => {
		event.preventDefault();
		if (parseLast(last) === undefined) setProblem("Write a length as 90s, 45m, 12h or 3d.");
		else onChange({ last: last.trim() });
	};

	return (
		<div className={css.choice}>
			<div className={css.presets}>
				{presets.map((p) => (
					<button
						key={p.last}
						type="button"
						className={css.preset}
						aria-pressed={"last" in range && range.last === p.last}
						onClick={() => onChange({ last: p.last })}
					>
						{p.label}
					</button>
				))}
			</div>
			<div className={css.forms}>
				<form onSubmit={submitLast} className={css.row}>
					<label className={css.label}>
						Last
						<input
							className={css.input}
							placeholder="45m"
							value={last}
							onChange={(e) => setLast(e.target.value)}
							spellCheck={false}
						/>
					</label>
				</form>
				<form onSubmit={submitTimes} className={css.form}>
					<label className={css.label}>
						From
						<input
							className={css.input}
							value={start}
							onChange={(e) => setStart(e.target.value)}
							spellCheck={false}
						/>
					</label>
					<label className={css.label}>
						To
						<input
							className={css.input}
							value={end}
							onChange={(e) => setEnd(e.target.value)}
							spellCheck={false}
						/>
					</label>
					<Button type="submit" look="primary">
						Show
					</Button>
				</form>
				<p className={css.problem} role="alert">
					{problem}
				</p>
				<fieldset className={css.zone}>
					<legend className="sr">Clock of all pages</legend>
					{(["local", "utc"] as const).map((z) => (
						<button
							key={z}
							type="button"
							className={css.preset}
							aria-pressed={zone === z}
							onClick={() => setZone(z)}
						>
							{z === "utc" ? "UTC" : `Local, ${zoneName(Date.now(), "local")}`}
						</button>
					))}
				</fieldset>
			</div>
		</div>
	);
}
