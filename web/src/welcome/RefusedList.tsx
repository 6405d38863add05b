import { useQuery } from "@tanstack/react-query";
import { type Refused, refusedQuery } from "../api/queries";
import { formatCount } from "../lib/format";
import { Pill } from "../ui/Pill";
import { Notice } from "../ui/States";
import { Time } from "../ui/Time";
import css from "./Welcome.module.css";

/** Requests that were refused lately, with the reason: the answer to "I send, and nothing comes". */
export function RefusedList({ everyMs }: { everyMs: number }) {
	const refused = useQuery({ ...refusedQuery, refetchInterval: everyMs });
	const list = refused.data?.refused ?? [];
	return (
		<section aria-labelledby="refused">
			<h2 id="refused" className={css.heading}>
				Refused lately
			</h2>
			{refused.isError && <Notice tone="error">The list did not come: {refused.error.message}</Notice>}
			{refused.data && list.length === 0 && (
				<p className="muted">
					None. A request with a wrong path, format or token, or one that is too large, shows up here within
					two seconds, with the reason. If nothing shows up while you send, nothing reaches this server: look
					at the address and the port.
				</p>
			)}
			<ul className={css.refused} aria-live="polite">
				{list.map((r) => (
					<Entry key={`${r.time_unix_nano} ${r.remote} ${r.path} ${r.reason}`} refused={r} />
				))}
			</ul>
		</section>
	);
}

function Entry({ refused: r }: { refused: Refused }) {
	const facts = [r.protocol, r.path, r.content_type, r.remote && `from ${r.remote}`, r.user_agent].filter(
		Boolean,
	);
	return (
		<li className={css.entry}>
			<div className={css.entryHead}>
				<Pill tone="error">{r.status}</Pill>
				<strong className={css.reason}>{r.reason}</strong>
				{r.count > 1 && <span className="muted">× {formatCount(r.count)}</span>}
				<span className={css.entryTime}>
					<Time unixNano={r.time_unix_nano} relative />
				</span>
			</div>
			{r.hint && <p>{r.hint}</p>}
			{r.detail && <p className="muted">{r.detail}</p>}
			<p className={css.facts}>{facts.join(" · ")}</p>
		</li>
	);
}
