import type { QueryClient } from "@tanstack/react-query";
import {
	createRootRouteWithContext,
	createRoute,
	createRouter,
	lazyRouteComponent,
	type RouterHistory,
	redirect,
} from "@tanstack/react-router";
import { cardQuery, layoutQuery } from "./api/queries";
import { Frame } from "./frame/Frame";
import { NotFound } from "./frame/NotFound";
import { PageError } from "./frame/PageError";
import { basePath } from "./lib/base";
import { SearchPage } from "./search/SearchPage";
import { SendPage } from "./welcome/SendPage";

/** Parameters of a page as the URL has them; each page gives them their meaning. */
export type UrlParams = Record<string, string>;

const params = (search: Record<string, unknown>): UrlParams =>
	Object.fromEntries(Object.entries(search).map(([name, value]) => [name, String(value)]));

const rootRoute = createRootRouteWithContext<{ client: QueryClient }>()({
	component: Frame,
	notFoundComponent: NotFound,
	errorComponent: PageError,
});

const homeRoute = createRoute({
	getParentRoute: () => rootRoute,
	path: "/",
	beforeLoad: () => {
		throw redirect({ to: "/search", replace: true });
	},
});

const searchRoute = createRoute({
	getParentRoute: () => rootRoute,
	path: "/search",
	validateSearch: params,
	component: SearchPage,
});

const traceRoute = createRoute({
	getParentRoute: () => rootRoute,
	path: "/trace/$traceId",
	validateSearch: params,
	// The trace comes at the same time as the code that draws it; what goes wrong is the page's to say.
	loader: ({ params, context }) => {
		const traceId = params.traceId.toLowerCase();
		void context.client.prefetchQuery(layoutQuery(traceId));
		void context.client.prefetchQuery(cardQuery(traceId));
	},
	shouldReload: false,
	component: lazyRouteComponent(() => import("./trace/TracePage"), "TracePage"),
});

const sendRoute = createRoute({ getParentRoute: () => rootRoute, path: "/send", component: SendPage });

export function newRouter(client: QueryClient, history?: RouterHistory) {
	return createRouter({
		context: { client },
		routeTree: rootRoute.addChildren([homeRoute, searchRoute, traceRoute, sendRoute]),
		basepath: basePath(),
		history,
		// Plain parameters: q=service=payment, not JSON.
		parseSearch: (text) => Object.fromEntries(new URLSearchParams(text)),
		stringifySearch: (search) => {
			const query = new URLSearchParams(search as UrlParams).toString();
			return query ? `?${query}` : "";
		},
		defaultPreload: false,
		scrollRestoration: false,
	});
}

declare module "@tanstack/react-router" {
	interface Register {
		router: ReturnType<typeof newRouter>;
	}
}
