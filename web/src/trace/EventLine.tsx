import type { Schemas } from "../api/client";
import type { SpanDetail } from "../api/queries";
import { formatDuration } from "../lib/format";
import { AttributeTable } from "./Attributes";
import css from "./Events.module.css";
import { ExceptionView } from "./ExceptionView";

/** Attributes of an exception event that its exception shows. */
const shownAbove = /^exception\.(type|message|stacktrace|escaped)$/;

/** The span's events: as marks on its duration, and below in words. */
export function EventLine({ span }: { span: SpanDetail }) {
	const last = Math.max(...span.events.map((e) => Number(e.offset_ns)), 0);
	const length = Math.max(Number(span.duration_ns), last, 1);
	return (
		<>
			<div className={css.line} aria-hidden="true">
				{span.events.map((e, i) => (
					<span
						// biome-ignore lint/suspicious/noArrayIndexKey: events may be alike
						key={i}
						className={css.mark}
						data-exception={e.exception !== undefined || undefined}
						style={{ left: `${Math.min(Math.max(Number(e.offset_ns) / length, 0), 1) * 100}%` }}
						data-tip={`${e.name}\n${offset(e.offset_ns)}`}
					/>
				))}
			</div>
			<ol className={css.events}>
				{span.events.map((e, i) => {
					const above = e.exception !== undefined && sameException(e.exception, span.exception);
					const attributes = e.exception ? e.attributes.filter((a) => !shownAbove.test(a.key)) : e.attributes;
					return (
						// biome-ignore lint/suspicious/noArrayIndexKey: events may be alike
						<li key={i} data-exception={e.exception !== undefined || undefined}>
							<span className={css.time}>{offset(e.offset_ns)}</span>
							<div className={css.what}>
								<span className={css.name}>{e.name}</span>
								{above && e.exception?.type && <span className="muted"> {e.exception.type}</span>}
								{e.exception && !above && <ExceptionView exception={e.exception} inside />}
								<AttributeTable attributes={attributes} scope="event" />
							</div>
						</li>
					);
				})}
			</ol>
		</>
	);
}

/** The span's own exception is its last event's; earlier ones, of tries that were repeated, stand here. */
function sameException(a: Schemas["Exception"], b: Schemas["Exception"] | undefined): boolean {
	return a.type === b?.type && a.message === b?.message && a.stacktrace === b?.stacktrace;
}

function offset(ns: string): string {
	const n = Number(ns);
	return n < 0 ? formatDuration(n) : `+${formatDuration(n)}`;
}
