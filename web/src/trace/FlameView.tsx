import { useEffect, useMemo, useRef, useState } from "react";
import { formatCount, formatDuration } from "../lib/format";
import { serviceColor } from "../lib/serviceColor";
import type { Layout } from "../timeline/decode";
import { buildFlame, type FlameRow, flameTable } from "../timeline/flame";
import { FlameGraph } from "../timeline/flameGraph";
import { measureSelfTime } from "../timeline/selfTime";
import { Bar } from "../ui/Bar";
import css from "./Flame.module.css";

/** Rows of the table beside the picture, the largest; nobody reads on. */
const mostRows = 120;

/** Where the time went, added up by chain of calls: a picture, and its numbers as a table. */
export function FlameView({ layout, onOpen }: { layout: Layout; onOpen: (row: number) => void }) {
	const host = useRef<HTMLDivElement>(null);
	const graph = useRef<FlameGraph | null>(null);
	const [sort, setSort] = useState<"self" | "total" | "spans">("self");
	const [marked, setMarked] = useState<FlameRow>();
	const open = useRef(onOpen);
	useEffect(() => {
		open.current = onOpen;
	});

	const flame = useMemo(
		() => buildFlame(layout, measureSelfTime(layout, layout.start, layout.durationNs).self),
		[layout],
	);
	const table = useMemo(() => flameTable(flame, layout), [flame, layout]);
	const most = table[0]?.self ?? 0;
	const rows = useMemo(() => [...table].sort((a, b) => b[sort] - a[sort]).slice(0, mostRows), [table, sort]);

	useEffect(() => {
		if (host.current === null) return;
		const g = new FlameGraph(host.current, { open: (row) => open.current(row) });
		graph.current = g;
		return () => {
			graph.current = null;
			g.destroy();
		};
	}, []);
	useEffect(() => graph.current?.setFlame(flame, layout), [flame, layout]);
	useEffect(() => graph.current?.mark(marked?.service ?? -1, marked?.name ?? -1), [marked]);

	return (
		<div className={css.flame} data-view="flame">
			<div ref={host} className={css.graph} />
			<div className={css.table}>
				<table>
					<caption className="sr">Time by operation, added up over parallel work</caption>
					<thead>
						<tr>
							<th scope="col">Operation</th>
							{(["spans", "self", "total"] as const).map((key) => (
								<th key={key} scope="col" aria-sort={sort === key ? "descending" : undefined}>
									<button type="button" onClick={() => setSort(key)}>
										{key === "spans" ? "Spans" : key === "self" ? "Self" : "Total"}
										<span aria-hidden="true">{sort === key ? " ↓" : ""}</span>
									</button>
								</th>
							))}
						</tr>
					</thead>
					<tbody>
						{rows.map((r) => {
							const service = layout.services[r.service] ?? "";
							const on = marked?.service === r.service && marked.name === r.name;
							return (
								<tr
									key={`${r.service} ${r.name}`}
									data-on={on || undefined}
									onPointerEnter={() => setMarked(r)}
									onPointerLeave={() => setMarked(undefined)}
								>
									<th scope="row">
										<span
											className={css.stripe}
											style={{ background: serviceColor(service) }}
											aria-hidden="true"
										/>
										<button
											type="button"
											onClick={() => onOpen(r.slowest)}
											onFocus={() => setMarked(r)}
											onBlur={() => setMarked(undefined)}
											data-tip={`${service}  ${layout.names[r.name]}\nopen its slowest span`}
										>
											<span className="muted">{service}</span> {layout.names[r.name]}
										</button>
									</th>
									<td>
										{formatCount(r.spans)}
										{r.errors > 0 && <span className={css.errors}> ({formatCount(r.errors)} failed)</span>}
									</td>
									<td>
										<span className={css.self}>
											<Bar value={r.self} max={most} />
											{formatDuration(r.self)}
										</span>
									</td>
									<td>{formatDuration(r.total)}</td>
								</tr>
							);
						})}
					</tbody>
				</table>
				{table.length > mostRows && (
					<p className={css.rest}>
						{formatCount(mostRows)} of {formatCount(table.length)} operations; the rest is smaller.
					</p>
				)}
			</div>
		</div>
	);
}
