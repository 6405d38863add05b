import { type ReactNode, useState } from "react";
import type { Card } from "../api/queries";
import { formatCount, formatDuration, plural } from "../lib/format";
import { serviceColor } from "../lib/serviceColor";
import { paths } from "../paths";
import { Flag, type Layout } from "../timeline/decode";
import { CopyButton } from "../ui/CopyId";
import { Icon } from "../ui/Icon";
import { Link } from "../ui/Link";
import css from "./Card.module.css";
import { relatedLabel, shortValue } from "./related";
import { rangeAround } from "./traceRange";
import { useMedia } from "./useMedia";

interface Props {
	card: Card | undefined;
	error: Error | null;
	layout: Layout;
	/** Only the headline, until more is asked for. */
	brief: boolean;
	onSpan: (spanId: string) => void;
}

/**
 * What a support person needs without reading a waterfall: what failed and where, what
 * went in and came out, who called, which versions, where to look further. A trace in
 * which nothing failed has a line that opens to the same.
 */
export function FailureCard({ card, error, layout, brief, onSpan }: Props) {
	const [open, setOpen] = useState<boolean>();
	const narrow = useMedia("(max-width: 699px)");
	if (error !== null) {
		return (
			<div className={css.card} role="status">
				<p className="muted">The summary could not be read: {error.message}</p>
			</div>
		);
	}
	if (card === undefined) return <div className={css.card} data-waiting aria-hidden="true" />;
	const { failure } = card;
	const details = hasDetails(card);
	const running = layout.flags.some((f) => (f & Flag.live) !== 0);
	// With a span's panel open, the panel is what is being read.
	const shown = open ?? (failure !== undefined && !brief && !narrow);
	if (failure === undefined && !details) return null;

	return (
		<section className={css.card} data-failed={failure !== undefined || undefined} aria-label="What happened">
			<div className={css.head}>
				{failure ? (
					<Headline failure={failure} onSpan={onSpan} />
				) : (
					<Fine card={card} running={running} errors={layout.errors} />
				)}
				<div className={css.actions}>
					{details && (
						<button
							type="button"
							className={css.fold}
							aria-expanded={shown}
							onClick={() => setOpen(!shown)}
							data-open={shown || undefined}
						>
							<Icon name="right" /> {shown ? "Less" : "More"}
						</button>
					)}
					<CopyButton text={card.text} label="Copy as text" />
				</div>
			</div>
			{shown && details && (
				<dl className={css.details}>
					{failure && failure.frames.length > 0 && <Frames failure={failure} onSpan={onSpan} />}
					{card.caller && <Row title="Caller">{callerText(card.caller)}</Row>}
					<Facts title="In" facts={card.inputs} onSpan={onSpan} />
					<Versions card={card} />
					<Facts title="Out" facts={card.outputs} onSpan={onSpan} />
					{card.related.length > 0 && (
						<Row title="Leads on">
							{card.related.map((r) => (
								<Link
									key={`${r.key} ${r.value}`}
									className={css.lead}
									to={paths.search({ q: r.query, range: rangeAround(layout) })}
									data-tip={`${r.key} = ${r.value}\nin ${formatCount(r.spans)} spans here; find all traces with it`}
								>
									<span className="muted">{relatedLabel(r.key)}</span> {shortValue(r.value)}
								</Link>
							))}
						</Row>
					)}
				</dl>
			)}
		</section>
	);
}

function Headline({
	failure,
	onSpan,
}: {
	failure: NonNullable<Card["failure"]>;
	onSpan: (spanId: string) => void;
}) {
	const hops = servicePath(failure.path);
	const site = failure.frames.find((f) => f.yours) ?? failure.frames[0];
	const place = site && placeOf(site);
	const tries = failure.attempts > 1 ? ` (attempt ${failure.attempt} of ${failure.attempts})` : "";
	return (
		<p className={css.headline}>
			<span className={css.cross} aria-hidden="true" />
			<strong>What failed: </strong>
			{hops.map((service, i) => (
				// biome-ignore lint/suspicious/noArrayIndexKey: a path may visit a service twice
				<span key={i}>
					{i > 0 && <span className={css.arrow}> → </span>}
					<span className={css.service}>
						<span style={{ background: serviceColor(service) }} aria-hidden="true" />
						{service}
					</span>
				</span>
			))}{" "}
			<button type="button" className={css.span} onClick={() => onSpan(failure.span.span_id)}>
				{failure.span.name}
			</button>{" "}
			failed after {formatDuration(failure.duration_ns)}
			{tries}
			{(failure.type || failure.message) && (
				<>
					{" · "}
					<span className={css.reason}>
						{failure.type && <b>{shortType(failure.type)}</b>}
						{failure.type && failure.message && ": "}
						{failure.message}
					</span>
				</>
			)}
			{place && <span className={css.place}> · {place}</span>}
			{failure.others > 0 && <span className="muted"> · {plural(failure.others, "other failure")}</span>}
		</p>
	);
}

