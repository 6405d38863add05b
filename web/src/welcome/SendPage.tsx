import { useQuery } from "@tanstack/react-query";
import { statusQuery } from "../api/queries";
import { PageBar } from "../frame/PageBar";
import { useTitle } from "../lib/title";
import { SkeletonRows, useSlow } from "../ui/Skeleton";
import { ErrorState } from "../ui/States";
import { HowToSend } from "./Welcome";
import css from "./Welcome.module.css";

/** How to send spans here, for whoever comes later than the first span. */
export function SendPage() {
	const status = useQuery(statusQuery);
	useTitle("Send spans");
	const slow = useSlow(status.isPending);
	return (
		<>
			<PageBar title="Send spans here" />
			{slow && <SkeletonRows rows={6} height={32} label="Loading" />}
			{status.isError && (
				<ErrorState
					title="The server's state did not come"
					reason={status.error.message}
					onRetry={() => void status.refetch()}
				/>
			)}
			{status.data && (
				<div className={`${css.page} ${css.under}`}>
					<HowToSend status={status.data} everyMs={5_000} />
				</div>
			)}
		</>
	);
}
