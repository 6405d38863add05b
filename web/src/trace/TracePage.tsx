import { useQuery } from "@tanstack/react-query";
import { ApiError } from "../api/client";
import { cardQuery } from "../api/queries";
import { shortId } from "../lib/format";
import { useTraceId, useUrlParams } from "../lib/url";
import { paths } from "../paths";
import { Link } from "../ui/Link";
import { SkeletonRows, useSlow } from "../ui/Skeleton";
import { EmptyState, ErrorState } from "../ui/States";
import css from "./Trace.module.css";
import { TraceView } from "./TraceView";
import { readState } from "./traceUrl";
import { type LoadedTrace, useTrace } from "./useTrace";

export function TracePage() {
	const traceId = useTraceId().toLowerCase();
	return <OneTrace key={traceId} traceId={traceId} />;
}

function OneTrace({ traceId }: { traceId: string }) {
	const params = useUrlParams();
	const trace = useTrace(traceId);
	const card = useQuery(cardQuery(traceId));

	if (trace.layout !== undefined && trace.layout.rows > 0) {
		return (
			<TraceView
				trace={trace}
				layout={trace.layout}
				card={card.data}
				cardError={card.error}
				params={params}
			/>
		);
	}
	return (
		<>
			<h1 className="sr">Trace {shortId(traceId)}</h1>
			<WithoutTrace traceId={traceId} trace={trace} at={readState(params).at} />
		</>
	);
}

/** On the way, not there, or not readable. */
function WithoutTrace({ traceId, trace, at }: { traceId: string; trace: LoadedTrace; at?: string }) {
	const slow = useSlow(trace.pending);
	const problem = trace.error instanceof ApiError ? trace.error.problem : undefined;
	if (trace.pending) {
		return slow ? (
			<div className={css.loading}>
				<SkeletonRows rows={18} height={24} label="loading the trace" />
			</div>
		) : null;
	}
	if (trace.error === null || problem?.status === 404) {
		return <Gone traceId={traceId} at={at} hint={problem?.hint} />;
	}
	return (
		<ErrorState
			title="The trace cannot be shown"
			reason={problem ? (problem.detail ?? problem.title) : trace.error.message}
			hint={problem?.hint}
			id={problem?.id}
			onRetry={trace.retry}
		/>
	);
}

/** Not there: says which trace, and where its neighbours in time are if the link tells when it was. */
function Gone({ traceId, at, hint }: { traceId: string; at?: string; hint?: string }) {
	const time = at === undefined ? undefined : Date.parse(at);
	const around = time !== undefined && { start: time - 60_000, end: time + 60_000 };
	return (
		<EmptyState
			title="No such trace here"
			actions={
				<>
					{around && <Link to={paths.search({ range: around })}>Traces of that minute</Link>}
					<Link to={paths.search()}>Search traces</Link>
				</>
			}
		>
			<p>
				<code>{traceId}</code>
				{at && ` began at ${at}. `}
			</p>
			<p>{hint ?? "It may not have arrived yet, or be past retention, or belong to another tenant."}</p>
		</EmptyState>
	);
}
