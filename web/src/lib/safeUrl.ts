/**
 * The address of a text that is a link, or undefined. http and https only: anything else
 * that a value can hold (javascript:, data:, file:) stays text.
 */
export function safeUrl(text: string): string | undefined {
	if (!/^https?:\/\/[^\s"'<>`]+$/i.test(text) || text.length > 2048) return undefined;
	try {
		const url = new URL(text);
		return url.protocol === "http:" || url.protocol === "https:" ? url.href : undefined;
	} catch {
		return undefined;
	}
}
