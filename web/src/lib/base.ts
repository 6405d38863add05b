/**
 * The base path at which the app is served, from <base href>, which the server writes:
 * "/" or "/some/prefix/". It begins and ends with a slash.
 */
export function basePath(): string {
	const path = new URL(document.baseURI).pathname;
	return path.endsWith("/") ? path : path.slice(0, path.lastIndexOf("/") + 1);
}

/** The address of a path of paths.ts, with the base path in front. */
export function href(path: string): string {
	return basePath() + path.replace(/^\//, "");
}

/** The same with scheme and host: for copying, and for programs outside the browser. */
export function absoluteHref(path: string): string {
	return new URL(href(path), location.origin).href;
}
