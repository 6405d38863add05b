import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { ApiError } from "../api/client";
import { type SpanDetail, spanQuery } from "../api/queries";
import { formatDuration, shortId } from "../lib/format";
import { serviceColor } from "../lib/serviceColor";
import { absoluteTime, useZone } from "../lib/time";
import { paths } from "../paths";
import { Flag, type Layout } from "../timeline/decode";
import { selfTimeOf } from "../timeline/selfTime";
import { CopyButton, CopyId } from "../ui/CopyId";
import { Link } from "../ui/Link";
import { Panel } from "../ui/Panel";
import { Pill } from "../ui/Pill";
import { Skeleton, useSlow } from "../ui/Skeleton";
import { ErrorState, Notice } from "../ui/States";
import { AttributeTable } from "./Attributes";
import { EventLine } from "./EventLine";
import { ExceptionView } from "./ExceptionView";
import css from "./Span.module.css";
import { plainValue } from "./values";

interface Props {
	traceId: string;
	spanId: string;
	/** Which of the spans that share the id, from 1. */
	nth: number;
	layout: Layout;
	/** Row of the span, -1 if the layout does not have it. */
	row: number;
	onClose: () => void;
	onSpan: (spanId: string) => void;
	onNth: (nth: number) => void;
}

/** Everything about one span: what it is at once, from the columns; what it carries, when the server has answered. */
export function SpanPanel(props: Props) {
	const { traceId, spanId, layout, row, onClose } = props;
	const missing = row >= 0 && ((layout.flags[row] ?? 0) & Flag.missing) !== 0;
	const query = useQuery({ ...spanQuery(traceId, spanId), enabled: !missing });
	const slow = useSlow(query.isPending && !missing);
	const span = query.data && ([query.data, ...query.data.alternates][props.nth - 1] ?? query.data);
	const service =
		span?.service ?? (row >= 0 && !missing ? layout.services[layout.service[row] ?? 0] : "") ?? "";
	const name =
		span?.name ?? (row >= 0 && !missing ? layout.names[layout.name[row] ?? 0] : undefined) ?? "Span";

	return (
		<Panel
			label="Span"
			onClose={onClose}
			title={
				<span className={css.title}>
					{!missing && (
						<span className={css.swatch} style={{ background: serviceColor(service) }} aria-hidden="true" />
					)}
					<span className={css.name}>
						<span className="muted">{service}</span> {missing ? "Missing parent" : name}
					</span>
				</span>
			}
		>
			{missing ? (
				<Missing spanId={spanId} />
			) : span ? (
				<Details {...props} span={query.data ?? span} />
			) : query.error ? (
				<SpanError error={query.error} onRetry={() => void query.refetch()} />
			) : slow ? (
				<div className={css.waiting} role="status" aria-label="loading the span">
					{[70, 45, 90, 60, 80, 50].map((w) => (
						<Skeleton key={w} width={`${w}%`} />
					))}
				</div>
			) : null}
		</Panel>
	);
}

function Missing({ spanId }: { spanId: string }) {
	return (
		<div className={css.section}>
			<p>
				Other spans name <CopyId id={spanId} whole label="span id" /> as their parent, and it has not arrived.
			</p>
			<p className="muted">
				It may still be running, its sender may not export, or it was sampled away. Its bar is drawn over the
				time of its children.
			</p>
		</div>
	);
}

function SpanError({ error, onRetry }: { error: Error; onRetry: () => void }) {
	const problem = error instanceof ApiError ? error.problem : undefined;
	return (
		<ErrorState
			title="The span cannot be shown"
			reason={problem ? (problem.detail ?? problem.title) : error.message}
			hint={problem?.hint}
			id={problem?.id}
			onRetry={onRetry}
		/>
	);
}

