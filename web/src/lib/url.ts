import { useParams, useSearch } from "@tanstack/react-router";

/** The parameters of this page's URL, as text. */
export function useUrlParams(): Record<string, string> {
	return useSearch({ strict: false }) as Record<string, string>;
}

/** The trace id of this page's URL. */
export function useTraceId(): string {
	return useParams({ strict: false }).traceId ?? "";
}
