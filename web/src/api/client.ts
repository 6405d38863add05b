import { href } from "../lib/base";
import type { components, paths } from "./schema.gen";

export type Schemas = components["schemas"];
export type Problem = Schemas["Problem"];

/** What the API said no with, or why it could not be asked. */
export class ApiError extends Error {
	readonly problem: Problem;
	/** Seconds the server asks to wait. */
	readonly retryAfter?: number;

	constructor(problem: Problem, retryAfter?: number) {
		super(problem.detail ?? problem.title);
		this.name = "ApiError";
		this.problem = problem;
		this.retryAfter = retryAfter;
	}
}

type Method = "get" | "put" | "post" | "delete";
type Operation<P extends keyof paths, M extends Method> = NonNullable<paths[P][M]>;
type Params<O> = O extends { parameters: infer T } ? T : never;
type Query<O> = Params<O> extends { query?: infer Q } ? Q : never;
type Path<O> = Params<O> extends { path: infer T } ? T : undefined;
type Body<O> = O extends { requestBody?: { content: { "application/json": infer B } } } ? B : undefined;
type Ok<O> = O extends { responses: { 200: { content: { "application/json": infer R } } } }
	? R
	: O extends { responses: { 201: { content: { "application/json": infer R } } } }
		? R
		: undefined;

export interface CallOptions<O> {
	path?: Path<O>;
	query?: Query<O>;
	body?: Body<O>;
	signal?: AbortSignal;
}

/** The address of an operation, relative to the base path. */
export function apiPath(template: string, path: object = {}, query: object = {}): string {
	const values = path as Record<string, unknown>;
	const filled = template.replace(/\{(\w+)\}/g, (_, name: string) =>
		encodeURIComponent(String(values[name])),
	);
	const params = new URLSearchParams();
	for (const [name, value] of Object.entries(query)) {
		if (value !== undefined && value !== "") params.set(name, String(value));
	}
	const text = params.toString();
	return `/api/v1${filled}${text ? `?${text}` : ""}`;
}

async function send(path: string, init: RequestInit): Promise<Response> {
	let response: Response;
	try {
		response = await fetch(href(path), { credentials: "same-origin", ...init });
	} catch (cause) {
		if (init.signal?.aborted) throw cause;
		throw new ApiError({
			type: "about:blank",
			title: "The server does not answer",
			detail: "No connection to the server this page came from.",
			hint: "Is it running? The page tries again when you do.",
			status: 0,
			code: "offline",
			id: "",
		});
	}
	if (response.ok) return response;
	throw new ApiError(await problemOf(response), Number(response.headers.get("Retry-After")) || undefined);
}

/** The problem document of an answer; something like one if a proxy in between answered. */
async function problemOf(response: Response): Promise<Problem> {
	const fallback: Problem = {
		type: "about:blank",
		title: `The server answered ${response.status} ${response.statusText}`.trim(),
		status: response.status,
		code: "http",
		id: "",
	};
	if (!/\bjson\b/.test(response.headers.get("Content-Type") ?? "")) return fallback;
	try {
		return { ...fallback, ...(await response.json()) };
	} catch {
		return fallback; // cut off
	}
}

/** Calls one operation of openapi.yaml; throws ApiError. */
export async function call<P extends keyof paths, M extends Method>(
	method: M,
	template: P,
	options: CallOptions<Operation<P, M>> = {},
): Promise<Ok<Operation<P, M>>> {
	const { body } = options;
	const response = await send(apiPath(template, options.path ?? {}, options.query ?? {}), {
		method: method.toUpperCase(),
		signal: options.signal,
		headers: {
			Accept: "application/json",
			...(body !== undefined && { "Content-Type": "application/json" }),
		},
		body: body === undefined ? undefined : JSON.stringify(body),
	});
	if (response.status === 204) return undefined as Ok<Operation<P, M>>;
	return (await response.json()) as Ok<Operation<P, M>>;
}

/** Calls an operation whose answer is bytes. */
export async function callBytes(
	template: keyof paths,
	options: { path?: object; query?: object; accept: string; signal?: AbortSignal },
): Promise<ArrayBuffer> {
	const response = await send(apiPath(template, options.path, options.query), {
		signal: options.signal,
		headers: { Accept: options.accept },
	});
	return await response.arrayBuffer();
}
