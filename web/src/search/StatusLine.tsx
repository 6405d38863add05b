import { absoluteHref } from "../lib/base";
import { cliLine } from "../lib/cli";
import { formatCount, plural } from "../lib/format";
import { clock, relativeTime, useZone, zoneName } from "../lib/time";
import type { Window } from "../lib/timeRange";
import { paths } from "../paths";
import { Button, IconButton } from "../ui/Button";
import { CopyButton } from "../ui/CopyId";
import { Pill } from "../ui/Pill";
import { useNow } from "../ui/Time";
import css from "./SearchPage.module.css";
import type { Live } from "./useLive";

interface Props {
	/** Of the heat map, which counts all. */
	total?: { traces: number; failed: number; partial?: string };
	rows: number;
	/** The list has all there is. */
	complete: boolean;
	/** When a range that moves was asked for. */
	asOf?: number;
	fetching: boolean;
	live: Live;
	canLive: boolean;
	whyNotLive: string;
	wantsLive: boolean;
	onLive: (on: boolean) => void;
	onRefresh: () => void;
	heat: boolean;
	onHeat: (on: boolean) => void;
	link: () => string;
	search: { q: string; range: Window; order: "newest" | "duration" };
}

/** How many, as of when, and what can be done with the list. */
export function StatusLine(props: Props) {
	const { total, rows, complete, asOf, fetching, live, canLive, wantsLive } = props;
	const zone = useZone();
	const now = useNow(5_000);
	const on = wantsLive && canLive;
	return (
		<div className={css.line}>
			<p className={css.count} role="status">
				{total ? (
					<>
						<strong>{plural(total.traces, "trace")}</strong>
						{total.failed > 0 && <span className={css.failed}>{formatCount(total.failed)} failed</span>}
						{total.partial && (
							<Pill tone="warn" tip={total.partial}>
								at least
							</Pill>
						)}
					</>
				) : (
					rows > 0 && (
						<strong>
							{complete ? "" : "newest "}
							{plural(rows, "trace")}
						</strong>
					)
				)}
			</p>
			<span className={css.asOf}>
				{fetching ? (
					"asking…"
				) : on ? (
					<LiveWords live={live} />
				) : (
					asOf !== undefined && (
						<span data-tip={`as of ${clock(asOf, zone)} ${zoneName(asOf, zone)}`}>
							as of {relativeTime(asOf, now)}
						</span>
					)
				)}
			</span>
			<div className={css.tools}>
				<Button
					look="quiet"
					icon={on ? "pause" : "play"}
					aria-pressed={on}
					disabled={!canLive}
					data-tip={canLive ? "Follow matching traces as they arrive  l" : props.whyNotLive}
					onClick={() => props.onLive(!wantsLive)}
				>
					Live
				</Button>
				<IconButton icon="refresh" label="Ask again" shortcut="r" onClick={props.onRefresh} />
				<CopyButton icon="link" label="Copy the link, with absolute time  y" text={props.link} />
				<span className={css.desktop}>
					<IconButton
						icon="heat"
						label={props.heat ? "Hide the heat map" : "Show the heat map"}
						aria-pressed={props.heat}
						onClick={() => props.onHeat(!props.heat)}
					/>
					<CopyButton
						icon="dollar"
						label="Copy the command line that prints this list"
						text={() => searchCommand(props.search)}
					/>
				</span>
			</div>
		</div>
	);
}

function LiveWords({ live }: { live: Live }) {
	const words = {
		off: "",
		connecting: "connecting…",
		open: "live",
		away: "connection lost, trying again…",
		ended: live.problem ?? "the stream ended",
	}[live.state];
	return (
		<span className={css.live} data-state={live.state}>
			<span className={css.dot} />
			{words}
			{live.pending > 0 && `, ${live.pending} waiting`}
			{live.lost > 0 && (
				<Pill tone="warn" tip="More arrives than this page can take">
					{plural(live.lost, "span")} not shown
				</Pill>
			)}
		</span>
	);
}

/** The command that prints the list that is shown, with absolute time. */
export function searchCommand(
	{ q, range, order }: Props["search"],
	server = absoluteHref(paths.home()),
): string {
	const words = ["trace", "search"];
	if (q !== "") words.push(q);
	words.push("--start", new Date(range.start).toISOString(), "--end", new Date(range.end).toISOString());
	if (order === "duration") words.push("--order", "duration");
	return cliLine(words, server);
}

interface FootProps {
	rows: number;
	hasMore: boolean;
	fetching: boolean;
	failed: boolean;
	onMore: () => void;
}

/** The end of the list: whether it is the end. */
export function ListFoot({ rows, hasMore, fetching, failed, onMore }: FootProps) {
	return (
		<div className={css.foot}>
			{failed ? (
				<Button icon="refresh" onClick={onMore}>
					The next page did not come. Try again
				</Button>
			) : fetching ? (
				"more…"
			) : hasMore ? (
				<Button onClick={onMore}>More</Button>
			) : (
				`${rows === 1 ? "This is the only one" : `These are all ${formatCount(rows)}`}`
			)}
		</div>
	);
}