function Details({ span: answered, nth, layout, row, onSpan, onNth }: Props & { span: SpanDetail }) {
	const variants = [answered, ...answered.alternates];
	const span = variants[nth - 1] ?? answered;
	const count = span.attributes.reduce((n, g) => n + g.attributes.length, 0);
	return (
		<>
			{variants.length > 1 && (
				<Notice
					tone="warn"
					action={
						<select
							aria-label="Which of the spans"
							value={nth}
							onChange={(e) => onNth(Number(e.target.value))}
							className={css.select}
						>
							{variants.map((v, i) => (
								// biome-ignore lint/suspicious/noArrayIndexKey: they may be alike in all that is shown
								<option key={i} value={i + 1}>
									{i + 1}: {v.service} {v.name} {v.kind === "unspecified" ? "" : v.kind}
								</option>
							))}
						</select>
					}
				>
					{variants.length} spans share this id
				</Notice>
			)}
			<Facts span={span} layout={layout} row={row} onSpan={onSpan} />
			{span.exception && <ExceptionView exception={span.exception} />}
			{span.events.length > 0 && (
				<Section title="Events" count={span.events.length} dropped={span.dropped_events}>
					<EventLine span={span} />
				</Section>
			)}
			<Section title="Attributes" count={count} dropped={span.dropped_attributes}>
				{count === 0 && <p className="muted">none</p>}
				{span.attributes.map((g) => (
					<div key={g.name} className={css.group}>
						{span.attributes.length > 1 && <h3>{g.title}</h3>}
						<AttributeTable attributes={g.attributes} scope="span" />
					</div>
				))}
			</Section>
			<Links span={span} onSpan={onSpan} />
			<Section
				title="Resource"
				count={span.resource.attributes.length}
				dropped={span.resource.dropped_attributes}
				folded
			>
				<AttributeTable attributes={span.resource.attributes} scope="resource" />
				<Note name="schema" value={span.resource.schema_url} />
			</Section>
			{span.scope.name !== "" && (
				<Section title="Scope" note={[span.scope.name, span.scope.version].filter(Boolean).join(" ")} folded>
					<AttributeTable attributes={span.scope.attributes} />
					<Note name="schema" value={span.scope.schema_url} />
					{span.scope.attributes.length === 0 && <p className="muted">no attributes</p>}
				</Section>
			)}
			<Raw span={span} />
		</>
	);
}

function Facts({
	span,
	layout,
	row,
	onSpan,
}: {
	span: SpanDetail;
	layout: Layout;
	row: number;
	onSpan: (spanId: string) => void;
}) {
	const zone = useZone();
	const offset = Number(BigInt(span.start_unix_nano) - layout.baseUnixNano);
	const parent = span.parent_span_id;
	return (
		<div className={css.section}>
			<div className={css.pills}>
				{span.status === "error" && <Pill tone="error">failed</Pill>}
				{span.status === "ok" && <Pill tone="ok">ok</Pill>}
				{!span.ended && <Pill tone="accent">running</Pill>}
				{span.kind !== "unspecified" && <Pill>{span.kind}</Pill>}
				{span.marks.includes("truncated") && (
					<Pill tone="warn" tip="A value was longer than the limit and was cut">
						value cut
					</Pill>
				)}
				{span.marks.includes("invalid_utf8") && (
					<Pill tone="warn" tip="A text was not UTF-8; it is kept as it came">
						not UTF-8
					</Pill>
				)}
			</div>
			{span.status_message && <p className={css.message}>{span.status_message}</p>}
			<dl className={css.facts}>
				<dt>Duration</dt>
				<dd>
					{span.ended ? formatDuration(span.duration_ns) : "not ended"}
					{row >= 0 && span.ended && (layout.subtree[row] ?? 1) > 1 && (
						<span className="muted"> · self {formatDuration(selfTimeOf(layout, row))}</span>
					)}
				</dd>
				<dt>Starts</dt>
				<dd>
					{offset === 0 ? "with the trace" : `${offset < 0 ? "" : "+"}${formatDuration(offset)}`}
					<span className={css.time}> {absoluteTime({ unixNano: span.start_unix_nano }, zone)}</span>
				</dd>
				<dt>Span</dt>
				<dd>
					<CopyId id={span.span_id} whole label="span id" />
				</dd>
				{parent && (
					<>
						<dt>Parent</dt>
						<dd>
							<button type="button" className={css.link} onClick={() => onSpan(parent)}>
								{parent}
							</button>
						</dd>
					</>
				)}
				{span.trace_state && (
					<>
						<dt>Trace state</dt>
						<dd className={css.mono}>{span.trace_state}</dd>
					</>
				)}
			</dl>
		</div>
	);
}