/** The line of a trace without a failure: what was asked and what came back. */
function Fine({ card, running, errors }: { card: Card; running: boolean; errors: number }) {
	const facts = [...card.inputs.slice(0, 3), ...card.outputs.slice(0, 2)];
	return (
		<p className={css.headline} data-fine>
			{/* The card may be older than the rows of a trace that still grows. */}
			{errors > 0
				? `${plural(errors, "span")} failed`
				: running
					? "Still running, nothing failed so far"
					: "Nothing failed"}
			{facts.map((f) => (
				<span key={`${f.key} ${f.span_id}`}>
					{" · "}
					<span className="muted">{f.key}</span> {f.value}
				</span>
			))}
		</p>
	);
}

function Frames({
	failure,
	onSpan,
}: {
	failure: NonNullable<Card["failure"]>;
	onSpan: (spanId: string) => void;
}) {
	const yours = failure.frames.filter((f) => f.yours);
	const top = (yours.length > 0 ? yours : failure.frames).slice(0, 2);
	const left = failure.frames_total - top.length;
	return (
		<Row title="At">
			{top.map((f, i) => (
				// biome-ignore lint/suspicious/noArrayIndexKey: a recursion has the same frame twice
				<code key={i} className={css.frame} data-tip={f.text}>
					{f.function ? `${f.function} ${placeOf(f) ?? ""}` : f.text}
				</code>
			))}
			{left > 0 && (
				<button type="button" className={css.span} onClick={() => onSpan(failure.span.span_id)}>
					{formatCount(left)} more frames
				</button>
			)}
		</Row>
	);
}

/** bank.go:88; the directories are in the tooltip and in the panel. */
function placeOf(f: { file?: string; line?: number }): string | undefined {
	if (!f.file) return undefined;
	const name = f.file.slice(Math.max(f.file.lastIndexOf("/"), f.file.lastIndexOf("\\")) + 1);
	return f.line === undefined ? name : `${name}:${f.line}`;
}

function Facts({
	title,
	facts,
	onSpan,
}: {
	title: string;
	facts: Card["inputs"];
	onSpan: (spanId: string) => void;
}) {
	if (facts.length === 0) return null;
	return (
		<Row title={title}>
			{facts.map((f) => (
				<button
					key={`${f.key} ${f.value} ${f.span_id}`}
					type="button"
					className={css.fact}
					onClick={() => onSpan(f.span_id)}
					data-tip={`${f.key} = ${f.value}\nshow the span that says so`}
				>
					<span className="muted">{f.key}</span> {f.value}
				</button>
			))}
		</Row>
	);
}

function Versions({ card }: { card: Card }) {
	// On the failure's way only, if there is one: that is where a version is suspected.
	const way = card.failure && new Set(card.failure.path.map((s) => s.service));
	const known = card.services.filter((s) => s.versions.length > 0 && (way === undefined || way.has(s.name)));
	if (known.length === 0) return null;
	return (
		<Row title="Versions">
			{known.map((s) => (
				<span key={s.name} className={css.version}>
					<span className="muted">{s.name}</span>{" "}
					<span className={s.versions.length > 1 ? css.several : undefined}>{s.versions.join(" and ")}</span>
				</span>
			))}
		</Row>
	);
}

function Row({ title, children }: { title: string; children: ReactNode }) {
	return (
		<div className={css.row}>
			<dt>{title}</dt>
			<dd>{children}</dd>
		</div>
	);
}

function hasDetails(card: Card): boolean {
	return (
		(card.failure?.frames.length ?? 0) > 0 ||
		card.inputs.length > 0 ||
		card.outputs.length > 0 ||
		card.caller !== undefined ||
		card.related.length > 0 ||
		card.services.some((s) => s.versions.length > 0)
	);
}

/** The services the failure went through, each once in a row; the middle of a long way is left out. */
export function servicePath(path: readonly { service: string }[]): string[] {
	const hops = path.map((s) => s.service).filter((s, i, all) => s !== all[i - 1]);
	return hops.length <= 5 ? hops : [...hops.slice(0, 2), "…", ...hops.slice(-2)];
}

/** com.shop.bank.BankTimeout is BankTimeout to the reader; the panel has the whole. */
export function shortType(type: string): string {
	return /[^.:]+$/.exec(type)?.[0] ?? type;
}

function callerText(c: NonNullable<Card["caller"]>): string {
	return [[c.service, c.version].filter(Boolean).join(" "), c.address, c.user_agent]
		.filter(Boolean)
		.join(" · ");
}
