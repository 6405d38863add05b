import {
	infiniteQueryOptions,
	keepPreviousData,
	QueryCache,
	QueryClient,
	queryOptions,
	useMutation,
	useQueryClient,
} from "@tanstack/react-query";
import type { Window } from "../lib/timeRange";
import { ApiError, call, callBytes, type Schemas } from "./client";

export type TraceRow = Schemas["TraceRow"];
export type Heatmap = Schemas["Heatmap"];
export type Status = Schemas["Status"];
export type Session = Schemas["Session"];
export type Refused = Schemas["Refused"];
export type Card = Schemas["Card"];
export type SpanDetail = Schemas["SpanDetail"];
export type Completion = Schemas["Completion"];

/** Answers that say no are final; what may pass is tried again twice. */
function worthRetrying(failures: number, error: Error): boolean {
	if (!(error instanceof ApiError)) return false;
	const { status } = error.problem;
	return failures < 2 && (status === 0 || status === 502 || status === 503 || status === 504);
}

export function newQueryClient(): QueryClient {
	const client: QueryClient = new QueryClient({
		// A session that ended shows in some answer first; the frame then asks for a sign-in.
		queryCache: new QueryCache({
			onError: (error, query) => {
				if (error instanceof ApiError && error.problem.status === 401 && query.queryKey[0] !== "session") {
					void client.invalidateQueries({ queryKey: ["session"] });
				}
			},
		}),
		defaultOptions: {
			queries: { retry: worthRetrying, refetchOnWindowFocus: false, staleTime: 30_000 },
			mutations: { retry: false },
		},
	});
	return client;
}

const times = (window: Window) => ({
	start: new Date(window.start).toISOString(),
	end: new Date(window.end).toISOString(),
});

export interface SearchRequest {
	q: string;
	window: Window;
	order: "newest" | "duration";
}

export const pageRows = 50;

/** The result list, page after page. The window is part of the key: a new one is a new list. */
export const searchQuery = (request: SearchRequest) =>
	infiniteQueryOptions({
		queryKey: ["search", request],
		queryFn: ({ pageParam, signal }) =>
			call("get", "/search", {
				query: {
					q: request.q,
					order: request.order,
					...times(request.window),
					limit: pageRows,
					page: pageParam,
					preview: true,
				},
				signal,
			}),
		initialPageParam: undefined as string | undefined,
		getNextPageParam: (last) => last.next_page,
		placeholderData: keepPreviousData,
		staleTime: Number.POSITIVE_INFINITY,
	});

export const heatmapQuery = (q: string, window: Window, columns: number) =>
	queryOptions({
		queryKey: ["heatmap", q, window, columns],
		queryFn: ({ signal }) => call("get", "/heatmap", { query: { q, ...times(window), columns }, signal }),
		placeholderData: keepPreviousData,
		staleTime: Number.POSITIVE_INFINITY,
	});

export const completionQuery = (q: string, pos: number) =>
	queryOptions({
		queryKey: ["complete", q, pos],
		queryFn: ({ signal }) => call("get", "/complete", { query: { q, pos, limit: 30 }, signal }),
		placeholderData: keepPreviousData,
		retry: false,
	});

export const servicesQuery = (prefix: string, limit = 20) =>
	queryOptions({
		queryKey: ["services", prefix, limit],
		queryFn: ({ signal }) => call("get", "/services", { query: { prefix, limit }, signal }),
	});

export const statusQuery = queryOptions({
	queryKey: ["status"],
	queryFn: ({ signal }) => call("get", "/status", { signal }),
});

export const refusedQuery = queryOptions({
	queryKey: ["refused"],
	queryFn: ({ signal }) => call("get", "/refused", { signal }),
});

export const sessionQuery = queryOptions({
	queryKey: ["session"],
	queryFn: ({ signal }) => call("get", "/session", { signal }),
	staleTime: Number.POSITIVE_INFINITY,
});

export function useSignIn() {
	const client = useQueryClient();
	return useMutation({
		mutationFn: (token: string) => call("post", "/session", { body: { token } }),
		onSuccess: (session) => {
			// What another sign-in saw is not for this one.
			client.removeQueries({ predicate: (query) => query.queryKey[0] !== "session" });
			client.setQueryData(sessionQuery.queryKey, session);
		},
	});
}

export function useSignOut() {
	const client = useQueryClient();
	return useMutation({
		mutationFn: () => call("delete", "/session"),
		onSuccess: () => client.resetQueries(),
	});
}

export const cardQuery = (traceId: string) =>
	queryOptions({
		queryKey: ["trace", traceId, "card"],
		queryFn: ({ signal }) => call("get", "/traces/{id}/card", { path: { id: traceId }, signal }),
	});

/** The binary columns of docs/format/trace-layout.md; root gives a subtree of a cut trace. */
export const layoutQuery = (traceId: string, root?: string) =>
	queryOptions({
		queryKey: ["trace", traceId, "layout", root],
		queryFn: ({ signal }) =>
			callBytes("/traces/{id}/layout", {
				path: { id: traceId },
				query: { root },
				accept: "application/vnd.weft.layout, application/problem+json",
				signal,
			}),
	});

export const spanQuery = (traceId: string, spanId: string) =>
	queryOptions({
		queryKey: ["trace", traceId, "span", spanId],
		queryFn: ({ signal }) =>
			call("get", "/traces/{id}/spans/{span_id}", { path: { id: traceId, span_id: spanId }, signal }),
	});

export function useKeepTrace(traceId: string) {
	const client = useQueryClient();
	return useMutation({
		mutationFn: (note: string) => call("put", "/traces/{id}/keep", { path: { id: traceId }, body: { note } }),
		onSuccess: () => client.invalidateQueries({ queryKey: ["trace", traceId, "card"] }),
	});
}

export function useReleaseTrace(traceId: string) {
	const client = useQueryClient();
	return useMutation({
		mutationFn: () => call("delete", "/traces/{id}/keep", { path: { id: traceId } }),
		onSuccess: () => client.invalidateQueries({ queryKey: ["trace", traceId, "card"] }),
	});
}

export function useDeleteTrace(traceId: string) {
	const client = useQueryClient();
	return useMutation({
		mutationFn: () => call("delete", "/traces/{id}", { path: { id: traceId } }),
		onSuccess: () => {
			client.removeQueries({ queryKey: ["trace", traceId] });
			return client.invalidateQueries({ queryKey: ["search"] });
		},
	});
}