function Links({ span, onSpan }: { span: SpanDetail; onSpan: (spanId: string) => void }) {
	const incoming = span.incoming_links;
	if (span.links.length === 0 && incoming.length === 0 && !span.incoming_partial) return null;
	const target = (l: { trace_id: string; span_id: string }, label: ReactNode) =>
		l.trace_id === span.trace_id ? (
			<button type="button" className={css.link} onClick={() => onSpan(l.span_id)}>
				{label}
			</button>
		) : (
			<Link to={paths.trace(l.trace_id, { span: l.span_id })}>{label}</Link>
		);
	return (
		<Section title="Links" count={span.links.length + incoming.length} dropped={span.dropped_links}>
			<ul className={css.links}>
				{span.links.map((l, i) => (
					// biome-ignore lint/suspicious/noArrayIndexKey: a span may link to another more than once
					<li key={i}>
						<span className={css.direction}>to</span>
						<div>
							{target(
								l,
								<span className={css.mono}>
									{l.trace_id === span.trace_id ? "this trace" : shortId(l.trace_id)} · {shortId(l.span_id)}
								</span>,
							)}
							{l.attributes.length > 0 && <AttributeTable attributes={l.attributes} />}
						</div>
					</li>
				))}
				{incoming.map((l, i) => (
					// biome-ignore lint/suspicious/noArrayIndexKey: spans that link here may share an id
					<li key={i}>
						<span className={css.direction}>from</span>
						<div>
							{target(
								l,
								<>
									<span className="muted">{l.service}</span> {l.name}
								</>,
							)}
						</div>
					</li>
				))}
			</ul>
			{span.incoming_partial && <p className="muted">Not all were looked for: {span.incoming_partial}.</p>}
		</Section>
	);
}

function Raw({ span }: { span: SpanDetail }) {
	const text = () => JSON.stringify(rawJson(span), null, 2);
	const [open, setOpen] = useState(false);
	return (
		<div className={css.rawBox}>
			<details className={css.fold} onToggle={(e) => setOpen(e.currentTarget.open)}>
				<summary>
					<h2>Raw JSON</h2>
				</summary>
				{open && (
					// biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard must reach it
					<pre className={css.raw} tabIndex={0}>
						{text()}
					</pre>
				)}
			</details>
			<CopyButton text={text} label="Copy the span as JSON" />
		</div>
	);
}

/** The span with its values as plain JSON. */
function rawJson(span: SpanDetail): unknown {
	const map = (
		list: readonly {
			key: string;
			type: SpanDetail["resource"]["attributes"][number]["type"];
			value?: unknown;
		}[],
	) => Object.fromEntries(list.map((a) => [a.key, plainValue(a)]));
	return {
		...span,
		attributes: map(span.attributes.flatMap((g) => g.attributes)),
		events: span.events.map(({ exception: _, ...e }) => ({ ...e, attributes: map(e.attributes) })),
		links: span.links.map((l) => ({ ...l, attributes: map(l.attributes) })),
		resource: { ...span.resource, attributes: map(span.resource.attributes) },
		scope: { ...span.scope, attributes: map(span.scope.attributes) },
	};
}

export function Section({
	title,
	count,
	note,
	dropped,
	folded = false,
	children,
}: {
	title: string;
	count?: number;
	note?: string;
	dropped?: number;
	folded?: boolean;
	children: ReactNode;
}) {
	const head = (
		<>
			<h2>{title}</h2>
			{count !== undefined && <span className="muted">{count}</span>}
			{note && <span className={css.note}>{note}</span>}
			{dropped !== undefined && dropped > 0 && (
				<Pill tone="warn" tip="The sender counted more than it sent">
					{dropped} dropped
				</Pill>
			)}
		</>
	);
	if (folded) {
		return (
			<details className={css.fold}>
				<summary>{head}</summary>
				<div className={css.inside}>{children}</div>
			</details>
		);
	}
	return (
		<section className={css.section} aria-label={title}>
			<div className={css.head}>{head}</div>
			{children}
		</section>
	);
}

function Note({ name, value }: { name: string; value?: string }) {
	return value ? (
		<p className={css.small}>
			<span className="muted">{name}</span> {value}
		</p>
	) : null;
}
