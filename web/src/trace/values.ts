import type { Schemas } from "../api/client";

export type Attribute = Schemas["Attribute"];
export type TypedValue = Pick<Attribute, "type" | "value">;

/** The members of an array or a map value; undefined for a value that has none. */
export function membersOf(v: TypedValue): { key?: string; value: TypedValue }[] | undefined {
	if (v.type === "array" && Array.isArray(v.value)) {
		return (v.value as TypedValue[]).map((value) => ({ value }));
	}
	if (v.type === "map" && Array.isArray(v.value)) {
		return (v.value as Attribute[]).map((a) => ({ key: a.key, value: a }));
	}
	return undefined;
}

/** A value as text, as one would paste it. */
export function valueText(v: TypedValue): string {
	switch (v.type) {
		case "empty":
		case "absent":
			return "";
		case "array":
		case "map":
			return JSON.stringify(plainValue(v));
		default:
			return String(v.value ?? "");
	}
}

/** A value as JSON would have it, for raw views and for copying. */
export function plainValue(v: TypedValue): unknown {
	if (v.type === "int") {
		const n = Number(v.value);
		return Number.isSafeInteger(n) ? n : String(v.value);
	}
	const members = membersOf(v);
	if (v.type === "array") return (members ?? []).map((m) => plainValue(m.value));
	if (v.type === "map") return Object.fromEntries((members ?? []).map((m) => [m.key, plainValue(m.value)]));
	return v.value ?? null;
}

/** TraceQL that finds spans with this value, or undefined where a value cannot be searched for. */
export function searchFor(scope: "span" | "resource" | "event", a: Attribute): string | undefined {
	const literal = literalOf(a);
	return literal === undefined ? undefined : `{ ${scope}.${nameOf(a.key)} = ${literal} }`;
}

function literalOf(a: Attribute): string | undefined {
	switch (a.type) {
		case "string":
			return JSON.stringify(a.value ?? "");
		case "int":
		case "bool":
			return String(a.value);
		case "double":
			return typeof a.value === "number" ? String(a.value) : undefined;
		default:
			return undefined;
	}
}

/** Attribute names end at a space, a quote or an operator; such names are quoted. */
function nameOf(key: string): string {
	return /^[^\s"'`{}()=~!<>&|^,]+$/.test(key) ? key : JSON.stringify(key);
}
