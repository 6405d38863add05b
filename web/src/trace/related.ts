/** Ids that lead on, and that belong in a headline before others. */
const first = ["customer", "global_trace_id", "provider", "dataset.version", "client.version"];

export function relatedRank(key: string): number {
	const at = first.indexOf(key);
	return at < 0 ? first.length : at;
}

/** The traces that share a global trace id are a journey. */
export function relatedLabel(key: string): string {
	return key === "global_trace_id" ? "journey" : key;
}

/** Hex ids are told by their first digits, other values by their first words; the whole is on hover. */
export function shortValue(value: string): string {
	if (/^[0-9a-f]{16,}$/.test(value)) return `${value.slice(0, 8)}…`;
	return value.length > 24 ? `${value.slice(0, 23)}…` : value;
}
