import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** The program under test; undefined where it is not built. */
export const binary = [process.env.WEFT_BIN, fileURLToPath(new URL("../../bin/weft", import.meta.url))]
	.filter((path) => path !== undefined)
	.map((path) => resolve(path))
	.find((path) => existsSync(path));

export interface Weft {
	url: string;
	run: (...args: string[]) => Promise<string>;
	/** Ends the program; its data stays. */
	pause: () => Promise<void>;
	/** Starts it again at the same address. */
	resume: () => Promise<void>;
	stop: () => Promise<void>;
}

/** A server of its own in an empty folder, on a free port, with the pages of web/dist. */
export async function startWeft(args: readonly string[] = []): Promise<Weft> {
	if (!binary) throw new Error("weft is not built: make build, or WEFT_BIN");
	const program = binary;
	const data = mkdtempSync(join(tmpdir(), "weft-e2e-"));
	const pages = fileURLToPath(new URL("../dist", import.meta.url));
	const others = ["--otlp.grpc", "off", "--otlp.http", "off", "--pprof", "off"];
	const up = (listen: string) =>
		spawn(program, ["up", "--data", data, "--listen", listen, ...others, "--web-dir", pages, ...args], {
			stdio: ["ignore", "pipe", "pipe"],
		});
	let server = up("127.0.0.1:0");
	const url = await address(server);
	const pause = async () => {
		if (server.exitCode !== null) return;
		const ended = new Promise((done) => server.once("exit", done));
		server.kill("SIGTERM");
		await ended;
	};
	return {
		url: `${url}/`,
		run: (...words) => run(program, [...words, "--server", url]),
		pause,
		resume: async () => {
			server = up(new URL(url).host);
			await address(server);
		},
		stop: async () => {
			await pause();
			rmSync(data, { recursive: true, force: true });
		},
	};
}

/** Waits for the line that says where it listens. */
function address(server: ChildProcess): Promise<string> {
	return new Promise((done, fail) => {
		let said = "";
		for (const stream of [server.stdout, server.stderr]) {
			if (!stream) continue;
			createInterface(stream).on("line", (line) => {
				said += `${line}\n`;
				const ready = /msg=ready address=(\S+)/.exec(line);
				if (ready?.[1]) done(ready[1]);
			});
		}
		server.once("exit", (code) => fail(new Error(`weft up ended with ${code}:\n${said}`)));
	});
}

function run(program: string, args: string[]): Promise<string> {
	return new Promise((done, fail) => {
		const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
		let out = "";
		let said = "";
		child.stdout.on("data", (chunk) => {
			out += chunk;
		});
		child.stderr.on("data", (chunk) => {
			said += chunk;
		});
		child.once("exit", (code) =>
			code === 0 ? done(out) : fail(new Error(`weft ${args.join(" ")} ended with ${code}:\n${said}${out}`)),
		);
	});
}

export interface SpanSpec {
	traceId: string;
	spanId: string;
	parentId?: string;
	service: string;
	name: string;
	/** Milliseconds since 1970, and how many. */
	start: number;
	ms: number;
	error?: string;
	attributes?: Record<string, string>;
	/** OTLP SpanKind; by default a server's for a root, else a client's. */
	kind?: number;
}

const text = (value: string) => ({ stringValue: value });

/** Sends spans as OTLP JSON, a resource for each service. */
export async function send(url: string, spans: readonly SpanSpec[], token?: string): Promise<void> {
	const services = new Map<string, SpanSpec[]>();
	for (const s of spans) services.set(s.service, [...(services.get(s.service) ?? []), s]);
	const body = {
		resourceSpans: [...services].map(([service, list]) => ({
			resource: { attributes: [{ key: "service.name", value: text(service) }] },
			scopeSpans: [
				{
					spans: list.map((s) => ({
						traceId: s.traceId,
						spanId: s.spanId,
						parentSpanId: s.parentId,
						name: s.name,
						kind: s.kind ?? (s.parentId ? 3 : 2),
						startTimeUnixNano: `${s.start}000000`,
						endTimeUnixNano: `${s.start + s.ms}000000`,
						attributes: Object.entries(s.attributes ?? {}).map(([key, value]) => ({
							key,
							value: text(value),
						})),
						status: s.error === undefined ? {} : { code: 2, message: s.error },
					})),
				},
			],
		})),
	};
	const response = await fetch(`${url}v1/traces`, {
		method: "POST",
		headers: { "Content-Type": "application/json", ...(token && { Authorization: `Bearer ${token}` }) },
		body: JSON.stringify(body),
	});
	if (!response.ok) throw new Error(`send: ${response.status} ${await response.text()}`);
}

const hex = (n: number, digits: number) => n.toString(16).padStart(digits, "0");

/** A payment of three services; it fails at the bank where an error is given. */
export function payment(
	n: number,
	start: number,
	ms: number,
	error?: string,
	attributes: Record<string, string> = {},
): SpanSpec[] {
	const traceId = hex(0xabc000 + n, 32);
	const id = (i: number) => hex(n * 16 + i + 1, 16);
	return [
		{ traceId, spanId: id(0), service: "gateway", name: "POST /pay", start, ms, error, attributes },
		{
			traceId,
			spanId: id(1),
			parentId: id(0),
			service: "payment",
			name: "Charge",
			start: start + ms * 0.1,
			ms: ms * 0.8,
			error,
		},
		{
			traceId,
			spanId: id(2),
			parentId: id(1),
			service: "bank",
			name: "AUTH",
			start: start + ms * 0.2,
			ms: ms * 0.6,
			error,
		},
	].map((s) => ({ ...s, start: Math.round(s.start), ms: Math.round(s.ms) }));
}
