/**
 * Puts text on the clipboard; false if the browser forbids it. The clipboard API exists on
 * secure origins only (https, loopback); the old command works on the rest.
 */
export async function copyText(text: string): Promise<boolean> {
	try {
		if (navigator.clipboard) {
			await navigator.clipboard.writeText(text);
			return true;
		}
	} catch {
		// Not focused, or not permitted: the old way may still be.
	}
	const area = document.createElement("textarea");
	area.value = text;
	area.readOnly = true;
	area.className = "sr";
	// Inside an open dialog, because the rest of the page is inert then.
	(document.querySelector("dialog[open]") ?? document.body).append(area);
	area.select();
	try {
		return document.execCommand("copy");
	} catch {
		return false;
	} finally {
		area.remove();
	}
}
