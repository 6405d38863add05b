import type { Problem } from "../api/client";
import { plural } from "../lib/format";
import { absoluteTime, useZone } from "../lib/time";
import { type TimeRange, type Window, widen } from "../lib/timeRange";
import type { SearchState } from "../paths";
import { paths } from "../paths";
import { Button } from "../ui/Button";
import { Link } from "../ui/Link";
import { EmptyState, ErrorState } from "../ui/States";
import { rangeLabel } from "../ui/TimeRange";
import { parseBox, removeTerm } from "./boxText";
import css from "./Nothing.module.css";

/** No trace: what was asked, and every way to ask for more. */
export function NothingFound({
	q,
	range,
	window,
	onShow,
}: {
	q: string;
	range: TimeRange;
	window: Window;
	onShow: (next: SearchState) => void;
}) {
	const zone = useZone();
	const wider = widen(range);
	const box = parseBox(q);
	return (
		<EmptyState
			title={q === "" ? "No trace in this time" : "No trace matches"}
			actions={
				<>
					{wider && (
						<Button look="primary" onClick={() => onShow({ range: wider })}>
							{"last" in wider ? `Look at the ${rangeLabel(wider, zone)}` : "Look at five times the time"}
						</Button>
					)}
					{"last" in range && range.last !== "30d" && (
						<Button onClick={() => onShow({ range: { last: "30d" } })}>Last 30 d</Button>
					)}
					{box.form !== "whole" &&
						box.terms.length > 1 &&
						box.terms.map((term) => (
							<Button key={term.from} onClick={() => onShow({ q: removeTerm(q, term) })}>
								without <code className={css.term}>{term.text}</code>
							</Button>
						))}
					{q !== "" && (box.terms.length === 1 || box.form === "whole") && (
						<Button onClick={() => onShow({ q: "" })}>Any trace</Button>
					)}
				</>
			}
		>
			{q !== "" && <p className={css.asked}>{q}</p>}
			<p className="muted">
				from {absoluteTime({ ms: window.start }, zone).replace(/\.\d+/, "")} to{" "}
				{absoluteTime({ ms: window.end }, zone).replace(/\.\d+/, "")}
			</p>
			{q === "" && (
				<p className="muted">
					Spans of a service do not come?{" "}
					<Link to={paths.send()}>How to send them, and what was refused</Link>
				</p>
			)}
		</EmptyState>
	);
}

/** The query is not one: the place is marked in it. */
export function QueryProblem({ q, problem }: { q: string; problem: Problem }) {
	const at = problem.query;
	const hint = problem.hint ?? at?.hint;
	const from = at ? Math.min(at.position, q.length) : 0;
	const to = at ? Math.min(q.length, from + Math.max(1, at.length)) : 0;
	return (
		<ErrorState title="This query is not understood">
			<div className={css.query}>
				<pre className={css.text}>
					{q.slice(0, from)}
					{at && <mark className={css.mark}>{q.slice(from, to) || " "}</mark>}
					{q.slice(to)}
				</pre>
				<p className={css.reason}>
					{problem.detail ?? problem.title}
					{at && <span className="sr">, {plural(from, "character")} in</span>}
				</p>
				{hint && <p className="muted">{hint}</p>}
			</div>
		</ErrorState>
	);
}
