import {
	createRootRoute,
	createRoute,
	createRouter,
	lazyRouteComponent,
	type RouterHistory,
	redirect,
} from "@tanstack/react-router";
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

const rootRoute = createRootRoute({
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
	component: lazyRouteComponent(() => import("./trace/TracePage"), "TracePage"),
});

const sendRoute = createRoute({ getParentRoute: () => rootRoute, path: "/send", component: SendPage });

export function newRouter(history?: RouterHistory) {
	return createRouter({
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
