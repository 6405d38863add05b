import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useDeferredValue, useMemo, useState } from "react";
import { servicesQuery } from "../api/queries";
import { formatCount } from "../lib/format";
import { serviceColor } from "../lib/serviceColor";
import { setTheme } from "../lib/theme";
import { paths } from "../paths";
import { type Command, CommandPalette } from "../ui/CommandPalette";

/** A trace id, alone or inside a traceparent header or a link. */
export function traceIdIn(text: string): string | undefined {
	const parent = /\b00-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}\b/i.exec(text);
	const id = parent?.[1] ?? /(?:^|[^0-9a-z])([0-9a-f]{32})(?:$|[^0-9a-z])/i.exec(text)?.[1];
	return id && !/^0+$/.test(id) ? id.toLowerCase() : undefined;
}

/** A span id alone: 16 hex digits. */
export function spanIdIn(text: string): string | undefined {
	const id = /^\s*([0-9a-f]{16})\s*$/i.exec(text)?.[1];
	return id?.toLowerCase();
}

function fromText(text: string): Command[] {
	const trace = traceIdIn(text);
	if (trace)
		return [
			{
				id: `trace ${trace}`,
				label: trace,
				kind: "open trace",
				icon: "right",
				to: paths.trace(trace),
				always: true,
			},
		];
	const span = spanIdIn(text);
	const found: Command[] = [];
	if (span) {
		found.push(
			{
				id: `trace ${span}`,
				label: span,
				kind: "open trace",
				icon: "right",
				to: paths.trace(span),
				always: true,
			},
			{
				id: `span ${span}`,
				label: span,
				kind: "search span",
				icon: "search",
				to: paths.search({ q: `{ span:id = "${span}" }`, range: { last: "7d" } }),
				always: true,
			},
		);
	}
	return found;
}

export function Palette({ onClose, onKeys }: { onClose: () => void; onKeys: () => void }) {
	const [text, setText] = useState("");
	const prefix = useDeferredValue(text.trim());
	const services = useQuery({ ...servicesQuery(prefix), placeholderData: keepPreviousData });
	const commands = useMemo(
		(): Command[] => [
			...fromText(text),
			{ id: "search", label: "Search", kind: "page", icon: "search", to: paths.search() },
			{
				id: "errors",
				label: "Failed traces",
				kind: "search",
				icon: "search",
				detail: "status = error",
				to: paths.search({ q: "status=error" }),
			},
			...(services.data?.services ?? []).map(
				(s): Command => ({
					id: `service ${s.name}`,
					label: s.name,
					kind: "service",
					color: serviceColor(s.name),
					detail: `${formatCount(s.spans)} spans`,
					to: paths.search({ q: `service=${JSON.stringify(s.name)}` }),
				}),
			),
			{ id: "send", label: "Send spans here", kind: "page", icon: "send", to: paths.send() },
			{ id: "keys", label: "Keyboard", kind: "help", icon: "keyboard", run: onKeys },
			{ id: "dark", label: "Dark theme", kind: "theme", icon: "theme", run: () => setTheme("dark") },
			{ id: "light", label: "Light theme", kind: "theme", icon: "theme", run: () => setTheme("light") },
			{
				id: "system",
				label: "Theme as the device",
				kind: "theme",
				icon: "theme",
				run: () => setTheme("system"),
			},
		],
		[text, services.data, onKeys],
	);
	return <CommandPalette commands={commands} onText={setText} onClose={onClose} />;
}
