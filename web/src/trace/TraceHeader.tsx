import type { Card } from "../api/queries";
import { useKeepTrace, useReleaseTrace } from "../api/queries";
import { href } from "../lib/base";
import { cliLine } from "../lib/cli";
import { formatDuration, plural, shortId } from "../lib/format";
import { serviceColor } from "../lib/serviceColor";
import { files, paths } from "../paths";
import { Flag, type Layout } from "../timeline/decode";
import { IconButton } from "../ui/Button";
import { CopyButton, CopyId } from "../ui/CopyId";
import { Link } from "../ui/Link";
import { Menu } from "../ui/Menu";
import { Pill } from "../ui/Pill";
import { Time } from "../ui/Time";
import { relatedLabel, relatedRank, shortValue } from "./related";
import css from "./Trace.module.css";
import { rangeAround } from "./traceRange";

interface Props {
	layout: Layout;
	card: Card | undefined;
	link: () => string;
	results: { previous?: string; next?: string };
	onErrors: () => void;
}

const shownRelated = 4;

/** One line: which trace this is, in numbers and in the ids that lead on; what can be done with it. */
export function TraceHeader({ layout, card, link, results, onErrors }: Props) {
	const rootRow = rootOf(layout);
	const service = card?.root.service ?? layout.services[layout.service[rootRow] ?? 0] ?? "";
	const name = card?.root.name ?? layout.names[layout.name[rootRow] ?? 0] ?? "";
	const running = layout.flags.some((f) => (f & Flag.live) !== 0);
	const missing = card?.missing_parents ?? 0;
	const spans = layout.cut?.spans ?? layout.spans;
	const range = rangeAround(layout);
	const related = [...(card?.related ?? [])]
		.sort((a, b) => relatedRank(a.key) - relatedRank(b.key))
		.slice(0, shownRelated);

	return (
		<div className={css.header}>
			<h1 className={css.title}>
				<span className={css.swatch} style={{ background: serviceColor(service) }} aria-hidden="true" />
				<span className={css.titleService}>{service}</span> <span className={css.titleName}>{name}</span>
			</h1>
			<ul className={css.facts} aria-label="About this trace">
				<li className={css.strong}>{running ? "running" : formatDuration(layout.durationNs)}</li>
				<li>{plural(spans, "span")}</li>
				<li>{plural(layout.services.filter((s) => s !== "").length, "service")}</li>
				{layout.errors > 0 ? (
					<li>
						<button type="button" className={css.errors} onClick={onErrors} data-tip="Next error  e">
							<span className={css.cross} aria-hidden="true" />
							{plural(layout.errors, "error")}
						</button>
					</li>
				) : (
					<li>no errors</li>
				)}
				{missing > 0 && (
					<li>
						<Pill tone="warn" tip="Parents that spans name and that have not arrived">
							{plural(missing, "missing parent")}
						</Pill>
					</li>
				)}
				<li>
					<Time unixNano={layout.baseUnixNano} />
				</li>
				<li className={css.wideOnly}>
					<CopyId id={layout.traceId} label="trace id" />
				</li>
				{related.map((r) => (
					<li key={`${r.key} ${r.value}`} className={css.wideOnly}>
						<Link
							to={paths.search({ q: r.query, range })}
							className={css.related}
							data-tip={`${r.key} = ${r.value}\nall traces with it`}
						>
							<span className="muted">{relatedLabel(r.key)}</span> {shortValue(r.value)}
						</Link>
					</li>
				))}
			</ul>
			<div className={css.actions}>
				{(results.previous || results.next) && (
					<>
						<Neighbour to={results.previous} label="Trace before" shortcut="[" flip />
						<Neighbour to={results.next} label="Next trace" shortcut="]" />
					</>
				)}
				<KeepButton traceId={layout.traceId} kept={card?.kept !== undefined} ready={card !== undefined} />
				<CopyButton text={link} label="Copy a link to exactly this" icon="link" />
				<span className={css.desktop}>
					<CopyButton
						text={cliLine(["trace", "get", layout.traceId], new URL(href("/"), location.origin).href)}
						label={`Copy the command line\nweft trace get ${shortId(layout.traceId)}…`}
						icon="dollar"
					/>
				</span>
				<Menu
					label="Download"
					align="end"
					trigger={(props) => <IconButton {...props} icon="download" label="Download" />}
					items={[
						{ heading: "Download the whole trace" },
						{ label: "OTLP JSON", run: () => download(files.traceDownload(layout.traceId, "json")) },
						{ label: "OTLP protobuf", run: () => download(files.traceDownload(layout.traceId, "protobuf")) },
						{ label: "Jaeger JSON", run: () => download(files.traceDownload(layout.traceId, "jaeger")) },
					]}
				/>
			</div>
		</div>
	);
}

function Neighbour({
	to,
	label,
	shortcut,
	flip = false,
}: {
	to?: string;
	label: string;
	shortcut: string;
	flip?: boolean;
}) {
	const shape = flip ? "m9.5 4.5-3.5 3.5 3.5 3.5" : "m6.5 4.5 3.5 3.5-3.5 3.5";
	const icon = (
		<svg
			width="16"
			height="16"
			viewBox="0 0 16 16"
			fill="none"
			stroke="currentColor"
			strokeWidth="1.4"
			aria-hidden="true"
		>
			<path d={shape} />
		</svg>
	);
	if (to === undefined) {
		return (
			<span className={css.neighbour} data-off>
				{icon}
			</span>
		);
	}
	return (
		<Link
			to={paths.trace(to)}
			className={css.neighbour}
			aria-label={label}
			data-tip={`${label}  ${shortcut}`}
		>
			{icon}
		</Link>
	);
}

function KeepButton({ traceId, kept, ready }: { traceId: string; kept: boolean; ready: boolean }) {
	const keep = useKeepTrace(traceId);
	const release = useReleaseTrace(traceId);
	const failed = keep.error ?? release.error;
	const label = failed
		? `Not possible: ${failed.message}`
		: kept
			? "Kept past retention. Let it age again"
			: "Keep past retention";
	return (
		<IconButton
			icon="pin"
			label={label}
			aria-pressed={kept}
			disabled={!ready || keep.isPending || release.isPending}
			onClick={() => (kept ? release.mutate() : keep.mutate(""))}
		/>
	);
}

function download(path: string): void {
	const a = document.createElement("a");
	a.href = href(path);
	a.download = "";
	a.click();
}

function rootOf(l: Layout): number {
	for (let r = 0; r < l.rows; r++) if (((l.flags[r] ?? 0) & Flag.missing) === 0) return r;
	return 0;
}
