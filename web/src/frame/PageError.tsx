import type { ErrorComponentProps } from "@tanstack/react-router";
import { ErrorState } from "../ui/States";

/** A page that broke while it was drawn: a fault of ours, not of the data asked for. */
export function PageError({ error, reset }: ErrorComponentProps) {
	return (
		<ErrorState
			title="This page broke"
			reason={error instanceof Error ? error.message : String(error)}
			hint="Reload the page. If the app was updated since this tab was opened, that is the cause."
			onRetry={() => {
				reset();
				location.reload();
			}}
		/>
	);
}
